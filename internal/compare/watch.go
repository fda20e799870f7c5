package compare

import (
	"github.com/tandem-llm/tandem/internal/stats"
)

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
