package stats

import (
	"fmt"
	"math"
)

// Difference is the mean of b − a over paired rows, with its interval. All of it
// is in the unit of the scores, so 0.03 is three percentage points. No field is
// ever NaN or infinite.
type Difference struct {
	Mean     float64 // of b − a; above 0, b is better
	Low      float64 // bounds of the interval, from −1 to 1
	High     float64
	SE       float64 // standard error of Mean; with clusters CR1, as Stata and statsmodels compute it
	DF       float64 // degrees of freedom of SE
	P        float64 // two-sided, for "no difference"; below 1 − Level exactly if the interval leaves out 0
	N        int     // rows
	Clusters int     // clusters; N where there are none
	Better   int     // rows in which b scored higher
	Worse    int     // rows in which b scored lower
	Level    float64 // of the interval, such as 0.95
	Method   Method  // how the interval was made
}

// Paired compares two arms that scored the same rows: a[i] and b[i] are the
// scores of row i, from 0 to 1 (0 and 1 for pass or fail). clusters is nil, or
// names what each row belongs to, such as its document; rows of one cluster may
// depend on one another, and different clusters may not. level is 0.95 for a
// 95 % interval.
//
// With fewer than [MinRows] rows or [MinClusters] clusters there is no interval:
// Low and High are −1 and 1, P is 1, and Method is [NoInterval].
func Paired(a, b []float64, clusters []string, level float64) (Difference, error) {
	if len(a) != len(b) {
		return Difference{}, fmt.Errorf("%w: %d and %d", ErrLengths, len(a), len(b))
	}
	if len(a) == 0 {
		return Difference{}, ErrEmpty
	}
	for _, err := range []error{checkLevel(level), checkScores("first arm", a), checkScores("second arm", b), checkClusters(clusters, len(a))} {
		if err != nil {
			return Difference{}, err
		}
	}
	diffs := make([]float64, len(a))
	for i := range a {
		diffs[i] = b[i] - a[i]
	}
	return pairedDiffs(diffs, isBinary(a) && isBinary(b), groupsOf(clusters), level), nil
}

// pairedDiffs is [Paired] for differences that are checked. binary says that
// each is −1, 0 or 1.
func pairedDiffs(diffs []float64, binary bool, groups []int, level float64) Difference {
	s := measure(diffs, groups)
	d := Difference{Mean: s.mean, Low: -1, High: 1, SE: s.se, DF: s.df, P: 1, N: len(diffs), Clusters: s.units, Level: level}
	plus, minus := 0.0, 0.0
	for _, v := range diffs {
		switch {
		case v > 0:
			d.Better++
			plus += v
		case v < 0:
			d.Worse++
			minus -= v
		}
	}
	if d.N < MinRows || d.Clusters < MinClusters {
		return d
	}
	differing := unitsWhere(diffs, groups, func(v float64) bool { return v != 0 })
	switch {
	case binary && !s.clustered():
		d.Method = Tango
		d.score(plus, minus, s, s.n, 0)
	case rare(differing, s.units) || s.constant():
		d.Method = BoundedScore
		if binary {
			d.Method = ClusterScore
		}
		d.score(plus, minus, s, s.fewest(), 0)
	case binary:
		d.Method = ClusterScore
		d.score(plus, minus, s, s.effective(), s.df)
	default:
		d.Method = StudentT
		if s.clustered() {
			d.Method = ClusterT
		}
		half := tCritical(level, s.df) * s.se
		d.Low, d.High = math.Max(-1, s.mean-half), math.Min(1, s.mean+half)
		d.P = tTail(s.mean/s.se, s.df)
	}
	return d
}

// score sets the interval and P by Tango's score statistic, for rows of which
// only effective ones count. With df above 0 the statistic is compared with
// Student's t in place of the normal distribution.
func (d *Difference) score(plus, minus float64, s sample, effective, df float64) {
	share := effective / s.n
	low, high := tango(plus*share, minus*share, effective, critical(d.Level, df))
	d.Low, d.High = math.Min(low, d.Mean), math.Max(high, d.Mean)
	if plus != minus {
		d.P = tail((plus-minus)*math.Sqrt(share/(plus+minus)), df)
	}
}
