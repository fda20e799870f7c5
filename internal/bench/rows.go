package bench

import (
	"errors"
	"fmt"
	"slices"
)

// Row is what one competitor's work cost.
type Row struct {
	Work string `json:"work"`
	Who  string `json:"who"`
	Sample
	PerSecond   float64 `json:"per_second,omitempty"` // of work that has many parts
	WallRatio   Spread  `json:"wall_ratio"`           // to the floor in the same round
	CPURatio    Spread  `json:"cpu_ratio"`
	AllocsRatio float64 `json:"allocs_ratio"`

	work   string
	rounds []Sample
}

// turns measures one load: every worker in every round, in an order that is
// turned round each time, so that no place in it is better than another. The
// first worker is the floor. One that has no such work has no row.
func turns(workers []*process, l load, rounds int) ([]Row, error) {
	samples := make([][]Sample, len(workers))
	lacks := make([]bool, len(workers))
	for round := range rounds {
		for i := range workers {
			if round%2 == 1 {
				i = len(workers) - 1 - i
			}
			if lacks[i] {
				continue
			}
			s, err := workers[i].measure(l.work, l.n, l.c)
			if errors.Is(err, errLacks) && i > 0 {
				lacks[i] = true
				continue
			}
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], s.per(max(1, l.parts)))
		}
	}
	rows := make([]Row, 0, len(workers))
	for i, w := range workers {
		if !lacks[i] {
			rows = append(rows, row(l, w.name, samples[i], samples[0]))
		}
	}
	return rows, nil
}

func row(l load, who string, rounds, floor []Sample) Row {
	mid := func(f field) float64 { return median(pick(rounds, f)) }
	ratio := func(f field) Spread { return spread(divide(pick(rounds, f), pick(floor, f))) }
	r := Row{
		Work: l.title, Who: who, work: l.work, rounds: rounds,
		Sample:    Sample{Wall: mid(wall), CPU: mid(cpu), Allocs: mid(allocs), Bytes: mid(size)},
		WallRatio: ratio(wall), CPURatio: ratio(cpu), AllocsRatio: ratio(allocs).Median,
	}
	if l.parts > 1 && r.Wall > 0 {
		r.PerSecond = 1e9 / r.Wall
	}
	return r
}

// field is one of a sample's values.
type field func(Sample) float64

func wall(s Sample) float64   { return s.Wall }
func cpu(s Sample) float64    { return s.CPU }
func allocs(s Sample) float64 { return s.Allocs }
func size(s Sample) float64   { return s.Bytes }

func pick(of []Sample, f field) []float64 {
	out := make([]float64, len(of))
	for i, s := range of {
		out[i] = f(s)
	}
	return out
}

// per is s for one of n parts.
func (s Sample) per(n int) Sample {
	d := float64(n)
	return Sample{Wall: s.Wall / d, CPU: s.CPU / d, Allocs: s.Allocs / d, Bytes: s.Bytes / d}
}

// OwnRow is what a chain library itself takes for each step: the whole less the
// floor in the same round.
type OwnRow struct {
	Who    string  `json:"who"`
	Step   Spread  `json:"step_ns"`
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
	Tandem Spread  `json:"tandem_over_it"` // Tandem's own in the same round over this one's
}

// steps of the chain of InProcess.
const steps = 2

// own returns what each library takes for itself.
func own(rows []Row) []OwnRow {
	floor, tandem := find(rows, InProcess, "floor"), find(rows, InProcess, "tandem")
	if floor == nil || tandem == nil {
		return nil
	}
	above := func(r *Row, f field) []float64 {
		return subtract(pick(r.rounds, f), pick(floor.rounds, f))
	}
	step := func(r *Row, f field) Spread {
		return spread(divide(above(r, f), slices.Repeat([]float64{steps}, len(r.rounds))))
	}
	var out []OwnRow
	for i := range rows {
		if r := &rows[i]; r.work == InProcess && r != floor {
			out = append(out, OwnRow{
				Who: r.Who, Step: step(r, wall), Allocs: step(r, allocs).Median, Bytes: step(r, size).Median,
				Tandem: spread(divide(above(tandem, wall), above(r, wall))),
			})
		}
	}
	return out
}

// Against is Tandem over another competitor in the same round.
type Against struct {
	Work  string `json:"work"`
	Who   string `json:"who"`
	Ratio Spread `json:"wall_ratio"`
}

// against compares Tandem with the libraries that do nothing but templates.
func against(rows []Row) []Against {
	var out []Against
	for i := range rows {
		r := &rows[i]
		tandem := find(rows, r.work, "tandem")
		if r.work != Mustache && r.work != Jinja2 || r.Who == "floor" || tandem == nil || r == tandem {
			continue
		}
		out = append(out, Against{r.Work, r.Who, spread(divide(pick(tandem.rounds, wall), pick(r.rounds, wall)))})
	}
	return out
}

// find returns a competitor's row of a work, nil: it has none.
func find(rows []Row, work, who string) *Row {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.work == work && r.Who == who })
	if i < 0 {
		return nil
	}
	return &rows[i]
}

func (a Against) String() string {
	return fmt.Sprintf("%s\tTandem over %s\t%s", a.Work, a.Who, a.Ratio)
}
