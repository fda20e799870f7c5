package compare

import (
	"cmp"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/check"
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

// paired are the scores of the rows that have one in both variants.
func (d *Data) paired(v int) (p stats.Pair, rows []*Row, leftOut int) {
	for _, row := range d.Rows {
		a, okA := row.mean(0)
		b, okB := row.mean(v)
		if !okA || !okB {
			leftOut++
			continue
		}
		p.A, p.B = append(p.A, a), append(p.B, b)
		rows = append(rows, row)
		if d.Plan.Cluster != "" {
			p.Clusters = append(p.Clusters, row.cluster(&d.Plan))
		}
	}
	return p, rows, leftOut
}

func (r *Report) pairs() error {
	d := r.Data
	if len(d.Checks.Single()) == 0 {
		return nil
	}
	var all []stats.Pair
	var rows [][]*Row
	for v := 1; v < len(d.Plan.Variants); v++ {
		p, used, leftOut := d.paired(v)
		if d.Plan.Variants[v].Noise {
			if len(p.A) == 0 {
				continue
			}
			n, err := stats.NoiseFloor(p.A, p.B, p.Clusters, d.Plan.Level)
			if err != nil {
				return err
			}
			r.Noise = &n
			continue
		}
		r.Pairs = append(r.Pairs, Pair{Variant: v, LeftOut: leftOut})
		if len(p.A) > 0 {
			all, rows = append(all, p), append(rows, used)
		}
	}
	outcomes, err := d.decide(all, rows, nil)
	if err != nil {
		return err
	}
	i := 0
	for k := range r.Pairs {
		if p := &r.Pairs[k]; p.LeftOut < len(d.Rows) {
			p.Outcome = outcomes[i]
			i++
		}
	}
	return nil
}

// decide is [stats.Family], or what a run that was watched may say: an interval that
// holds at every row.
func (d *Data) decide(all []stats.Pair, rows [][]*Row, margins *float64) ([]stats.Outcome, error) {
	if len(all) == 0 {
		return nil, nil
	}
	margin := d.Plan.Margin
	if margins != nil {
		margin = *margins
	}
	if d.Plan.Until == 0 {
		return stats.Family(all, d.Plan.Level, margin)
	}
	var out []stats.Outcome
	for i, p := range all {
		s, err := stats.NewSequence(1 - (1-d.Plan.Level)/float64(len(all)))
		if err != nil {
			return nil, err
		}
		if err := addTo(s, &d.Plan, rows[i], p.A, p.B); err != nil {
			return nil, err
		}
		diff := s.Difference()
		out = append(out, stats.Outcome{Difference: diff, AdjustedP: min(1, diff.P*float64(len(all))), Verdict: diff.Verdict(margin)})
	}
	return out, nil
}

// addTo adds rows to a sequence in the order of the run: one by one, or the mean of
// each cluster.
func addTo(s *stats.Sequence, p *Plan, rows []*Row, a, b []float64) error {
	if p.Cluster == "" {
		for i := range rows {
			if err := s.Add(b[i] - a[i]); err != nil {
				return err
			}
		}
		return nil
	}
	var order []string
	sums, n := map[string]float64{}, map[string]int{}
	for i, row := range rows {
		c := row.cluster(p)
		if n[c] == 0 {
			order = append(order, c)
		}
		sums[c] += b[i] - a[i]
		n[c]++
	}
	for _, c := range order {
		if err := s.Add(min(1, max(-1, sums[c]/float64(n[c])))); err != nil {
			return err
		}
	}
	return nil
}

// preferences are the judgements of pairs: each check's comparisons together.
func (r *Report) preferences() error {
	d := r.Data
	for k, c := range d.Checks.Pairs() {
		var all []stats.Pair
		var rows [][]*Row
		at := len(r.Preferences)
		for v := 1; v < len(d.Plan.Variants); v++ {
			if d.Plan.Variants[v].Noise {
				continue
			}
			p := Preference{Check: c.Name, Variant: v}
			pair, used, ab, ba, unknown := d.preferred(k, v, c)
			p.Unknown = unknown
			if len(pair.A) > 0 {
				var err error
				if p.Position, err = stats.PositionBias(ab, ba, pair.Clusters, d.Plan.Level); err != nil {
					return err
				}
				all, rows = append(all, pair), append(rows, used)
			}
			r.Preferences = append(r.Preferences, p)
		}
		none := 0.0
		outcomes, err := d.decide(all, rows, &none)
		if err != nil {
			return err
		}
		i := 0
		for j := at; j < len(r.Preferences); j++ {
			if p := &r.Preferences[j]; p.Position.Bias.N > 0 {
				p.Outcome = outcomes[i]
				i++
			}
		}
	}
	return nil
}

func (d *Data) preferred(k, v int, c *check.Check) (p stats.Pair, rows []*Row, ab, ba []float64, unknown int) {
	for _, row := range d.Rows {
		if !c.AppliesTo(row.Number) {
			continue
		}
		q := row.Preferences[k][v]
		if q == nil || q.Error != "" {
			unknown++
			continue
		}
		ab, ba = append(ab, q.AB), append(ba, q.BA)
		p.A, p.B = append(p.A, q.First()), append(p.B, 1-q.First())
		rows = append(rows, row)
		if d.Plan.Cluster != "" {
			p.Clusters = append(p.Clusters, row.cluster(&d.Plan))
		}
	}
	return p, rows, ab, ba, unknown
}

// Watch looks at a run as it goes, and says when it may stop. It is fed rows in the
// order of the run.
type Watch struct {
	data  *Data
	seqs  []*stats.Sequence // by comparison
	at    []int             // variants
	sums  []float64         // of the cluster that is open
	n     []int
	open  string
	began bool
}

// NewWatch watches a run whose plan has Until.
func NewWatch(d *Data) (*Watch, error) {
	w := &Watch{data: d}
	m := d.Plan.Comparisons()
	for v, x := range d.Plan.Variants {
		if v == 0 || x.Noise {
			continue
		}
		s, err := stats.NewSequence(1 - (1-d.Plan.Level)/float64(m))
		if err != nil {
			return nil, err
		}
		w.seqs, w.at = append(w.seqs, s), append(w.at, v)
	}
	w.sums, w.n = make([]float64, len(w.at)), make([]int, len(w.at))
	return w, nil
}

// Add counts the next row, and reports whether the verdict of every comparison
// stands, or its interval is narrow enough. Rows of one cluster follow one another.
func (w *Watch) Add(row *Row) (bool, error) {
	p := &w.data.Plan
	if p.Cluster != "" {
		if c := row.cluster(p); c != w.open || !w.began {
			if err := w.closeCluster(); err != nil {
				return false, err
			}
			w.open, w.began = c, true
		}
	}
	for i, v := range w.at {
		a, okA := row.mean(0)
		b, okB := row.mean(v)
		if !okA || !okB {
			continue
		}
		if p.Cluster != "" {
			w.sums[i] += b - a
			w.n[i]++
			continue
		}
		if err := w.seqs[i].Add(b - a); err != nil {
			return false, err
		}
	}
	return w.decided(), nil
}

// closeCluster adds the mean of the cluster that has ended.
func (w *Watch) closeCluster() error {
	for i := range w.seqs {
		if w.n[i] == 0 {
			continue
		}
		if err := w.seqs[i].Add(min(1, max(-1, w.sums[i]/float64(w.n[i])))); err != nil {
			return err
		}
		w.sums[i], w.n[i] = 0, 0
	}
	return nil
}

func (w *Watch) decided() bool {
	p := &w.data.Plan
	for _, s := range w.seqs {
		d := s.Difference()
		if d.High-d.Low <= p.Until {
			continue
		}
		switch d.Verdict(p.Margin) {
		case stats.Better, stats.Worse, stats.Equivalent:
			continue
		}
		return false
	}
	return len(w.seqs) > 0
}
