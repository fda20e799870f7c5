package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		low, high, margin float64
		want              Verdict
	}{
		{0.01, 0.09, 0, Better},
		{0, 0.09, 0, Undecided},
		{-0.09, -0.01, 0, Worse},
		{-0.01, 0.01, 0, Undecided},
		{-0.01, 0.01, 0.02, Equivalent},
		{0.001, 0.015, 0.02, Equivalent}, // shown, and shown not to matter
		{-0.015, -0.001, 0.02, Equivalent},
		{0.01, 0.09, 0.02, Better},
		{-0.09, -0.01, 0.02, Worse},
		{-0.01, 0.09, 0.02, NotWorse},
		{-0.02, 0.09, 0.02, Undecided},
		{-0.09, 0.01, 0.02, Undecided},
		{-0.09, 0.09, 0.02, Undecided},
	} {
		d := Difference{Mean: (c.low + c.high) / 2, Low: c.low, High: c.high, Method: StudentT}
		if got := d.Verdict(c.margin); got != c.want {
			t.Errorf("%v to %v, margin %v: %v, want %v", c.low, c.high, c.margin, got, c.want)
		}
	}
}

func TestFamily(t *testing.T) {
	// Of 100 rows, b passes some that a does not.
	pair := func(better, worse int) Pair {
		return Pair{A: passes(100, better, better+worse), B: passes(100, 0, better)}
	}
	one, err := Family([]Pair{pair(16, 5)}, 0.95, 0)
	if err != nil || one[0].Verdict != Better || one[0].Level != 0.95 || one[0].AdjustedP != one[0].P {
		t.Errorf("one comparison: %+v, %v", one, err)
	}
	// P is 0.016 for each of them alone, and not small enough for the first of four.
	four, err := Family([]Pair{pair(16, 5), pair(9, 9), pair(5, 16), pair(8, 9)}, 0.95, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range four {
		if o.Verdict != Undecided || math.Abs(o.Level-0.9875) > 1e-12 {
			t.Errorf("comparison %d: %+v", i, o)
		}
	}
	// One that is clear leaves 0.05/3, so that the next is decided, at its level.
	four, err = Family([]Pair{pair(16, 5), pair(9, 9), pair(30, 1), pair(8, 9)}, 0.95, 0)
	if err != nil {
		t.Fatal(err)
	}
	if four[2].Verdict != Better || four[0].Verdict != Better || math.Abs(four[0].Level-(1-0.05/3)) > 1e-12 || four[0].Low <= 0 {
		t.Errorf("%+v", four)
	}
	if four[1].Verdict != Undecided || four[3].Verdict != Undecided || math.Abs(four[3].Level-0.9875) > 1e-12 {
		t.Errorf("%+v", four)
	}
	equal, err := Family([]Pair{pair(0, 0), pair(30, 1)}, 0.95, 0.1)
	if err != nil || equal[0].Verdict != Equivalent || equal[1].Verdict != Better {
		t.Errorf("%+v, %v", equal, err)
	}
	if none, err := Family(nil, 0.95, 0); err != nil || len(none) != 0 {
		t.Errorf("no comparison: %v, %v", none, err)
	}
	for _, margin := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := Family([]Pair{pair(1, 1)}, 0.95, margin); !errors.Is(err, ErrSetting) {
			t.Errorf("margin %v: %v", margin, err)
		}
	}
	if _, err := Family([]Pair{pair(1, 1)}, 1.5, 0); !errors.Is(err, ErrSetting) {
		t.Errorf("level 1.5: %v", err)
	}
	if _, err := Family([]Pair{pair(1, 1), {}}, 0.95, 0); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty pair: %v", err)
	}
	if _, err := Holm([]float64{0.1, math.NaN()}); !errors.Is(err, ErrSetting) {
		t.Errorf("NaN: %v", err)
	}
}

// TestFamilyKeepsItsLevel compares five targets that are all the same as the
// baseline: without Holm, one run of five would name a winner or a loser.
func TestFamilyKeepsItsLevel(t *testing.T) {
	runs := simulations(t, 1500)
	r := rand.New(rand.NewPCG(11, 12))
	together, alone := 0, 0
	for range runs {
		pairs := make([]Pair, 5)
		for i := range pairs {
			for range 80 {
				d := drawDifference(r, 0.4, 0)
				pairs[i].A, pairs[i].B = append(pairs[i].A, math.Max(0, -d)), append(pairs[i].B, math.Max(0, d))
			}
		}
		outcomes, err := Family(pairs, 0.95, 0)
		if err != nil {
			t.Fatal(err)
		}
		wrong, wrongAlone := false, false
		for _, o := range outcomes {
			wrong = wrong || o.Verdict != Undecided
			wrongAlone = wrongAlone || o.P < 0.05
			if decided := o.Low > 0 || o.High < 0; decided != (o.Verdict != Undecided) || decided != (o.AdjustedP < 0.05) {
				t.Fatalf("verdict, interval and P disagree: %+v", o)
			}
		}
		if wrong {
			together++
		}
		if wrongAlone {
			alone++
		}
	}
	wantCoverage(t, 1-float64(together)/float64(runs), 0.94, 1, runs)
	if got := float64(alone) / float64(runs); got < 0.12 {
		t.Errorf("without Holm only %.2f", got)
	}
}

// TestPlan checks the promise of the smallest difference: it is shown in four
// of five runs.
func TestPlan(t *testing.T) {
	runs := simulations(t, 2000)
	for _, plan := range []Plan{
		{Rows: 60, Discordance: 0.4, Level: 0.95},
		{Rows: 200, Discordance: 0.2, Level: 0.95},
		{Rows: 200, Discordance: 0.2, Level: 0.99},
		{Rows: 500, Discordance: 0.1, Level: 0.95},
	} {
		delta, err := plan.SmallestDifference()
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(13, 14))
		shown := 0
		for range runs {
			a, b := make([]float64, plan.Rows), make([]float64, plan.Rows)
			for i := range a {
				d := drawDifference(r, plan.Discordance, delta)
				a[i], b[i] = math.Max(0, -d), math.Max(0, d)
			}
			d, err := Paired(a, b, nil, plan.Level)
			if err != nil {
				t.Fatal(err)
			}
			if d.Verdict(0) == Better {
				shown++
			}
		}
		if got := float64(shown) / float64(runs); math.Abs(got-0.8) > 0.03+2*math.Sqrt(0.16/float64(runs)) {
			t.Errorf("%+v: %.3f is shown in %.1f %%", plan, delta, 100*got)
		}
		if n, err := plan.RowsFor(delta); err != nil || n < plan.Rows-1 || n > plan.Rows+1 {
			t.Errorf("%+v: %.3f needs %d rows, %v", plan, delta, n, err)
		}
	}
}

func TestPlanAtItsEnds(t *testing.T) {
	for _, c := range []struct {
		plan Plan
		want float64
	}{
		{Plan{Rows: 0, Discordance: 0.3, Level: 0.95}, 1},
		{Plan{Rows: MinRows - 1, Discordance: 0.3, Level: 0.95}, 1},
		{Plan{Rows: 20, Discordance: 0.3, DesignEffect: 10, Level: 0.95}, 1},
		{Plan{Rows: 20, SD: 5, Level: 0.95}, 1},
	} {
		if got, err := c.plan.SmallestDifference(); err != nil || got != c.want {
			t.Errorf("%+v: %v, %v, want %v", c.plan, got, err, c.want)
		}
	}
	small, err := Plan{Rows: 100, Discordance: 0.001, Level: 0.95}.SmallestDifference()
	if err != nil || small < 0.02 || small > 0.1 {
		t.Errorf("a discordance below what can be shown: %v, %v", small, err)
	}
	plain, err := Plan{Rows: 400, SD: 0.2, Level: 0.95}.SmallestDifference()
	if err != nil {
		t.Fatal(err)
	}
	clustered, err := Plan{Rows: 1600, SD: 0.2, DesignEffect: 4, Level: 0.95}.SmallestDifference()
	if err != nil || math.Abs(plain-clustered) > 1e-12 {
		t.Errorf("four times the rows with a design effect of 4: %v, not %v, %v", clustered, plain, err)
	}
	if n, err := (Plan{SD: 0.001, Level: 0.95}).RowsFor(-0.5); err != nil || n != MinRows {
		t.Errorf("%v, %v", n, err)
	}
	for _, p := range []Plan{
		{Rows: 10, Level: 0.95},
		{Rows: -1, SD: 1, Level: 0.95},
		{Rows: 10, Discordance: 1.2, Level: 0.95},
		{Rows: 10, Discordance: math.NaN(), Level: 0.95},
		{Rows: 10, SD: math.Inf(1), Level: 0.95},
		{Rows: 10, SD: 1, DesignEffect: -1, Level: 0.95},
		{Rows: 10, SD: 1, Power: 0.5, Level: 0.95},
		{Rows: 10, SD: 1},
	} {
		if _, err := p.SmallestDifference(); !errors.Is(err, ErrSetting) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, d := range []float64{0, 1.5, math.NaN(), 1e-300} {
		if _, err := (Plan{SD: 1, Level: 0.95}).RowsFor(d); !errors.Is(err, ErrSetting) {
			t.Errorf("rows for %v: %v", d, err)
		}
	}
}
