package stats

import "math"

// tango is the score interval of the difference of two paired proportions, after
// Tango, Statistics in Medicine 17 (1998) 891–908. Of n rows, plus passed only
// with b and minus only with a; the difference is (plus − minus)/n. The bounds
// are where the score statistic
//
//	T(Δ) = (plus − minus − nΔ) / √(n (2q + Δ(1−Δ)))
//
// is ±z, with q the maximum likelihood estimate, given Δ, of the chance that only
// a passes. The counts need not be whole numbers: a clustered sample passes its
// effective ones.
func tango(plus, minus, n, z float64) (low, high float64) {
	mean := (plus - minus) / n
	low, high = -1, 1
	if plus < n {
		high = bisect(mean, 1, func(d float64) bool { return tangoScore(plus, minus, n, d) > -z })
	}
	if minus < n {
		low = -bisect(-mean, 1, func(d float64) bool { return tangoScore(plus, minus, n, -d) < z })
	}
	return low, high
}

// tangoScore is T(Δ).
func tangoScore(plus, minus, n, d float64) float64 {
	a := 2 * n
	b := -plus - minus + (2*n-plus+minus)*d
	c := -minus * d * (1 - d)
	q := (math.Sqrt(math.Max(0, b*b-4*a*c)) - b) / (2 * a)
	variance := n * (2*q + d*(1-d))
	diff := plus - minus - n*d
	if variance <= 0 {
		return math.Copysign(math.Inf(1), diff)
	}
	return diff / math.Sqrt(variance)
}

// bisect is the largest x of [inside, outside] for which in holds, to the last
// bit: in holds at inside, and from some x on it does not.
func bisect(inside, outside float64, in func(float64) bool) float64 {
	for range 200 {
		mid := inside + (outside-inside)/2
		if mid == inside || mid == outside {
			break
		}
		if in(mid) {
			inside = mid
		} else {
			outside = mid
		}
	}
	return inside
}
