package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// NodesRow is how many rows of a batch nodes answer together.
type NodesRow struct {
	Nodes int     `json:"nodes"`
	Rows  int     `json:"rows"`
	Rate  float64 `json:"per_second"` // from the first call to the end of the last
	// Linear is the rate over that of one node in the same round, times nodes.
	Linear Spread `json:"over_linear"`
	// Engines is the rate over what the engines can do, without any time between two calls.
	Engines Spread `json:"over_engines"`
	// Whole is the rate from the start of `tandem batch` to its end.
	Whole float64 `json:"per_second_whole"`
	// Server is the processor time of `tandem node serve` for a row, in µs; 0: not known.
	Server float64 `json:"server_cpu_us"`
	Twice  int     `json:"twice"` // calls that were made twice, in all rounds
}

// Each node has an engine of its own, which takes nodeTime for a call and runs nodeSlots at
// a time. A batch has nodeRows rows for each node: what is measured takes the same time
// however many nodes there are.
const (
	nodeSlots = 4
	nodeTime  = 250 * time.Millisecond
	nodeRows  = 240
)

// fleets are how many nodes are measured.
var fleets = []int{1, 2, 4}

// Nodes measures how many rows nodes answer, which are processes as their users start
// them. A row that was lost is an error.
func Nodes(ctx context.Context, p Plan) ([]NodesRow, error) {
	if len(p.Tandem) == 0 {
		return nil, fmt.Errorf("nodes need the program: -tandem")
	}
	rounds := p.Rounds/15 + 1
	fmt.Fprintf(p.Log, "nodes: %d rounds of %v nodes\n", rounds, fleets)
	h, err := newFleet(ctx, p, fleets[len(fleets)-1])
	if err != nil {
		return nil, err
	}
	defer h.stop()
	runs := map[int][]fleetRun{}
	for round := range rounds {
		for _, n := range fleets {
			r, err := h.run(ctx, n, fmt.Sprintf("%d-%d", round, n))
			if err != nil {
				return nil, fmt.Errorf("%d nodes: %w", n, err)
			}
			runs[n] = append(runs[n], r)
		}
	}
	var rows []NodesRow
	for _, n := range fleets {
		var rate, linear, engines, whole, cpu []float64
		twice := 0
		for i, r := range runs[n] {
			rate, whole, cpu = append(rate, r.rate), append(whole, r.whole), append(cpu, r.cpu)
			twice += r.twice
			linear = append(linear, r.rate/(float64(n)*runs[fleets[0]][i].rate))
			engines = append(engines, r.rate/(float64(n)*nodeSlots/nodeTime.Seconds()))
		}
		rows = append(rows, NodesRow{Nodes: n, Rows: n * nodeRows, Rate: median(rate), Linear: spread(linear), Engines: spread(engines), Whole: median(whole), Server: median(cpu), Twice: twice})
	}
	return rows, nil
}

// fleetRun is what a batch came to.
type fleetRun struct {
	rate, whole, cpu float64
	twice            int
}

// run has so many nodes answer a batch.
func (f *fleet) run(ctx context.Context, nodes int, name string) (r fleetRun, err error) {
	working, err := f.work(ctx, nodes)
	defer func() {
		for _, c := range working {
			end(c)
		}
	}()
	if err != nil {
		return r, err
	}
	n := nodes * nodeRows
	in, out := filepath.Join(f.dir, name+".csv"), filepath.Join(f.dir, name+".jsonl")
	var text strings.Builder
	text.WriteString("item\n")
	for i := range n {
		fmt.Fprintf(&text, "item %d\n", i)
	}
	if err := os.WriteFile(in, []byte(text.String()), 0o600); err != nil {
		return r, err
	}
	f.engines.reset()
	cpu, began := cpuOf(f.serve.Process.Pid), time.Now()
	if said, err := f.tandem(ctx, "server", "", "batch", f.chain, "--in", in, "--out", out, "--nodes"); err != nil {
		return r, fmt.Errorf("%w: %s", err, said)
	}
	r.whole = float64(n) / time.Since(began).Seconds()
	r.cpu = float64((cpuOf(f.serve.Process.Pid) - cpu).Microseconds()) / float64(n)
	calls, took := f.engines.came()
	answers, err := os.ReadFile(out)
	if err != nil {
		return r, err
	}
	if ok := strings.Count(string(answers), `"ok":true`); calls < n || ok != n {
		return r, fmt.Errorf("%d calls and %d answers of %d rows", calls, ok, n)
	}
	r.twice = calls - n
	r.rate = float64(n) / took.Seconds()
	return r, nil
}
