package function

// twister is the Mersenne Twister MT19937 of Matsumoto and Nishimura (ACM TOMACS 8, 1998), which Ruby's Random is made
// of. Numbers like those of fqdn_rand have to be the same as Ruby's.
type twister struct {
	state [624]uint32
	at    int
}

const (
	twistN     = 624
	twistM     = 397
	upperMask  = 0x80000000
	lowerMask  = 0x7fffffff
	twistConst = 0x9908b0df
)

// newTwister seeds with an array of words.
func newTwister(key []uint32) *twister {
	t := &twister{at: twistN}
	t.seed(19650218)
	i, j := 1, 0
	for range max(twistN, len(key)) {
		t.state[i] = (t.state[i] ^ (t.state[i-1]^t.state[i-1]>>30)*1664525) + key[j] + uint32(j)
		i, j = i+1, (j+1)%len(key)
		if i >= twistN {
			t.state[0], i = t.state[twistN-1], 1
		}
	}
	for range twistN - 1 {
		t.state[i] = (t.state[i] ^ (t.state[i-1]^t.state[i-1]>>30)*1566083941) - uint32(i)
		if i++; i >= twistN {
			t.state[0], i = t.state[twistN-1], 1
		}
	}
	t.state[0] = upperMask
	return t
}

func (t *twister) seed(s uint32) {
	t.state[0] = s
	for i := 1; i < twistN; i++ {
		t.state[i] = 1812433253*(t.state[i-1]^t.state[i-1]>>30) + uint32(i)
	}
}

func (t *twister) refill() {
	for i := range twistN {
		y := t.state[i]&upperMask | t.state[(i+1)%twistN]&lowerMask
		next := t.state[(i+twistM)%twistN] ^ y>>1
		if y&1 != 0 {
			next ^= twistConst
		}
		t.state[i] = next
	}
	t.at = 0
}

// next gives 32 random bits.
func (t *twister) next() uint32 {
	if t.at >= twistN {
		t.refill()
	}
	y := t.state[t.at]
	t.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below gives a number from 0 to limit: draws of as many bits as limit has, until one is not above it.
func (t *twister) below(limit uint64) uint64 {
	if limit == 0 {
		return 0
	}
	mask := limit
	for s := 1; s < 64; s *= 2 {
		mask |= mask >> s
	}
	for {
		var n uint64
		for shift := 32; shift >= 0; shift -= 32 {
			if mask>>shift&0xffffffff != 0 {
				n |= uint64(t.next()) << shift
				if n &= mask; n > limit {
					break
				}
			}
		}
		if n <= limit {
			return n
		}
	}
}
