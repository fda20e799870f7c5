package pace

import "math"

// sample estimates a ratio, such as of work done to the time it took, and how far that
// may be off: from pairs whose own ratios vary.
type sample struct {
	n                        float64
	a, b                     float64 // sums
	squareA, product, square float64 // sums of a², ab and b²
}

// add adds a pair.
func (s *sample) add(a, b float64) {
	s.n++
	s.a += a
	s.b += b
	s.squareA += a * a
	s.product += a * b
	s.square += b * b
}

// fade halves the weight of what there is, once that is much, so that an engine that has
// changed is seen.
func (s *sample) fade(most float64) {
	if s.n >= most {
		*s = sample{s.n / 2, s.a / 2, s.b / 2, s.squareA / 2, s.product / 2, s.square / 2}
	}
}

// ratio is the sum of all a over that of all b.
func (s *sample) ratio() float64 { return s.a / max(s.b, 1e-12) }

// variance is that of the ratio's logarithm.
func (s *sample) variance() float64 {
	if s.n < 2 || s.a <= 0 {
		return math.Inf(1)
	}
	r := s.ratio()
	rest := max(0, s.squareA-2*r*s.product+r*r*s.square)
	return max(rest/(s.a*s.a)*s.n/(s.n-1), leastNoise*leastNoise/s.n)
}

// leastNoise is how much a pair's ratio varies at least: a few that agree by chance show
// nothing.
const leastNoise = 0.05

// against compares two ratios: s over t, and the bounds between which that is.
func (s *sample) against(t *sample) (low, mid, high float64) {
	mid = s.ratio() / max(t.ratio(), 1e-12)
	off := quantile(min(s.n, t.n)-1) * math.Sqrt(s.variance()+t.variance())
	return mid * math.Exp(-off), mid, mid * math.Exp(off)
}

// quantile is about the 99 % quantile of Student's t distribution. A bound is looked at
// again and again, so that it has to hold more often than it would if once.
func quantile(freedom float64) float64 {
	const z = 2.326
	if freedom < 1 {
		return math.Inf(1)
	}
	return z + (z*z*z+z)/(4*freedom) + (5*z*z*z*z*z+16*z*z*z+3*z)/(96*freedom*freedom)
}
