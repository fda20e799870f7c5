//go:build unix

package testnodes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Report is what came of a batch that a fault met.
type Report struct {
	Fault   string
	Rows    int
	Lost    int // without an answer of their own
	Twice   int // results of a row beyond its first
	Moved   int // out of order
	Calls   int // that reached the engine
	Again   int // of those, the ones beyond each row's first
	Told    int // how many calls tandem says may have been made twice
	Cost    float64
	Counted float64 // what tandem says that the batch has cost
	Cap     float64 // what it may cost
	// Recovered is how long each row that the fault took from its node waited for another
	// one, or how long nothing was asked once the server was back.
	Recovered []time.Duration
	Took      time.Duration
	// Problems are what broke a promise; none: nothing.
	Problems []string
}

// round is a batch that runs while a fault meets it.
type round struct {
	*Fleet
	name      string
	rows      int
	submitter *process
	killed    bool // the submitter was
	report    *Report
	since     time.Time
	lost      []Call // that ran on the node that the fault took away
}

// Round runs a batch, and has a fault meet it once after of its rows were asked.
func (f *Fleet) Round(ctx context.Context, rows, after int, fault Fault) *Report {
	if fault.Lasts {
		rows *= 3
	}
	f.count++
	r := &round{Fleet: f, name: fmt.Sprintf("b%d", f.count), rows: rows, report: &Report{Fault: fault.Name, Rows: rows}}
	f.Engine.Forget()
	began := time.Now()
	r.report.Cap = 1.5*CallCost*float64(rows) + 3*callMost*float64(f.Nodes*f.Slots)
	if err := r.run(ctx, after, fault); err != nil {
		r.problem("%v", err)
	}
	r.report.Took = time.Since(began)
	return r.report
}

func (r *round) problem(format string, args ...any) {
	r.report.Problems = append(r.report.Problems, r.report.Fault+": "+fmt.Sprintf(format, args...))
}

func (r *round) run(ctx context.Context, after int, fault Fault) (err error) {
	var table strings.Builder
	table.WriteString("what\n")
	for i := range r.rows {
		fmt.Fprintf(&table, "%s %d\n", r.name, i+1)
	}
	if err := r.head.write("project/"+r.name+".csv", table.String()); err != nil {
		return err
	}
	if r.submitter, err = r.head.start(r.start()...); err != nil {
		return err
	}
	defer r.submitter.end(syscall.SIGKILL)
	if err := r.Engine.Wait(ctx, after, of(r.name)); err != nil {
		return fmt.Errorf("before the fault: %w; %s", err, r.submitter.said)
	}
	if err := fault.Do(ctx, r); err != nil {
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	r.recovered()
	return r.check(ctx)
}

func (r *round) start() []string {
	return []string{"batch", "c.yaml", "--in", r.name + ".csv", "--out", r.name + ".jsonl", "--nodes", "--max-tokens", maxTokens, "--budget", fmt.Sprint(r.report.Cap)}
}

func (r *round) out() string { return filepath.Join(r.head.project, r.name+".jsonl") }

// finish waits for the end of who submitted, and goes on with the batch where it was
// killed.
func (r *round) finish(ctx context.Context) error {
	select {
	case <-r.submitter.ended:
	case <-ctx.Done():
		return fmt.Errorf("the batch does not end: %w; %s; the server: %s", ctx.Err(), r.submitter.said, r.server.said)
	}
	if code := r.submitter.cmd.ProcessState.ExitCode(); code != 0 && !r.killed {
		return fmt.Errorf("exit code %d: %s", code, r.submitter.said)
	}
	for range 5 {
		if _, err := os.Stat(r.out()); err == nil {
			return nil
		}
		status, err := r.status(ctx)
		if err != nil {
			return err
		}
		args := []string{"batch", "resume"}
		if status.State != "waiting" { // all rows have ended, and the output was not written
			args = append(r.start(), "--resume")
		}
		if _, err := r.head.run(ctx, "", args...); err != nil {
			return err
		}
	}
	return fmt.Errorf("no output after the batch was resumed five times")
}

// status is what tandem says of the batch.
type status struct {
	State    string  `json:"state"`
	Repeated int     `json:"repeated"`
	USD      float64 `json:"cost_usd"`
}

func (r *round) status(ctx context.Context) (s status, err error) {
	out, err := r.head.run(ctx, "", "batch", "status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	return s, err
}

// check compares the output with the table and the ledger.
func (r *round) check(ctx context.Context) error {
	data, err := os.ReadFile(r.out())
	if err != nil {
		return err
	}
	seen, at := map[int]bool{}, 0
	for line := range strings.Lines(string(data)) {
		var got struct {
			Row    int
			Answer string
			OK     bool
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			return err
		}
		switch {
		case seen[got.Row]:
			r.report.Twice++
		case !got.OK, got.Answer != fmt.Sprintf("re %s %d", r.name, got.Row):
			r.problem("row %d is %s", got.Row, strings.TrimSpace(line))
			continue
		}
		if got.Row < at {
			r.report.Moved++
		}
		seen[got.Row], at = true, got.Row
	}
	r.report.Lost = r.rows - len(seen)
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	calls := r.Engine.Calls(of(r.name))
	r.report.Calls, r.report.Again, r.report.Told = len(calls), len(calls)-r.rows, s.Repeated
	r.report.Cost, r.report.Counted = CallCost*float64(len(calls)), s.USD
	if r.report.Lost+r.report.Twice+r.report.Moved > 0 {
		r.problem("of %d rows %d are lost, %d doubled, %d out of order", r.rows, r.report.Lost, r.report.Twice, r.report.Moved)
	}
	if r.report.Again > r.report.Told {
		r.problem("%d calls were made twice, and tandem says at most %d", r.report.Again, r.report.Told)
	}
	if most := r.report.Cap + 1e-6; r.report.Cost > most || r.report.Counted > most {
		r.problem("the calls cost $%.2f, tandem counts $%.2f, and the budget was $%.2f", r.report.Cost, r.report.Counted, r.report.Cap)
	}
	return nil
}

// takes says that a node is gone from now on, with what it runs.
func (r *round) takes(w *worker) {
	r.since, r.lost = time.Now(), r.Engine.Calls(running(w.name))
}

// again picks the calls for rows that a node had when the fault took it away.
func (r *round) again(c *Call) bool {
	if !c.At.After(r.since) {
		return false
	}
	for i := range r.lost {
		if r.lost[i].Prompt == c.Prompt {
			return true
		}
	}
	return false
}

// recovered measures how long rows waited that a fault took from their node. One that had
// its result already was not asked again.
func (r *round) recovered() {
	first := map[string]time.Time{}
	for _, c := range r.Engine.Calls(r.again) {
		if at, has := first[c.Prompt]; !has || c.At.Before(at) {
			first[c.Prompt] = c.At
		}
	}
	for _, at := range first {
		r.report.Recovered = append(r.report.Recovered, at.Sub(r.since))
	}
}
