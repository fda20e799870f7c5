package stats

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// checkSound holds what is true of every Difference.
func checkSound(t *testing.T, d Difference) {
	t.Helper()
	for _, x := range []float64{d.Mean, d.Low, d.High, d.SE, d.DF, d.P} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			t.Fatalf("%+v", d)
		}
	}
	if d.Low < -1 || d.Low > d.Mean || d.Mean > d.High || d.High > 1 || d.P < 0 || d.P > 1 || d.SE < 0 {
		t.Fatalf("%+v", d)
	}
}

// repeated is n times x.
func repeated(n int, x float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = x
	}
	return s
}

// named is clusters of the given size.
func named(n, size int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = strconv.Itoa(i / size)
	}
	return s
}

func TestPairedRefuses(t *testing.T) {
	ok := repeated(20, 1)
	bad := func(x float64) []float64 { return append(repeated(19, 1), x) }
	for _, c := range []struct {
		name     string
		a, b     []float64
		clusters []string
		level    float64
		want     error
	}{
		{"no rows", nil, nil, nil, 0.95, ErrEmpty},
		{"no rows, empty", []float64{}, []float64{}, []string{}, 0.95, ErrEmpty},
		{"fewer in b", ok, ok[1:], nil, 0.95, ErrLengths},
		{"none in a", nil, ok, nil, 0.95, ErrLengths},
		{"fewer clusters", ok, ok, named(19, 1), 0.95, ErrLengths},
		{"no clusters, but not nil", ok, ok, []string{}, 0.95, ErrLengths},
		{"NaN in a", bad(math.NaN()), ok, nil, 0.95, ErrScore},
		{"NaN in b", ok, bad(math.NaN()), nil, 0.95, ErrScore},
		{"infinite", ok, bad(math.Inf(1)), nil, 0.95, ErrScore},
		{"percent", ok, bad(87), nil, 0.95, ErrScore},
		{"negative", bad(-0.001), ok, nil, 0.95, ErrScore},
		{"level 95", ok, ok, nil, 95, ErrSetting},
		{"level 0", ok, ok, nil, 0, ErrSetting},
		{"level 1", ok, ok, nil, 1, ErrSetting},
		{"level NaN", ok, ok, nil, math.NaN(), ErrSetting},
	} {
		d, err := Paired(c.a, c.b, c.clusters, c.level)
		if !errors.Is(err, c.want) || d != (Difference{}) {
			t.Errorf("%s: %+v, %v, want %v", c.name, d, err, c.want)
		}
	}
}

func TestPairedWithLittleToGoBy(t *testing.T) {
	tenth := func(n int) (a, b []float64) { return repeated(n, 0.7), repeated(n, 0.8) }
	a10, b10 := tenth(40)
	oneOf := repeated(30, 0)
	oneOf[0] = 0.4
	for _, c := range []struct {
		name     string
		a, b     []float64
		clusters []string
		method   Method
		verdict  Verdict
	}{
		{"one row", repeated(1, 0), repeated(1, 1), nil, NoInterval, Undecided},
		{"nine rows, all better", repeated(9, 0), repeated(9, 1), nil, NoInterval, Undecided},
		{"nine clusters, all better", repeated(90, 0), repeated(90, 1), named(90, 10), NoInterval, Undecided},
		{"one cluster", repeated(90, 0), repeated(90, 1), named(90, 90), NoInterval, Undecided},
		{"ten rows, all better", repeated(10, 0), repeated(10, 1), nil, Tango, Better},
		{"ten rows, all worse", repeated(10, 1), repeated(10, 0), nil, Tango, Worse},
		{"all pass", repeated(30, 1), repeated(30, 1), nil, Tango, Undecided},
		{"all fail", repeated(30, 0), repeated(30, 0), nil, Tango, Undecided},
		{"all pass in clusters", repeated(60, 1), repeated(60, 1), named(60, 3), ClusterScore, Undecided},
		{"all better in clusters", repeated(60, 0), repeated(60, 1), named(60, 3), ClusterScore, Better},
		{"all equal, graded", repeated(30, 0.4), repeated(30, 0.4), nil, BoundedScore, Undecided},
		{"all better by the same", a10, b10, nil, BoundedScore, Better},
		{"one row differs", repeated(30, 0), oneOf, nil, BoundedScore, Undecided},
		{"each row its own cluster", repeated(30, 1), repeated(30, 1), named(30, 1), Tango, Undecided},
	} {
		d, err := Paired(c.a, c.b, c.clusters, 0.95)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		checkSound(t, d)
		if d.Method != c.method || d.Verdict(0) != c.verdict {
			t.Errorf("%s: by %v: %v (%+v), want by %v: %v", c.name, d.Method, d.Verdict(0), d, c.method, c.verdict)
		}
		if d.Low == d.High {
			t.Errorf("%s: an interval without width: %+v", c.name, d)
		}
		if c.method == NoInterval && (d.Low != -1 || d.High != 1 || d.P != 1 || d.Verdict(0.99) != Undecided) {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	// All rows equal does not mean equal models: thirty rows leave room for 11 %.
	d, err := Paired(repeated(30, 1), repeated(30, 1), nil, 0.95)
	if err != nil || d.High < 0.1 || d.High > 0.13 || d.P != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestPairedInvariants draws comparisons of every sort.
func TestPairedInvariants(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	methods := map[Method]int{}
	for i := range 4000 {
		n, level := 1+r.IntN(80), []float64{1e-6, 0.8, 0.95, 0.99, 1 - 1e-12}[r.IntN(5)]
		binary, equal, shift := r.IntN(2) == 0, r.Float64(), 0.4*r.Float64()-0.2
		a, b := make([]float64, n), make([]float64, n)
		var clusters []string
		if r.IntN(2) == 0 {
			clusters = make([]string, n)
			count := 1 + r.IntN(n)
			for j := range clusters {
				clusters[j] = strconv.Itoa(r.IntN(count))
			}
		}
		for j := range a {
			a[j] = r.Float64()
			b[j] = math.Min(1, math.Max(0, a[j]+shift+0.2*r.NormFloat64()))
			if binary {
				a[j], b[j] = math.Round(a[j]), math.Round(b[j])
			}
			if r.Float64() < equal {
				b[j] = a[j]
			}
		}
		d, err := Paired(a, b, clusters, level)
		if err != nil {
			t.Fatal(err)
		}
		checkSound(t, d)
		methods[d.Method]++
		what := fmt.Sprintf("draw %d: %+v", i, d)
		if left := d.Low > 0 || d.High < 0; left != (d.P < 1-level) && math.Abs(d.P-(1-level)) > 1e-9 {
			t.Errorf("%s: interval and P disagree", what)
		}
		back, err := Paired(b, a, clusters, level)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(back.Low+d.High) > 1e-9 || math.Abs(back.High+d.Low) > 1e-9 || math.Abs(back.P-d.P) > 1e-9 || back.Better != d.Worse {
			t.Errorf("%s: the other way round %+v", what, back)
		}
		wider, err := Paired(a, b, clusters, level+(1-level)/2)
		if err != nil {
			t.Fatal(err)
		}
		if wider.Low > d.Low+1e-12 || wider.High < d.High-1e-12 || math.Abs(wider.P-d.P) > 1e-12 {
			t.Errorf("%s: at a higher level %+v", what, wider)
		}
		r.Shuffle(n, func(j, k int) {
			a[j], a[k], b[j], b[k] = a[k], a[j], b[k], b[j]
			if clusters != nil {
				clusters[j], clusters[k] = clusters[k], clusters[j]
			}
		})
		mixed, err := Paired(a, b, clusters, level)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(mixed.Low-d.Low) > 1e-9 || math.Abs(mixed.High-d.High) > 1e-9 || math.Abs(mixed.SE-d.SE) > 1e-9 {
			t.Errorf("%s: in another order %+v", what, mixed)
		}
	}
	for m := NoInterval; m < AlwaysValid; m++ {
		if m != Wilson && methods[m] < 20 {
			t.Errorf("%v was used %d times", m, methods[m])
		}
	}
}

func TestMeanAndProportion(t *testing.T) {
	for _, c := range []struct {
		name     string
		scores   []float64
		clusters []string
		method   Method
	}{
		{"one pass", repeated(1, 1), nil, Wilson},
		{"all pass", repeated(50, 1), nil, Wilson},
		{"none passes", repeated(50, 0), nil, Wilson},
		{"nine graded rows", repeated(9, 0.5), nil, NoInterval},
		{"graded, all equal", repeated(30, 0.5), nil, BoundedScore},
		{"graded, all the same, in clusters", repeated(60, 0.3), named(60, 3), BoundedScore},
		{"all pass in clusters", repeated(60, 1), named(60, 3), ClusterScore},
		{"all pass in nine clusters", repeated(90, 1), named(90, 10), NoInterval},
		{"one cluster", repeated(90, 1), named(90, 90), NoInterval},
	} {
		r, err := Mean(c.scores, c.clusters, 0.95)
		if err != nil || r.Method != c.method || !(r.Low < r.High && r.Low >= 0 && r.Low <= r.Mean && r.Mean <= r.High && r.High <= 1) {
			t.Errorf("%s: %+v, %v, want by %v", c.name, r, err, c.method)
		}
	}
	for _, c := range []struct {
		scores   []float64
		clusters []string
		level    float64
		want     error
	}{
		{nil, nil, 0.95, ErrEmpty},
		{repeated(3, math.NaN()), nil, 0.95, ErrScore},
		{repeated(3, 1), named(2, 1), 0.95, ErrLengths},
		{repeated(3, 1), nil, 1, ErrSetting},
	} {
		if r, err := Mean(c.scores, c.clusters, c.level); !errors.Is(err, c.want) || r != (Rate{}) {
			t.Errorf("%+v: %+v, %v", c, r, err)
		}
	}
	for _, c := range []struct {
		passes, n int
		want      error
	}{{0, 0, ErrEmpty}, {-1, 5, ErrSetting}, {6, 5, ErrSetting}, {0, -5, ErrSetting}} {
		if _, err := Proportion(c.passes, c.n, 0.95); !errors.Is(err, c.want) {
			t.Errorf("%d of %d: %v", c.passes, c.n, err)
		}
	}
}
