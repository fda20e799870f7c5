package compare

import (
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/stats"
)

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
		if d.Plan.Cluster != "" { // its values were clusters
			diff.N, diff.Better, diff.Worse = len(p.A), 0, 0
			for i := range p.A {
				switch {
				case p.B[i] > p.A[i]:
					diff.Better++
				case p.B[i] < p.A[i]:
					diff.Worse++
				}
			}
		}
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
