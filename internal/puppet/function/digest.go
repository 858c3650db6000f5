package function

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// digestTable: digests, and numbers that depend on the node only.
func digestTable() []eval.Function {
	return []eval.Function{
		fn("md5", sig(digest(md5Hex), eval.Req("text", "Any"))),
		fn("sha1", sig(digest(func(s string) string { d := sha1.Sum([]byte(s)); return hex.EncodeToString(d[:]) }), eval.Req("text", "Any"))),
		fn("sha256", sig(digest(sha256Hex), eval.Req("text", "Any"))),
		fn("digest", sig(digest(sha256Hex), eval.Req("text", "Any"))),
		fn("fqdn_rand", sig(fqdnRand, eval.Req("max", "Variant[Integer, String]"), eval.Rest("seed", "Any"))),
	}
}

func md5Hex(s string) string    { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) }
func sha256Hex(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }

func digest(f func(string) string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		v := c.Arg(0)
		if s, ok := v.(*value.Sensitive); ok {
			v = s.Unwrap()
		}
		return value.String(f(rubyText(v))), nil
	}
}

// fqdn is the node's name from its facts.
func fqdn(c *eval.Call) string {
	if facts, ok := c.Eval.Variable(c.Scope, "facts"); ok {
		if h, ok := facts.(*value.Hash); ok {
			if v, ok := h.Dig("networking", "fqdn"); ok {
				return v.String()
			}
			if v, ok := h.GetString("fqdn"); ok {
				return v.String()
			}
		}
	}
	v, _ := c.Eval.Variable(c.Scope, "::fqdn")
	return orUndef(v).String()
}

func fqdnRand(_ context.Context, c *eval.Call) (value.Value, error) {
	n, err := types.ToNumber(c.Arg(0))
	limit, ok := n.(value.Int)
	if err != nil || !ok || limit < 1 {
		return nil, c.Errorf("fqdn_rand(): the maximum must be a positive Integer, got %s", types.FormatValue(c.Arg(0)))
	}
	var rest []value.Value
	if len(c.Args) > 1 {
		rest = c.Args[1:]
	}
	seedArgs, name := rest, fqdn(c)
	if len(rest) > 1 { // the second is the flag that makes the name lower case
		seedArgs = rest[:1]
		if value.Truthy(rest[1]) {
			name = strings.ToLower(name)
		}
	}
	parts := append([]string{name, limit.String()}, texts(seedArgs)...)
	if len(seedArgs) == 0 {
		parts = append(parts, "")
	}
	return value.Int(deterministicRand(md5Hex(strings.Join(parts, ":")), int64(limit))), nil
}

// deterministicRand is a number below limit that the hexadecimal seed decides, the same that Ruby's Random gives.
func deterministicRand(hexSeed string, limit int64) int64 {
	return int64(newTwister(bigHex(hexSeed)).below(uint64(limit - 1)))
}

// bigHex gives the words of a hexadecimal number, the lowest first.
func bigHex(hexSeed string) []uint32 {
	seed, _ := new(big.Int).SetString(hexSeed, 16)
	var words []uint32
	mask := big.NewInt(0xffffffff)
	for n := new(big.Int).Set(seed); n.Sign() > 0; n.Rsh(n, 32) {
		words = append(words, uint32(new(big.Int).And(n, mask).Uint64()))
	}
	if len(words) == 0 {
		words = []uint32{0}
	}
	return words
}
