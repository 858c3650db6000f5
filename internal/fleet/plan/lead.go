package plan

import (
	"fmt"
	"math"
	"slices"
	"time"

	"kickoff/internal/config"
)

// Lead is how long waves of launches take until the last of them serves. It
// is made anew when there are new samples, and never changed.
type Lead struct {
	// waves[n-1] is the percentile for a wave of n.
	waves  []time.Duration
	margin time.Duration
	// Text says where the numbers come from.
	Text string
	// Samples is how many measured times there are.
	Samples int
}

// NewLead makes the lead times of waves of up to largest instances from
// measured times from request to service; with fewer than the configured
// number of samples the stated default counts.
//
// The last of n instances is in service by time t with probability F(t)^n, so
// the percentile p of a wave is the quantile p^(1/n) of one instance. Where that
// is finer than the samples are, a log-normal fit speaks, if it says more than the
// longest sample.
func NewLead(c config.LeadTime, samples []time.Duration, largest int) *Lead {
	l := &Lead{waves: make([]time.Duration, max(largest, 1)), margin: c.Margin, Samples: len(samples)}
	if len(samples) < max(c.Samples, 1) {
		for i := range l.waves {
			l.waves[i] = c.Default
		}
		l.Text = fmt.Sprintf("the default %s (%d measured, %d needed) + margin %s", c.Default, len(samples), c.Samples, c.Margin)
		return l
	}
	sorted := slices.Sorted(slices.Values(samples))
	mean, sigma := logMoments(sorted)
	l.fill(c, func(q float64) time.Duration {
		k := int(math.Ceil(q*float64(len(sorted)))) - 1
		d := sorted[min(max(k, 0), len(sorted)-1)]
		if float64(len(sorted))*(1-q) < 1 {
			d = max(d, logNormal(mean, sigma, q))
		}
		return d
	})
	l.Text = fmt.Sprintf("percentile %g of %d measured times + margin %s", c.Percentile, len(samples), c.Margin)
	return l
}

// LeadOf makes the lead times from a given distribution instead of samples.
func LeadOf(c config.LeadTime, b *config.Boot, largest int) *Lead {
	if b == nil {
		return NewLead(c, nil, largest)
	}
	if len(b.Samples) > 0 {
		c.Samples = 1
		return NewLead(c, b.Samples, largest)
	}
	l := &Lead{waves: make([]time.Duration, max(largest, 1)), margin: c.Margin}
	mean, sigma := BootMoments(b)
	l.fill(c, func(q float64) time.Duration { return logNormal(mean, sigma, q) })
	l.Text = fmt.Sprintf("percentile %g of boot times with median %s and p95 %s + margin %s", c.Percentile, b.Median, b.P95, c.Margin)
	return l
}

func (l *Lead) fill(c config.LeadTime, quantile func(float64) time.Duration) {
	p := c.Percentile / 100
	longest := time.Duration(0)
	for i := range l.waves {
		longest = max(longest, quantile(math.Pow(p, 1/float64(i+1))))
		l.waves[i] = longest
	}
}

// Wave is how long a wave of n takes, without the margin.
func (l *Lead) Wave(n int) time.Duration {
	if l == nil || n <= 0 {
		return 0
	}
	return l.waves[min(n, len(l.waves))-1]
}

// Total is how much earlier a wave of n is launched.
func (l *Lead) Total(n int) time.Duration {
	if l == nil || n <= 0 {
		return 0
	}
	return l.Wave(n) + l.margin
}

// Longest is the total of the largest wave.
func (l *Lead) Longest() time.Duration {
	if l == nil {
		return 0
	}
	return l.Total(len(l.waves))
}

// BootMoments are the mean and the deviation of the logarithm of a boot time
// (in seconds) that is given by its median and 95th percentile.
func BootMoments(b *config.Boot) (mean, sigma float64) {
	mean = math.Log(b.Median.Seconds())
	return mean, (math.Log(b.P95.Seconds()) - mean) / 1.6448536269514722
}

func logMoments(samples []time.Duration) (mean, sigma float64) {
	for _, s := range samples {
		mean += math.Log(max(s.Seconds(), 1e-3))
	}
	mean /= float64(len(samples))
	for _, s := range samples {
		d := math.Log(max(s.Seconds(), 1e-3)) - mean
		sigma += d * d
	}
	return mean, math.Sqrt(sigma / float64(len(samples)))
}

// logNormal is a quantile of a log-normal distribution, at most a day.
func logNormal(mean, sigma, q float64) time.Duration {
	z := math.Sqrt2 * math.Erfinv(2*q-1)
	s := math.Exp(mean + sigma*z)
	if !(s < 86400) {
		s = 86400
	}
	return time.Duration(s * float64(time.Second))
}
