package stats

import (
	"errors"
	"math"
	"testing"
)

// labels are n times first, and then m times second.
func labels(n int, first string, m int, second string) []string {
	s := make([]string, 0, n+m)
	for range n {
		s = append(s, first)
	}
	for range m {
		s = append(s, second)
	}
	return s
}

func TestAgree(t *testing.T) {
	mixed := labels(15, "pass", 15, "fail")
	for _, c := range []struct {
		name          string
		judge, person []string
		raw, kappa    float64
		defined       bool
	}{
		{"the same", mixed, mixed, 1, 1, true},
		{"the opposite", mixed, labels(15, "fail", 15, "pass"), 0, -1, true},
		{"both have one label", labels(30, "pass", 0, ""), labels(30, "pass", 0, ""), 1, 0, false},
		{"each has one, another", labels(30, "pass", 0, ""), labels(30, "fail", 0, ""), 0, 0, true},
		{"the judge always passes", labels(30, "pass", 0, ""), mixed, 0.5, 0, true},
		{"three rows", labels(2, "a", 1, "b"), labels(2, "a", 1, "b"), 1, 1, true},
		{"one row", labels(1, "a", 0, ""), labels(1, "b", 0, ""), 0, 0, true},
	} {
		a, err := Agree(c.judge, c.person, 0.95)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if a.Raw.Mean != c.raw || math.Abs(a.Kappa-c.kappa) > 1e-12 || a.KappaDefined != c.defined {
			t.Errorf("%s: %+v", c.name, a)
		}
		if !(a.KappaLow >= -1 && a.KappaLow < a.KappaHigh && a.KappaHigh <= 1 && a.KappaLow <= a.Kappa && a.Kappa <= a.KappaHigh) {
			t.Errorf("%s: kappa from %v to %v", c.name, a.KappaLow, a.KappaHigh)
		}
	}
	if _, err := Agree(mixed, mixed[1:], 0.95); !errors.Is(err, ErrLengths) {
		t.Errorf("lengths: %v", err)
	}
	if _, err := Agree(nil, nil, 0.95); !errors.Is(err, ErrEmpty) {
		t.Errorf("no rows: %v", err)
	}
	if _, err := Agree(mixed, mixed, 0); !errors.Is(err, ErrSetting) {
		t.Errorf("level 0: %v", err)
	}
}

func TestPositionBias(t *testing.T) {
	half := append(repeated(20, 1), repeated(20, 0)...)
	for _, c := range []struct {
		name             string
		ab, ba           []float64
		bias, consistent float64
		verdict          Verdict
	}{
		{"fair", half, half, 0, 1, Undecided},
		{"always the first", repeated(40, 1), repeated(40, 0), 1, 0, Better},
		{"always the second", repeated(40, 0), repeated(40, 1), -1, 0, Worse},
		{"always a tie", repeated(40, 0.5), repeated(40, 0.5), 0, 1, Undecided},
		{"the first where it is not sure", repeated(40, 1), half, 0.5, 0.5, Better},
	} {
		p, err := PositionBias(c.ab, c.ba, nil, 0.95)
		if err != nil || p.Bias.Mean != c.bias || p.Consistent.Mean != c.consistent || p.Bias.Verdict(0) != c.verdict {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
		checkSound(t, p.Bias)
	}
	if _, err := PositionBias(half, half[1:], nil, 0.95); !errors.Is(err, ErrLengths) {
		t.Errorf("lengths: %v", err)
	}
}

func TestNoiseFloor(t *testing.T) {
	first := append(repeated(30, 1), repeated(30, 0)...)
	n, err := NoiseFloor(first, first, nil, 0.95)
	if err != nil || n.Mean != 0 || n.Changed.Mean != 0 || n.Floor <= 0.03 || n.Floor > 0.1 {
		t.Errorf("nothing changed: %+v, %v", n, err)
	}
	second := append(repeated(27, 1), repeated(29, 0)...)
	second = append(second, repeated(4, 1)...)
	n, err = NoiseFloor(first, second, nil, 0.95)
	if err != nil || math.Abs(n.Changed.Mean-7.0/60) > 1e-12 || n.Better != 4 || n.Worse != 3 || n.Floor != math.Max(-n.Low, n.High) {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := NoiseFloor(nil, nil, nil, 0.95); !errors.Is(err, ErrEmpty) {
		t.Errorf("no rows: %v", err)
	}
}
