package stats

import (
	"fmt"
	"math"
)

// Sequence is an interval of the mean difference that holds at every row at
// once: it may be looked at after each, and the run stopped by it, without making
// its level untrue. It is wider than the one of [Paired] for as many rows.
//
// Each difference must be independent of those before and come from the same
// distribution, so take the rows in random order. With clusters, add one
// difference for each whole cluster, the mean of its rows: the sequence is then
// about the mean of clusters, in which small and large ones count the same.
//
// It is the hedged capital process of Waudby-Smith and Ramdas, "Estimating means
// of bounded random variables by betting", JRSS B 86 (2024), with its
// predictable plug-in bets: of each possible mean, what a gambler who bets
// against it would own. A mean that has multiplied somebody's money by
// 1/(1−level) is left out for good.
type Sequence struct {
	bets     betting
	level    float64
	n        int
	mean, m2 float64 // running mean of the differences, and sum of squares around it (Welford)
	better   int
	worse    int
	zero     betting // against "no difference", for P
	capital  float64 // the largest that zero has had, as a logarithm
	low      int     // grid points that are left: low to high
	high     int
}

// gridSteps is how many steps the possible differences from −1 to 1 have. The
// bounds are rounded outwards to them.
const gridSteps = 2000

// NewSequence starts at no rows, with the bounds −1 and 1.
func NewSequence(level float64) (*Sequence, error) {
	if err := checkLevel(level); err != nil {
		return nil, err
	}
	grid := make([]float64, gridSteps+1)
	for i := range grid {
		grid[i] = float64(i) / gridSteps
	}
	return &Sequence{
		bets: newBetting(level, grid), zero: newBetting(level, []float64{0.5}),
		level: level, high: gridSteps, capital: math.Inf(-1),
	}, nil
}

// Add counts one row's difference b − a, from −1 to 1.
func (s *Sequence) Add(difference float64) error {
	if !(difference >= -1 && difference <= 1) {
		return fmt.Errorf("%w: row %d: a difference of %v", ErrScore, s.n+1, difference)
	}
	s.n++
	delta := difference - s.mean
	s.mean += delta / float64(s.n)
	s.m2 += delta * (difference - s.mean)
	switch {
	case difference > 0:
		s.better++
	case difference < 0:
		s.worse++
	}
	x := (difference + 1) / 2
	s.zero.add(x, 0, 0)
	s.capital = math.Max(s.capital, s.zero.wealth(0))
	s.bets.add(x, s.low, s.high)
	limit := -math.Log1p(-s.level)
	for s.low < s.high && s.bets.wealth(s.low) >= limit {
		s.low++
	}
	for s.low < s.high && s.bets.wealth(s.high) >= limit {
		s.high--
	}
	return nil
}

// Difference is what is known after the rows so far. P is always valid, too. SE
// and DF are those of [Paired] for as many rows, and say nothing about the bounds.
func (s *Sequence) Difference() Difference {
	d := Difference{
		Mean: s.mean, Low: -1, High: 1, P: 1, N: s.n, Clusters: s.n,
		Better: s.better, Worse: s.worse, Level: s.level, Method: AlwaysValid,
	}
	if s.n > 1 {
		d.DF = float64(s.n - 1)
		d.SE = math.Sqrt(s.m2 / d.DF / float64(s.n))
	}
	if s.low > 0 {
		d.Low = math.Min(s.mean, float64(2*(s.low-1))/gridSteps-1)
	}
	if s.high < gridSteps {
		d.High = math.Max(s.mean, float64(2*(s.high+1))/gridSteps-1)
	}
	if s.capital > 0 {
		d.P = math.Exp(-s.capital)
	}
	return d
}

// betting is the capital of two gamblers for each of several means from 0 to 1,
// one who bets that the true one is higher and one that it is lower.
type betting struct {
	means        []float64
	up, down     []float64 // logarithms of their capital
	bet          float64   // √(2 log(2/α)), which scales the stakes
	t            float64   // values so far
	sum, squares float64   // of the values, and of their distances from the mean so far
}

func newBetting(level float64, means []float64) betting {
	return betting{
		means: means, up: make([]float64, len(means)), down: make([]float64, len(means)),
		bet: math.Sqrt(2 * math.Log(2/(1-level))),
	}
}

// add lets the gamblers on means[low] to means[high] bet on x. The stake depends
// on the values before x only, and is at most half of what they own.
func (b *betting) add(x float64, low, high int) {
	const most = 0.5
	b.t++
	variance := (0.25 + b.squares) / b.t
	stake := b.bet / math.Sqrt(variance*b.t*math.Log(b.t+1))
	for i := low; i <= high; i++ {
		m := b.means[i]
		b.up[i] += math.Log1p(math.Min(stake, most/m) * (x - m))
		b.down[i] += math.Log1p(-math.Min(stake, most/(1-m)) * (x - m))
	}
	b.sum += x
	mean := (0.5 + b.sum) / (b.t + 1)
	b.squares += (x - mean) * (x - mean)
}

// wealth is the logarithm of what the richer of the two has made of the half of
// the money that each started with.
func (b *betting) wealth(i int) float64 { return math.Max(b.up[i], b.down[i]) - math.Ln2 }
