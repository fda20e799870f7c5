package stats

import (
	"fmt"
	"math"
)

// Agreement is how often a judge's labels are those of a person.
type Agreement struct {
	Raw Rate // share of equal labels, with Wilson's interval
	// Kappa is Cohen's: the agreement beyond what chance would give, from −1 to 1.
	// KappaLow and KappaHigh are its interval at Raw.Level.
	Kappa, KappaLow, KappaHigh float64
	// KappaDefined is false, and Kappa 0 with the bounds −1 and 1, if both gave
	// every row the same single label: then chance would agree just as well. With
	// fewer than [MinRows] rows Kappa has a value and the bounds −1 and 1.
	KappaDefined bool
}

// Agree compares labels row by row. Labels are any texts, and equal or not.
// Cohen's kappa is (pₒ − pₑ)/(1 − pₑ), with the large-sample standard error of
// Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969) 323–327. Where that
// error is 0, as with no disagreement at all, the bounds are those of Wilson's
// interval of the raw agreement, put into the same formula.
func Agree(judge, labels []string, level float64) (Agreement, error) {
	if len(judge) != len(labels) {
		return Agreement{}, fmt.Errorf("%w: %d and %d labels", ErrLengths, len(judge), len(labels))
	}
	byJudge, byPerson := map[string]float64{}, map[string]float64{}
	equal := 0
	for i, label := range judge {
		byJudge[label]++
		byPerson[labels[i]]++
		if label == labels[i] {
			equal++
		}
	}
	raw, err := Proportion(equal, len(judge), level)
	if err != nil {
		return Agreement{}, err
	}
	a := Agreement{Raw: raw, KappaLow: -1, KappaHigh: 1}
	n := float64(len(judge))
	chance := 0.0
	for label, count := range byJudge {
		chance += count * byPerson[label]
	}
	chance /= n * n
	if len(byJudge) == 1 && equal == len(judge) {
		return a, nil
	}
	kappa := func(agreement float64) float64 { return math.Max(-1, (agreement-chance)/(1-chance)) }
	a.Kappa, a.KappaDefined = kappa(raw.Mean), true
	if len(judge) < MinRows {
		return a, nil
	}

	// The three terms of the variance. Those of the table's cells are summed row by
	// row: the row's cell is (label, labels[i]).
	k := 1 - a.Kappa
	first, second := 0.0, 0.0
	for i, label := range judge {
		if label == labels[i] {
			sum := (byJudge[label] + byPerson[label]) / n
			first += (1 - sum*k) * (1 - sum*k) / n
		} else {
			sum := (byPerson[label] + byJudge[labels[i]]) / n
			second += sum * sum / n
		}
	}
	third := a.Kappa - chance*k
	variance := (first + second*k*k - third*third) / ((1 - chance) * (1 - chance) * n)
	if variance < 1e-20 {
		a.KappaLow, a.KappaHigh = kappa(raw.Low), kappa(raw.High)
		return a, nil
	}
	half := zCritical(level) * math.Sqrt(variance)
	a.KappaLow, a.KappaHigh = math.Max(-1, a.Kappa-half), math.Min(1, a.Kappa+half)
	return a, nil
}

// Position is whether a judge that compares two answers prefers the one that it
// reads first. Each row was judged in both orders.
type Position struct {
	// Bias is the share of rows by which the judge prefers the first answer, over
	// none: 0 for a fair judge, 1 for one that always takes the first, −1 for one
	// that always takes the second. Better and Worse count the rows in which both
	// orders leaned to the first, and to the second.
	Bias Difference
	// Consistent is the share of rows in which both orders had the same winner.
	Consistent Rate
}

// PositionBias is the bias of an order-swapped judge. ab[i] is 1 if A won row i
// when the judge read A first, 0 if B won, and 0.5 for a tie; ba[i] is the same,
// 1 if A won, when it read B first. Clusters are as in [Paired].
func PositionBias(ab, ba []float64, clusters []string, level float64) (Position, error) {
	bias, err := Paired(ba, ab, clusters, level)
	if err != nil {
		return Position{}, err
	}
	same := make([]float64, len(ab))
	for i := range ab {
		if ab[i] == ba[i] {
			same[i] = 1
		}
	}
	consistent, err := Mean(same, clusters, level)
	return Position{bias, consistent}, err
}

// Noise is how far one target differs from itself.
type Noise struct {
	Difference      // of the second run to the first; its Mean is chance alone
	Changed    Rate // share of rows whose score changed
	// Floor is the larger bound of the interval, without its sign: a difference
	// between two targets that is smaller may be nothing but chance.
	Floor float64
}

// NoiseFloor compares two runs of the same target on the same rows.
func NoiseFloor(first, second []float64, clusters []string, level float64) (Noise, error) {
	d, err := Paired(first, second, clusters, level)
	if err != nil {
		return Noise{}, err
	}
	changed := make([]float64, len(first))
	for i := range first {
		if first[i] != second[i] {
			changed[i] = 1
		}
	}
	rate, err := Mean(changed, clusters, level)
	return Noise{d, rate, math.Max(-d.Low, d.High)}, err
}
