package stats

import (
	"fmt"
	"math"
	"slices"
)

// Verdict is what the rows decide about b against a.
type Verdict int

// The verdicts.
const (
	Undecided  Verdict = iota // these rows do not show it
	Better                    // the interval is above 0
	Worse                     // the interval is below 0
	Equivalent                // the interval is within ± margin
	NotWorse                  // the interval is above −margin: b may be better, and is not worse by that much
)

// String is the verdict in one or two words.
func (v Verdict) String() string {
	switch v {
	case Undecided:
		return "undecided"
	case Better:
		return "better"
	case Worse:
		return "worse"
	case Equivalent:
		return "equivalent"
	case NotWorse:
		return "not worse"
	}
	return fmt.Sprintf("Verdict(%d)", int(v))
}

// Verdict is what the interval says. margin is the smallest difference that
// matters, and 0 if any does. A difference that is shown, and shown to be
// smaller than the margin, is Equivalent. Without an interval it is Undecided.
//
// Equivalence by an interval of 95 % is two one-sided tests at 2.5 % each, which
// is stricter than the usual 5 %.
func (d Difference) Verdict(margin float64) Verdict {
	switch {
	case d.Method == NoInterval:
		return Undecided
	case margin > 0 && d.Low > -margin && d.High < margin:
		return Equivalent
	case d.Low > 0:
		return Better
	case d.High < 0:
		return Worse
	case margin > 0 && d.Low > -margin:
		return NotWorse
	}
	return Undecided
}

// Holm adjusts the p values of several comparisons, in their order (Holm,
// Scandinavian Journal of Statistics 6 (1979) 65–70): those that stay at or below
// 0.05 may be claimed together with a chance of at most 5 % that any is wrong.
func Holm(p []float64) ([]float64, error) {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("%w: p value %d is %v", ErrSetting, i+1, v)
		}
	}
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order(p) {
		least = math.Max(least, math.Min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted, nil
}

// order is the places of p from the smallest value to the largest; equal ones
// stay as they are.
func order(p []float64) []int {
	places := make([]int, len(p))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int {
		switch {
		case p[i] < p[j]:
			return -1
		case p[i] > p[j]:
			return 1
		}
		return 0
	})
	return places
}

// Pair is one comparison of a [Family]: the arguments of [Paired].
type Pair struct {
	A, B     []float64
	Clusters []string
}

// Outcome is one comparison among several.
type Outcome struct {
	Difference         // its Level is the one that this comparison must be read at
	AdjustedP  float64 // P after [Holm]
	Verdict    Verdict
}

// Family compares several pairs and decides about all of them together, so that
// the chance of any false Better or Worse is at most 1 − level, and so is that of
// any false Equivalent or NotWorse. For m comparisons, Holm's method decides on
// Better and Worse, and such a comparison has the interval of its step, of level
// 1 − (1−level)/(m−step). All others have that of level 1 − (1−level)/m, which
// hold together. So each verdict can be read from its interval. One pair is
// [Paired] and its verdict.
func Family(pairs []Pair, level, margin float64) ([]Outcome, error) {
	if err := checkLevel(level); err != nil {
		return nil, err
	}
	if !(margin >= 0 && margin <= 1) {
		return nil, fmt.Errorf("%w: margin %v is not from 0 to 1", ErrSetting, margin)
	}
	m := float64(len(pairs))
	outcomes := make([]Outcome, len(pairs))
	p := make([]float64, len(pairs))
	for i, pair := range pairs {
		d, err := Paired(pair.A, pair.B, pair.Clusters, 1-(1-level)/m)
		if err != nil {
			return nil, fmt.Errorf("comparison %d: %w", i+1, err)
		}
		outcomes[i], p[i] = Outcome{Difference: d, Verdict: d.Verdict(margin)}, d.P
	}
	adjusted, err := Holm(p)
	if err != nil {
		return nil, err
	}
	for i := range outcomes {
		outcomes[i].AdjustedP = adjusted[i]
	}
	for step, i := range order(p) {
		if adjusted[i] >= 1-level {
			break
		}
		if outcomes[i].Verdict == Equivalent || step == 0 {
			continue // decided at the strictest level
		}
		d, err := Paired(pairs[i].A, pairs[i].B, pairs[i].Clusters, 1-(1-level)/(m-float64(step)))
		if err != nil {
			return nil, err
		}
		outcomes[i].Difference, outcomes[i].Verdict = d, d.Verdict(0)
	}
	return outcomes, nil
}
