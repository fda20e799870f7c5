package compare

import (
	"cmp"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/stats"
)

// Report is what a comparison came to.
type Report struct {
	Data  *Data
	Arms  []Arm
	Pairs []Pair // of the checks that score one answer; none where there is one variant, or no such check
	// Preferences are what judges say that compare two answers, by check.
	Preferences []Preference
	Noise       *stats.Noise // nil: the first variant did not run twice
	Agreements  []Agreement  // with labels, by check
	Judged      []string     // names of the checks that scored
	Clusters    int          // 0: none
	Stopped     bool         // Until was reached, or all was decided, before the last row
}

// Arm is a variant and what it did.
type Arm struct {
	Variant
	Rate     stats.Rate // of the rows' scores
	Scored   int        // rows that have a score
	Unscored int        // rows that have none
	Failed   int        // answers that did not come
	Spoiled  int        // of those: for a reason that is the model's, so that they score 0
	Asked    int        // answers that were asked for
	Checks   []CheckRate
	Answered map[string]int // by provider and model
	Fallback int
	USD      float64
	Unpriced int
	Input    int
	Output   int
	First    time.Duration // median to the first token; 0: not known
	Took     time.Duration // median
	Slow     time.Duration // 95th percentile
	Speed    float64       // median of tokens a second; 0: not known
}

// CheckRate is how many of an arm's answers pass a check.
type CheckRate struct {
	Name string
	Pass int
	Of   int
	Mean float64
}

// Pair is a variant against the first one.
type Pair struct {
	Variant int
	stats.Outcome
	LeftOut int // rows without a score on either side
}

// Preference is what a judge says of a variant against the first one.
type Preference struct {
	Check   string
	Variant int
	stats.Outcome
	Position stats.Position
	Unknown  int // pairs without a verdict
}

// Analyse decides. Rows without a score in one of two variants are left out of
// their comparison.
func Analyse(d *Data) (*Report, error) {
	r := &Report{Data: d}
	for _, c := range d.Checks.Single() {
		r.Judged = append(r.Judged, c.Name)
	}
	for v := range d.Plan.Variants {
		arm, err := d.arm(v)
		if err != nil {
			return nil, err
		}
		r.Arms = append(r.Arms, arm)
	}
	if d.Plan.Cluster != "" {
		seen := map[string]bool{}
		for _, row := range d.Rows {
			seen[row.cluster(&d.Plan)] = true
		}
		r.Clusters = len(seen)
	}
	if err := r.pairs(); err != nil {
		return nil, err
	}
	return r, r.preferences()
}

// mean is the mean score of a row's repeats in a variant, of those that have one.
func (row *Row) mean(v int) (float64, bool) {
	sum, n := 0.0, 0
	for i := range row.Cells[v] {
		if c := &row.Cells[v][i]; c.Scored {
			sum, n = sum+c.Score, n+1
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / float64(n), true
}

func (row *Row) cluster(p *Plan) string { return textOf(row.Columns[p.Cluster]) }

func (d *Data) arm(v int) (Arm, error) {
	a := Arm{Variant: d.Plan.Variants[v], Answered: map[string]int{}}
	var scores []float64
	var clusters []string
	var first, took []time.Duration
	var speed []float64
	rates := map[string]*CheckRate{}
	for _, c := range d.Checks.Single() {
		a.Checks = append(a.Checks, CheckRate{Name: c.Name})
	}
	for i := range a.Checks {
		rates[a.Checks[i].Name] = &a.Checks[i]
	}
	for _, row := range d.Rows {
		if s, ok := row.mean(v); ok {
			scores = append(scores, s)
			if d.Plan.Cluster != "" {
				clusters = append(clusters, row.cluster(&d.Plan))
			}
		} else {
			a.Unscored++
		}
		for i := range row.Cells[v] {
			c := &row.Cells[v][i]
			if !c.Ended {
				continue
			}
			a.count(c)
			d.countChecks(row, c, rates)
			if c.OK && c.Took > 0 {
				took = append(took, c.Took)
			}
			if c.First > 0 {
				first = append(first, c.First)
			}
			if c.Speed > 0 {
				speed = append(speed, c.Speed)
			}
		}
	}
	a.Scored = len(scores)
	a.First, a.Took, a.Speed, a.Slow = quantile(first, 0.5), quantile(took, 0.5), quantile(speed, 0.5), quantile(took, 0.95)
	if len(scores) == 0 || len(d.Checks.Single()) == 0 {
		return a, nil
	}
	var err error
	a.Rate, err = stats.Mean(scores, clusters, d.Plan.Level)
	return a, err
}

func (a *Arm) count(c *Cell) {
	a.Asked++
	if !c.OK {
		a.Failed++
		if c.Scored {
			a.Spoiled++
		}
	}
	if c.Provider != "" {
		a.Answered[c.Provider+" ("+c.Model+")"]++
	}
	if c.Fallback {
		a.Fallback++
	}
	a.Input, a.Output = a.Input+c.Input, a.Output+c.Output
	if c.USD == nil {
		a.Unpriced++
		return
	}
	a.USD += *c.USD
}

func (d *Data) countChecks(row *Row, c *Cell, rates map[string]*CheckRate) {
	i := 0
	for _, k := range d.Checks.Single() {
		if !k.AppliesTo(row.Number) || i >= len(c.Outcomes) {
			continue
		}
		o := c.Outcomes[i]
		i++
		if !o.Scored() {
			continue
		}
		r := rates[k.Name]
		r.Mean = (r.Mean*float64(r.Of) + o.Score) / float64(r.Of+1)
		r.Of++
		if o.Pass {
			r.Pass++
		}
	}
}

// quantile is the value that a share of all are at or below; 0 of none.
func quantile[T cmp.Ordered](all []T, share float64) (out T) {
	if len(all) == 0 {
		return out
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(share*float64(len(all))))]
}
