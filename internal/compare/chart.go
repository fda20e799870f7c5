package compare

import (
	"fmt"
	"math"
	"time"
)

// Charts are drawn in this many units; the page scales them.
const (
	chartWidth = 360.0
	plotLeft   = 1.0
	plotRight  = 359.0
)

// chart is the geometry of a picture. Its texts are escaped by the template.
type chart struct {
	Title  string
	Alt    string
	Height float64
	Bands  []box
	Lines  []line
	Bars   []box
	Dots   []dot
	Texts  []text
}

type box struct {
	X, Y, W, H float64
	Class      string
}

type line struct {
	X1, Y1, X2, Y2 float64
	Class          string
}

type dot struct {
	X, Y  float64
	Class string
}

type text struct {
	X, Y   float64
	Anchor string // start, middle or end
	Class  string
	Text   string
}

// differenceChart draws the intervals of the differences around 0.
func (r *Report) differenceChart() *chart {
	type entry struct {
		name string
		lo   float64
		mid  float64
		hi   float64
	}
	var all []entry
	most := r.Data.Plan.Margin
	for i := range r.Pairs {
		p := &r.Pairs[i]
		if p.N == 0 {
			continue
		}
		all = append(all, entry{r.Data.Plan.Variants[p.Variant].Name, p.Low, p.Mean, p.High})
		most = max(most, math.Abs(p.Low), math.Abs(p.High))
	}
	if len(all) == 0 {
		return nil
	}
	most = niceCeil(most)
	at := func(x float64) float64 { return plotLeft + (x+most)/(2*most)*(plotRight-plotLeft) }
	c := &chart{Title: "Difference to " + r.Data.Plan.Variants[0].Name + ", in points", Alt: "Intervals of the differences"}
	bottom := float64(len(all))*38 + 6
	if m := r.Data.Plan.Margin; m > 0 {
		c.Bands = append(c.Bands, box{at(-m), 0, at(m) - at(-m), bottom, "margin"})
	}
	for _, tick := range []float64{-most, -most / 2, 0, most / 2, most} {
		class := "grid"
		if tick == 0 {
			class = "zero"
		}
		c.Lines = append(c.Lines, line{at(tick), 0, at(tick), bottom, class})
		anchor := "middle"
		if tick == -most {
			anchor = "start"
		} else if tick == most {
			anchor = "end"
		}
		c.Texts = append(c.Texts, text{at(tick), bottom + 14, anchor, "tick", points(tick)})
	}
	for i, e := range all {
		y := float64(i)*38 + 26
		class := "undecided"
		if e.lo > 0 {
			class = "good"
		} else if e.hi < 0 {
			class = "bad"
		}
		c.Texts = append(c.Texts, text{plotLeft, y - 11, "start", "name", cut(e.name, 30)}, text{plotRight, y - 11, "end", "value", fmt.Sprintf("%s (%s to %s)", points(e.mid), points(e.lo), points(e.hi))})
		c.Lines = append(c.Lines, line{at(e.lo), y, at(e.hi), y, "interval " + class}, line{at(e.lo), y - 4, at(e.lo), y + 4, "interval " + class}, line{at(e.hi), y - 4, at(e.hi), y + 4, "interval " + class})
		c.Dots = append(c.Dots, dot{at(e.mid), y, class})
	}
	c.Height = bottom + 20
	return c
}

// scoreChart draws each arm's score with its interval.
func (r *Report) scoreChart() *chart {
	c := &chart{Title: "Score, in %", Alt: "Scores of the targets"}
	at := func(x float64) float64 { return plotLeft + x*(plotRight-plotLeft) }
	n := 0
	for _, a := range r.Arms {
		if a.Rate.N == 0 {
			continue
		}
		y := float64(n) * 38
		n++
		between := ""
		if a.Rate.Low > 0 || a.Rate.High < 1 {
			between = fmt.Sprintf(" (%s to %s)", decimals(100*a.Rate.Low), decimals(100*a.Rate.High))
		}
		c.Texts = append(c.Texts, text{plotLeft, y + 13, "start", "name", cut(a.Name, 30)}, text{plotRight, y + 13, "end", "value", decimals(100*a.Rate.Mean) + between})
		c.Bars = append(c.Bars, box{plotLeft, y + 19, plotRight - plotLeft, 12, "track"}, box{plotLeft, y + 19, at(a.Rate.Mean) - plotLeft, 12, "bar"})
		if between != "" {
			c.Lines = append(c.Lines, line{at(a.Rate.Low), y + 25, at(a.Rate.High), y + 25, "whisker"})
		}
	}
	if n == 0 {
		return nil
	}
	c.Height = float64(n)*38 + 2
	return c
}

// barChart draws one value of each arm; nil where fewer than two are known.
func (r *Report) barChart(title string, value func(*Arm) (float64, string)) *chart {
	c := &chart{Title: title, Alt: title + " of the targets"}
	type entry struct {
		name, shown string
		value       float64
	}
	var all []entry
	most := 0.0
	for i := range r.Arms {
		v, shown := value(&r.Arms[i])
		if shown == "" {
			continue
		}
		all = append(all, entry{r.Arms[i].Name, shown, v})
		most = max(most, v)
	}
	if len(all) == 0 || most <= 0 {
		return nil
	}
	for i, e := range all {
		y := float64(i) * 34
		c.Texts = append(c.Texts, text{plotLeft, y + 13, "start", "name", cut(e.name, 32)}, text{plotRight, y + 13, "end", "value", e.shown})
		c.Bars = append(c.Bars, box{plotLeft, y + 18, plotRight - plotLeft, 8, "track"}, box{plotLeft, y + 18, e.value / most * (plotRight - plotLeft), 8, "bar"})
	}
	c.Height = float64(len(all)) * 34
	return c
}

func (r *Report) charts() []*chart {
	var out []*chart
	for _, c := range []*chart{
		r.differenceChart(), r.scoreChart(),
		r.barChart("Tokens per second (median)", func(a *Arm) (float64, string) {
			if a.Speed <= 0 {
				return 0, ""
			}
			return a.Speed, fmt.Sprintf("%.1f", a.Speed)
		}),
		r.barChart("Time to first token (median)", func(a *Arm) (float64, string) {
			if a.First <= 0 {
				return 0, ""
			}
			return float64(a.First) / float64(time.Millisecond), timeText(a.First)
		}),
		r.barChart("Cost", func(a *Arm) (float64, string) {
			if a.Unpriced == a.Asked {
				return 0, ""
			}
			return a.USD, a.costText()
		}),
	} {
		if c != nil {
			out = append(out, c)
		}
	}
	return out
}

// niceCeil is the next of 0.05, 0.1, 0.2, 0.5 and 1.
func niceCeil(x float64) float64 {
	for _, n := range []float64{0.02, 0.05, 0.1, 0.2, 0.3, 0.5} {
		if x <= n {
			return n
		}
	}
	return 1
}

// cut shortens a text to so many characters.
func cut(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
