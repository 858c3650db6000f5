package file

import (
	"fmt"
	"strconv"
	"strings"
)

// octal is how modes are shown: 0644.
func octal(bits uint32) string { return fmt.Sprintf("%04o", bits) }

// parseMode gives the permission bits that a mode asks for, given those that are there. For a directory, a numeric mode
// that lets somebody read lets him search too, as in Puppet.
func parseMode(mode string, have uint32, dir bool) (uint32, error) {
	if bits, err := strconv.ParseUint(mode, 8, 32); err == nil {
		if bits > 0o7777 {
			return 0, fmt.Errorf("mode %s has too many bits", mode)
		}
		if dir {
			bits |= bits & 0o444 >> 2
		}
		return uint32(bits), nil
	}
	for clause := range strings.SplitSeq(mode, ",") {
		next, err := applyClause(clause, have, dir)
		if err != nil {
			return 0, fmt.Errorf("mode %q: %w", mode, err)
		}
		have = next
	}
	return have, nil
}

// applyClause applies a clause as of chmod: who, then one or more of an operator with permissions.
func applyClause(clause string, have uint32, dir bool) (uint32, error) {
	i := 0
	var who uint32
	for ; i < len(clause) && strings.IndexByte("ugoa", clause[i]) >= 0; i++ {
		switch clause[i] {
		case 'u':
			who |= 0o4700
		case 'g':
			who |= 0o2070
		case 'o':
			who |= 0o1007
		case 'a':
			who |= 0o7777
		}
	}
	if who == 0 {
		who = 0o7777
	}
	if i == len(clause) {
		return 0, fmt.Errorf("clause %q has no operator", clause)
	}
	for i < len(clause) {
		op := clause[i]
		if strings.IndexByte("+-=", op) < 0 {
			return 0, fmt.Errorf("clause %q: unexpected %q", clause, op)
		}
		end := i + 1
		for end < len(clause) && strings.IndexByte("+-=", clause[end]) < 0 {
			end++
		}
		bits := permissions(clause[i+1:end], have, dir) & who
		switch op {
		case '+':
			have |= bits
		case '-':
			have &^= bits
		case '=':
			have = have&^who&0o7777 | bits
		}
		i = end
	}
	return have, nil
}

func permissions(letters string, have uint32, dir bool) uint32 {
	var bits uint32
	for _, l := range letters {
		switch l {
		case 'r':
			bits |= 0o444
		case 'w':
			bits |= 0o222
		case 'x':
			bits |= 0o111
		case 'X':
			if dir || have&0o111 != 0 {
				bits |= 0o111
			}
		case 's':
			bits |= 0o6000
		case 't':
			bits |= 0o1000
		case 'u':
			bits |= have >> 6 & 7 * 0o111
		case 'g':
			bits |= have >> 3 & 7 * 0o111
		case 'o':
			bits |= have & 7 * 0o111
		}
	}
	return bits
}
