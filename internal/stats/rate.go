package stats

import (
	"fmt"
	"math"
)

// Rate is the mean score of one arm with its interval, both from 0 to 1. No
// field is ever NaN or infinite.
type Rate struct {
	Mean     float64
	Low      float64
	High     float64
	SE       float64 // standard error of Mean; with clusters CR1
	N        int     // rows
	Clusters int     // clusters; N where there are none
	Level    float64
	Method   Method
}

// Mean is the mean score of one arm. Scores of 0 and 1 have Wilson's interval,
// graded ones Student's t; clusters are as in [Paired]. With fewer than
// [MinClusters] clusters, or fewer than [MinRows] graded rows, Low and High are
// 0 and 1, and Method is [NoInterval]. Wilson's interval needs one row only.
func Mean(scores []float64, clusters []string, level float64) (Rate, error) {
	if len(scores) == 0 {
		return Rate{}, ErrEmpty
	}
	for _, err := range []error{checkLevel(level), checkScores("scores", scores), checkClusters(clusters, len(scores))} {
		if err != nil {
			return Rate{}, err
		}
	}
	binary, groups := isBinary(scores), groupsOf(clusters)
	s := measure(scores, groups)
	s.mean = math.Min(1, s.mean)
	r := Rate{Mean: s.mean, High: 1, SE: s.se, N: len(scores), Clusters: s.units, Level: level}
	if binary && !s.clustered() {
		r.Method = Wilson
		r.Low, r.High = wilson(s.mean, s.n, zCritical(level))
		return r, nil
	}
	if r.N < MinRows || r.Clusters < MinClusters {
		return r, nil
	}
	low := unitsWhere(scores, groups, func(v float64) bool { return v < 1 })
	high := unitsWhere(scores, groups, func(v float64) bool { return v > 0 })
	switch {
	case rare(min(low, high), s.units) || s.constant():
		r.Method = BoundedScore
		if binary {
			r.Method = ClusterScore
		}
		r.Low, r.High = wilson(s.mean, s.fewest(), zCritical(level))
	case binary:
		r.Method = ClusterScore
		r.Low, r.High = wilson(s.mean, s.effective(), tCritical(level, s.df))
	default:
		r.Method = StudentT
		if s.clustered() {
			r.Method = ClusterT
		}
		half := tCritical(level, s.df) * s.se
		r.Low, r.High = math.Max(0, s.mean-half), math.Min(1, s.mean+half)
	}
	return r, nil
}

// Proportion is passes out of n with Wilson's interval.
func Proportion(passes, n int, level float64) (Rate, error) {
	switch {
	case n == 0:
		return Rate{}, ErrEmpty
	case n < 0 || passes < 0 || passes > n:
		return Rate{}, fmt.Errorf("%w: %d of %d passed", ErrSetting, passes, n)
	}
	if err := checkLevel(level); err != nil {
		return Rate{}, err
	}
	p, rows := float64(passes)/float64(n), float64(n)
	r := Rate{Mean: p, N: n, Clusters: n, Level: level, Method: Wilson}
	if n > 1 {
		r.SE = math.Sqrt(p * (1 - p) / (rows - 1))
	}
	r.Low, r.High = wilson(p, rows, zCritical(level))
	return r, nil
}

// wilson is the score interval of a proportion p of n rows, after Wilson, JASA
// 22 (1927) 209–212:
//
//	(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
func wilson(p, n, z float64) (low, high float64) {
	z2 := z * z / n
	centre := (p + z2/2) / (1 + z2)
	half := z / (1 + z2) * math.Sqrt(p*(1-p)/n+z2/(4*n))
	low, high = math.Max(0, centre-half), math.Min(1, centre+half)
	if p == 0 {
		low = 0
	}
	if p == 1 {
		high = 1
	}
	return math.Min(low, p), math.Max(high, p)
}
