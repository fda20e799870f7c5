package stats

import (
	"fmt"
	"math"
)

// Plan is what is known of a comparison before it runs. Either Discordance or SD
// says how much the arms differ from row to row.
type Plan struct {
	// Rows of the comparison. RowsFor does not read it.
	Rows int
	// Discordance is, for pass or fail, the guessed share of rows that only one
	// arm passes. 0.5 is the most that two models of one pass rate reach if they
	// have nothing in common; a pilot's is (Better+Worse)/N. If it is below the
	// difference in question, the difference itself is taken: so many rows differ at
	// least.
	Discordance float64
	// SD is, for graded scores, the standard deviation of a row's difference. A
	// pilot's is SE·√N, which has the design effect of its clusters in it. It is
	// read if Discordance is 0.
	SD float64
	// DesignEffect is by how much clusters multiply the variance: 1 + (rows in a
	// cluster − 1) × correlation within it. 0 is 1, no clusters.
	DesignEffect float64
	// Level of the interval. With m comparisons it is 1 − 0.05/m, for 95 %.
	Level float64
	// Power is the wanted chance that a difference of that size is shown. 0 is 0.8.
	Power float64
}

// SmallestDifference is the smallest true difference that the rows show with the
// plan's power. For pass or fail it is the Δ of Connor (1987) and Miettinen
// (1968) with n = Rows/DesignEffect:
//
//	n Δ² = (z_level √ψ + z_power √(ψ − Δ²))²
//
// and for graded scores (z_level + z_power)·SD/√n. It is 1 if these rows can show
// nothing, as with fewer than [MinRows].
func (p Plan) SmallestDifference() (float64, error) {
	p, err := p.checked()
	if err != nil {
		return 0, err
	}
	if p.Rows < MinRows || p.rows(1) > float64(p.Rows) {
		return 1, nil
	}
	return 1 - bisect(0, 1, func(x float64) bool { return p.rows(1-x) <= float64(p.Rows) }), nil
}

// RowsFor is how many rows show a true difference of this size with the plan's
// power, and at least [MinRows].
func (p Plan) RowsFor(difference float64) (int, error) {
	p, err := p.checked()
	if err != nil {
		return 0, err
	}
	d := math.Abs(difference)
	if !(d > 0 && d <= 1) {
		return 0, fmt.Errorf("%w: difference %v is not from 0 to 1", ErrSetting, difference)
	}
	rows := math.Ceil(p.rows(d))
	if rows > 1e15 {
		return 0, fmt.Errorf("%w: difference %v is too small for any number of rows", ErrSetting, difference)
	}
	return max(MinRows, int(rows)), nil
}

// rows is the number of rows, not rounded, that shows d, above 0. It falls as d grows.
func (p Plan) rows(d float64) float64 {
	zLevel, zPower := zCritical(p.Level), zCritical(2*p.Power-1)
	z := (zLevel + zPower) * p.SD
	if p.Discordance > 0 {
		share := math.Max(p.Discordance, d)
		z = zLevel*math.Sqrt(share) + zPower*math.Sqrt(math.Max(0, share-d*d))
	}
	return p.DesignEffect * z * z / (d * d)
}

// checked is the plan with its defaults.
func (p Plan) checked() (Plan, error) {
	if p.DesignEffect == 0 {
		p.DesignEffect = 1
	}
	if p.Power == 0 {
		p.Power = 0.8
	}
	switch {
	case p.Rows < 0:
		return p, fmt.Errorf("%w: %d rows", ErrSetting, p.Rows)
	case !(p.Discordance >= 0 && p.Discordance <= 1):
		return p, fmt.Errorf("%w: discordance %v is not from 0 to 1", ErrSetting, p.Discordance)
	case !(p.SD >= 0 && p.SD <= 1e6):
		return p, fmt.Errorf("%w: standard deviation %v", ErrSetting, p.SD)
	case p.Discordance == 0 && p.SD == 0:
		return p, fmt.Errorf("%w: neither a discordance nor a standard deviation", ErrSetting)
	case !(p.DesignEffect > 0 && p.DesignEffect <= 1e9):
		return p, fmt.Errorf("%w: design effect %v", ErrSetting, p.DesignEffect)
	case !(p.Power > 0.5 && p.Power < 1):
		return p, fmt.Errorf("%w: power %v is not between 0.5 and 1", ErrSetting, p.Power)
	}
	return p, checkLevel(p.Level)
}
