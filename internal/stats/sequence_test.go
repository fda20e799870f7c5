package stats

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// drawDifference is −1, 0 or 1 with the mean delta; a share differ is not 0.
func drawDifference(r *rand.Rand, differ, delta float64) float64 {
	switch u := r.Float64(); {
	case u < (differ+delta)/2:
		return 1
	case u < differ:
		return -1
	}
	return 0
}

// TestSequenceHoldsWhileItIsWatched looks after each of 1,000 rows whether the
// true mean has been left out. The gamblers against that one mean are enough to
// know; the whole interval is looked at below.
func TestSequenceHoldsWhileItIsWatched(t *testing.T) {
	runs := simulations(t, 1500)
	for _, differ := range []float64{0.05, 0.2, 0.5, 1} {
		for _, delta := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("%v differ, mean %v", differ, delta), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(3, 4))
				limit := -math.Log(0.05)
				held := 0
				for range runs {
					b := newBetting(0.95, []float64{(delta + 1) / 2})
					out := false
					for i := 0; i < 1000 && !out; i++ {
						b.add((drawDifference(r, differ, delta)+1)/2, 0, 0)
						out = b.wealth(0) >= limit
					}
					if !out {
						held++
					}
				}
				wantCoverage(t, float64(held)/float64(runs), 0.95, 1, runs)
			})
		}
	}
}

// TestWatchingTheOtherIntervalMisleads is why there is a Sequence: the interval
// for a number of rows that was fixed before, looked at after every tenth row,
// sooner or later leaves out the truth.
func TestWatchingTheOtherIntervalMisleads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	held, runs := 0, 200
	for range runs {
		var a, b []float64
		out := false
		for i := 0; i < 500 && !out; i++ {
			d := drawDifference(r, 0.3, 0)
			a, b = append(a, math.Max(0, -d)), append(b, math.Max(0, d))
			if i >= 20 && i%10 == 0 {
				got, err := Paired(a, b, nil, 0.95)
				if err != nil {
					t.Fatal(err)
				}
				out = got.Low > 0 || got.High < 0
			}
		}
		if !out {
			held++
		}
	}
	if got := float64(held) / float64(runs); got > 0.85 {
		t.Errorf("it holds in %.0f %% of runs, so a Sequence would not be needed", 100*got)
	}
}

func TestSequence(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	misses := 0
	for range 20 {
		s, err := NewSequence(0.95)
		if err != nil {
			t.Fatal(err)
		}
		if d := s.Difference(); d.Low != -1 || d.High != 1 || d.P != 1 || d.N != 0 {
			t.Fatalf("at the start: %+v", d)
		}
		last := s.Difference()
		var diffs []float64
		for i := range 400 {
			x := drawDifference(r, 0.4, 0.2)
			if i%3 == 0 {
				x *= 0.5
			}
			diffs = append(diffs, x)
			if err := s.Add(x); err != nil {
				t.Fatal(err)
			}
			d := s.Difference()
			checkSound(t, d)
			if d.P > last.P {
				t.Fatalf("P rises from %v to %v", last.P, d.P)
			}
			last = d
		}
		want := measure(diffs, nil)
		if math.Abs(last.Mean-want.mean) > 1e-12 || math.Abs(last.SE-want.se) > 1e-12 || last.N != 400 {
			t.Fatalf("%+v, want mean %v and SE %v", last, want.mean, want.se)
		}
		truth := 0.2 * (1 - 1.0/6)
		if last.Low > truth || last.High < truth {
			misses++
		}
		if last.High-last.Low > 0.3 {
			t.Errorf("after 400 rows: %.3f to %.3f", last.Low, last.High)
		}
		if last.Verdict(0) == Better && last.P >= 0.05 {
			t.Errorf("better with P %v", last.P)
		}
	}
	if misses > 3 {
		t.Errorf("%d of 20 leave out the truth", misses)
	}
}

// TestSequenceOfEqualRows: nothing that happens leaves all means out, or nothing.
func TestSequenceOfEqualRows(t *testing.T) {
	for _, x := range []float64{-1, -0.3, 0, 0.001, 1} {
		s, err := NewSequence(0.99)
		if err != nil {
			t.Fatal(err)
		}
		for range 5000 {
			if err := s.Add(x); err != nil {
				t.Fatal(err)
			}
		}
		d := s.Difference()
		checkSound(t, d)
		if d.Low > x || d.High < x || d.High-d.Low > 0.02 {
			t.Errorf("5,000 times %v: %v to %v", x, d.Low, d.High)
		}
	}
}

func TestSequenceRefuses(t *testing.T) {
	for _, level := range []float64{0, 1, -1, math.NaN()} {
		if _, err := NewSequence(level); !errors.Is(err, ErrSetting) {
			t.Errorf("level %v: %v", level, err)
		}
	}
	s, err := NewSequence(0.95)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []float64{1.01, -2, math.NaN(), math.Inf(1)} {
		if err := s.Add(x); !errors.Is(err, ErrScore) {
			t.Errorf("%v: %v", x, err)
		}
	}
	if d := s.Difference(); d.N != 0 {
		t.Errorf("counts refused rows: %+v", d)
	}
}

func BenchmarkSequence(b *testing.B) {
	s, err := NewSequence(0.95)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		if err := s.Add(drawDifference(r, 0.3, 0.1)); err != nil {
			b.Fatal(err)
		}
	}
}
