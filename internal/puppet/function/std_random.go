package function

import (
	"context"
	"strconv"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// stdRandomTable: what looks random and depends on the node's name or a seed only.
func stdRandomTable() []eval.Function {
	var table []eval.Function
	for _, prefix := range []string{"", "stdlib::"} {
		table = append(table,
			fn(prefix+"fqdn_rotate", sig(fqdnRotate, eval.Req("value", "Variant[Array, String]"), eval.Rest("seeds", "Any"))),
			fn(prefix+"fqdn_rand_string", sig(fqdnRandString, eval.Req("length", "Integer[1]"),
				eval.Opt("charset", "Optional[String]"), eval.Rest("seed", "Any"))),
			fn(prefix+"seeded_rand", sig(seededRand, eval.Req("max", "Integer[1]"), eval.Req("seed", "String"))),
			fn(prefix+"seeded_rand_string", sig(seededRandString, eval.Req("length", "Integer[1]"), eval.Req("seed", "String"),
				eval.Opt("charset", "String[2]"))))
	}
	return table
}

// randOf is fqdn_rand(limit, seed).
func randOf(c *eval.Call, limit int, seed string) int {
	key := strings.Join([]string{fqdn(c), strconv.Itoa(limit), seed}, ":")
	return int(deterministicRand(md5Hex(key), int64(limit)))
}

func fqdnRotate(_ context.Context, c *eval.Call) (value.Value, error) {
	elems, err := elements(c, c.Arg(0))
	if err != nil || len(elems) == 0 {
		return c.Arg(0), err
	}
	seed := md5Hex(fqdn(c) + ":" + strings.Join(texts(c.Args[1:]), ":"))
	n := int(deterministicRand(seed, int64(len(elems))))
	out := append(append([]value.Value{}, elems[n:]...), elems[:n]...)
	if _, ok := c.Arg(0).(value.String); ok {
		return value.String(strings.Join(texts(out), "")), nil
	}
	return value.NewArray(out...), nil
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// maxRandString bounds the length of a random text.
const maxRandString = 1 << 16

func fqdnRandString(_ context.Context, c *eval.Call) (value.Value, error) {
	chars := []rune(c.Str(1))
	if len(chars) == 0 {
		chars = []rune(alphanumeric)
	}
	var seeds []string
	if c.NArgs() > 2 {
		seeds = texts(c.Args[2:])
	}
	out := make([]rune, min(int(c.Arg(0).(value.Int)), maxRandString))
	for i := range out {
		seed := strings.Join(append(append([]string{}, seeds...), strconv.Itoa(i+1)), ":")
		out[i] = chars[randOf(c, len(chars), seed)]
	}
	return value.String(out), nil
}

func seededRand(_ context.Context, c *eval.Call) (value.Value, error) {
	return value.Int(deterministicRand(md5Hex(c.Str(1)), int64(c.Arg(0).(value.Int)))), nil
}

func seededRandString(_ context.Context, c *eval.Call) (value.Value, error) {
	chars := []rune(alphanumericLowerFirst)
	if c.Has(2) {
		chars = []rune(c.Str(2))
	}
	seed := bigHex(sha256Hex(c.Str(1)))
	mt := newTwister(seed)
	out := make([]rune, min(int(c.Arg(0).(value.Int)), maxRandString))
	for i := range out {
		out[i] = chars[mt.below(uint64(len(chars)-1))]
	}
	return value.String(out), nil
}

const alphanumericLowerFirst = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
