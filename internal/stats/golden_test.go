package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// goldens is what scripts/goldens_stats.py writes.
type goldens struct {
	MadeWith  string `json:"made_with"`
	Quantiles []struct{ Level, DF, Want float64 }
	Tails     []struct{ X, DF, Want float64 }
	Wilson    []struct {
		Passes, N int
		Level     float64
		Want      [2]float64
	}
	Tango []struct {
		Better, Worse, N int
		Level, P         float64
		Want             [2]float64
	}
	PairedT  []pairedCase `json:"paired_t"`
	Clusters []pairedCase
	Holm     []struct{ P, Want []float64 }
	Kappa    []struct {
		Judge, Person []string
		Level, Kappa  float64
		Want          [2]float64
	}
	Plan []struct {
		Rows                                int
		Discordance, SD, Level, Power, Want float64
	}
}

// pairedCase has no Want where the interval is none that scipy makes.
type pairedCase struct {
	A, B                   []float64
	Clusters               []string
	Level, Mean, SE, DF, P float64
	Want                   *[2]float64
}

func readGoldens(t *testing.T) goldens {
	t.Helper()
	raw, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(g.MadeWith, "scipy ") || !strings.Contains(g.MadeWith, "statsmodels ") {
		t.Fatalf("made with %q", g.MadeWith)
	}
	return g
}

// near fails unless got is want to 1e-9, and to 1e-9 of it if that is less, down to 1e-15.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*math.Min(1, math.Max(math.Abs(want), 1e-6))) {
		t.Errorf("%s: %.17g, want %.17g (off by %.2g)", what, got, want, got-want)
	}
}

// nearBounds is [near] for an interval.
func nearBounds(t *testing.T, what string, low, high float64, want [2]float64) {
	t.Helper()
	near(t, what+", low", low, want[0])
	near(t, what+", high", high, want[1])
}

// TestFiguresAreScipysAndStatsmodels holds every figure to 1e-9.
func TestFiguresAreScipysAndStatsmodels(t *testing.T) {
	g := readGoldens(t)
	run := func(name string, cases int, check func(t *testing.T, i int)) {
		t.Run(name, func(t *testing.T) {
			if cases == 0 {
				t.Fatal("no cases")
			}
			for i := range cases {
				check(t, i)
			}
		})
	}
	run("quantiles", len(g.Quantiles), func(t *testing.T, i int) {
		c := g.Quantiles[i]
		near(t, fmt.Sprintf("level %v, df %v", c.Level, c.DF), critical(c.Level, c.DF), c.Want)
	})
	run("tails", len(g.Tails), func(t *testing.T, i int) {
		c := g.Tails[i]
		near(t, fmt.Sprintf("beyond %v, df %v", c.X, c.DF), tail(c.X, c.DF), c.Want)
	})
	run("wilson", len(g.Wilson), func(t *testing.T, i int) {
		c := g.Wilson[i]
		what := fmt.Sprintf("%d of %d at %v", c.Passes, c.N, c.Level)
		r, err := Proportion(c.Passes, c.N, c.Level)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		nearBounds(t, what, r.Low, r.High, c.Want)
		r, err = Mean(passes(c.N, 0, c.Passes), nil, c.Level)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		nearBounds(t, what+", as scores", r.Low, r.High, c.Want)
	})
	run("tango", len(g.Tango), func(t *testing.T, i int) {
		c := g.Tango[i]
		what := fmt.Sprintf("%d and %d of %d at %v", c.Better, c.Worse, c.N, c.Level)
		d, err := Paired(passes(c.N, c.Better, c.Better+c.Worse), passes(c.N, 0, c.Better), nil, c.Level)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if d.Method != Tango || d.Better != c.Better || d.Worse != c.Worse {
			t.Fatalf("%s: %+v", what, d)
		}
		nearBounds(t, what, d.Low, d.High, c.Want)
		near(t, what+", p", d.P, c.P)
	})
	run("paired t", len(g.PairedT), func(t *testing.T, i int) { checkPaired(t, g.PairedT[i]) })
	run("clusters", len(g.Clusters), func(t *testing.T, i int) { checkPaired(t, g.Clusters[i]) })
	run("holm", len(g.Holm), func(t *testing.T, i int) {
		got, err := Holm(g.Holm[i].P)
		if err != nil {
			t.Fatal(err)
		}
		for j, want := range g.Holm[i].Want {
			near(t, fmt.Sprintf("%v, place %d", g.Holm[i].P, j), got[j], want)
		}
	})
	run("kappa", len(g.Kappa), func(t *testing.T, i int) {
		c := g.Kappa[i]
		a, err := Agree(c.Judge, c.Person, c.Level)
		if err != nil || !a.KappaDefined {
			t.Fatalf("%+v, %v", a, err)
		}
		near(t, "kappa", a.Kappa, c.Kappa)
		nearBounds(t, "kappa", a.KappaLow, a.KappaHigh, c.Want)
	})
	run("plan", len(g.Plan), func(t *testing.T, i int) {
		c := g.Plan[i]
		got, err := Plan{Rows: c.Rows, Discordance: c.Discordance, SD: c.SD, Level: c.Level, Power: c.Power}.SmallestDifference()
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("%+v", c), got, c.Want)
	})
}

func checkPaired(t *testing.T, c pairedCase) {
	t.Helper()
	d, err := Paired(c.A, c.B, c.Clusters, c.Level)
	if err != nil {
		t.Fatal(err)
	}
	what := fmt.Sprintf("%d rows in %d clusters by %v", d.N, d.Clusters, d.Method)
	near(t, what+", mean", d.Mean, c.Mean)
	near(t, what+", SE", d.SE, c.SE)
	if c.DF > 0 {
		near(t, what+", df", d.DF, c.DF)
	}
	if c.Want != nil {
		nearBounds(t, what, d.Low, d.High, *c.Want)
		near(t, what+", p", d.P, c.P)
	}
}

// passes are n scores of 0, but for those from one place up to another.
func passes(n, from, to int) []float64 {
	scores := make([]float64, n)
	for i := from; i < to; i++ {
		scores[i] = 1
	}
	return scores
}
