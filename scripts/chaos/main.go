//go:build unix

// Chaos has a cluster of real nodes run batches for a time, while faults meet them at
// random: processes that are killed or stand still, links that are cut, break or are slow
// (by toxiproxy), a full disk, and bits that flip in the server's store. It ends with 1
// where a promise of docs/nodes.md was broken. `make chaos` runs it.
//
// It is a module of its own, so that toxiproxy is no dependency of Tandem.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/tandem-llm/tandem/internal/testnodes"
)

func main() {
	var o options
	flag.StringVar(&o.program, "tandem", "bin/tandem", "the built `program`")
	flag.DurationVar(&o.time, "time", 30*time.Minute, "how long")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "of the random choices")
	flag.IntVar(&o.nodes, "nodes", 3, "how many nodes")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ok, err := o.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

type options struct {
	program string
	time    time.Duration
	seed    uint64
	nodes   int
}

// roundTime is how long one batch may take, with its fault.
const roundTime = 10 * time.Minute

// run reports whether all promises were kept.
func (o *options) run(ctx context.Context) (ok bool, err error) {
	dir, err := os.MkdirTemp("", "tandem-chaos-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	random := rand.New(rand.NewPCG(o.seed, 0))
	f, err := testnodes.New(ctx, testnodes.Config{Program: o.program, Dir: dir, Nodes: o.nodes, Slots: 2, Delay: 100 * time.Millisecond, Link: links()})
	if err != nil {
		return false, err
	}
	defer f.Close()
	faults := testnodes.Faults(random, func() time.Duration {
		if random.IntN(12) == 0 {
			return time.Minute
		}
		return time.Duration(random.IntN(5000)) * time.Millisecond
	})
	fmt.Printf("seed %d; %d nodes of 2 slots; the disk that gets full is %s\n", o.seed, o.nodes, f.Disk())
	var sums []*sum
	for _, fault := range faults {
		sums = append(sums, &sum{Report: testnodes.Report{Fault: fault.Name}})
	}
	began, ok := time.Now(), true
	for n := 1; time.Since(began) < o.time && ctx.Err() == nil; n++ {
		at := random.IntN(len(faults))
		if n <= len(faults) { // each once, however short it is
			at = n - 1
		}
		round, cancel := context.WithTimeout(ctx, roundTime)
		got := f.Round(round, 20+random.IntN(40), 1+random.IntN(20), faults[at])
		cancel()
		if ctx.Err() != nil {
			break
		}
		sums[at].add(got)
		for _, p := range got.Problems {
			ok = false
			fmt.Printf("BROKEN in round %d: %s\n", n, p)
		}
	}
	print(sums)
	return ok, nil
}

// sum is what came of all rounds with a fault.
type sum struct {
	testnodes.Report
	faults int
}

func (s *sum) add(r *testnodes.Report) {
	s.faults++
	s.Rows, s.Lost, s.Twice, s.Moved = s.Rows+r.Rows, s.Lost+r.Lost, s.Twice+r.Twice, s.Moved+r.Moved
	s.Calls, s.Again, s.Told = s.Calls+r.Calls, s.Again+max(0, r.Again), s.Told+r.Told
	s.Cost, s.Counted, s.Cap = s.Cost+r.Cost, s.Counted+r.Counted, s.Cap+r.Cap
	s.Recovered = append(s.Recovered, r.Recovered...)
	s.Problems = append(s.Problems, r.Problems...)
}

// print prints what came of each fault, and of all together.
func print(sums []*sum) {
	all := &sum{Report: testnodes.Report{Fault: "all"}}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nFAULT\tFAULTS\tROWS\tLOST\tDOUBLED\tMOVED\tCOST\tCAP\tTWICE\tREPORTED\tRECOVERY P50\tP99\tMOST")
	for _, s := range sums {
		if s.faults == 0 {
			continue
		}
		n := all.faults + s.faults
		all.add(&s.Report)
		all.faults = n
		s.row(w)
	}
	all.row(w)
	_ = w.Flush()
	if len(all.Problems) > 0 {
		fmt.Printf("\n%d promises were broken:\n%s\n", len(all.Problems), strings.Join(all.Problems, "\n"))
	}
}

func (s *sum) row(w *tabwriter.Writer) {
	slices.Sort(s.Recovered)
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t$%.2f\t$%.2f\t%d\t%d\t%s\t%s\t%s\n", s.Fault, s.faults, s.Rows, s.Lost, s.Twice, s.Moved, s.Cost, s.Cap, s.Again, s.Told,
		share(s.Recovered, 0.5), share(s.Recovered, 0.99), share(s.Recovered, 1))
}

// share is the time within which such a share of all recovered.
func share(sorted []time.Duration, of float64) string {
	if len(sorted) == 0 {
		return "-"
	}
	at := min(len(sorted)-1, int(of*float64(len(sorted))))
	return fmt.Sprintf("%.1f s", sorted[at].Seconds())
}
