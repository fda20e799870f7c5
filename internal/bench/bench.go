// Package bench measures Tandem against a floor: the same work written by hand
// with go-openai, on the same machine, in the same minute, against the same
// fake server. internal/bench/cmd/bench is the program; docs/benchmarks.md says
// how to read what it prints.
//
// Every competitor is a process of its own, and so is the server, so that
// allocations are the competitor's alone. They take turns, a fraction of a
// second each, many rounds; what counts is the median of the ratios to the
// floor in the same round, which a machine that slows down does not move.
package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// Plan is what to measure.
type Plan struct {
	Rounds int    // of work; each competitor has its turn in each
	Only   string // the one work that is measured, and nothing else; "": all is
	Runs   int    // of each program's start-up; 0: start-up is not measured

	// Self is the bench program's own command line; it starts itself as the
	// server and as the workers.
	Self []string
	// Peers are programs that do the same work, see [ServeWork]. Each is told
	// the server's base URL as its last argument.
	Peers []Command
	// Programs to start, the first of which does nothing: what the others take
	// is compared with it. They find the server in OPENAI_BASE_URL.
	Programs []Command
	// Tandem is the command line that reads long answers; nil: none are measured.
	Tandem []string

	Log io.Writer // progress, and what the processes say of errors
}

// Command is a program and what to call it.
type Command struct {
	Name string
	Argv []string
}

// Report is what was measured.
type Report struct {
	OS      string     `json:"os"`
	Arch    string     `json:"arch"`
	Go      string     `json:"go"`
	CPUs    int        `json:"cpus"`
	Rounds  int        `json:"rounds"`
	Rows    []Row      `json:"rows"`
	Own     []OwnRow   `json:"own,omitempty"`
	Against []Against  `json:"against,omitempty"`
	Layers  []LayerRow `json:"layers,omitempty"`
	StartUp []Start    `json:"start_up,omitempty"`
	Long    []Long     `json:"long,omitempty"`
	Nodes   []NodesRow `json:"nodes,omitempty"`
	Queue   *Queue     `json:"queue,omitempty"`
	Aims    []Aim      `json:"aims"`
}

// load is a piece of work in a quantity that takes a fraction of a second.
type load struct {
	title string
	work  string
	n, c  int
	parts int // of one piece of work: what it costs is told for each; 0: it is one
}

var loads = []load{
	{title: "two-step chain, one at a time", work: Chain, n: 400, c: 1},
	{title: "two-step chain, 64 at once", work: Chain, n: 1500, c: 64},
	{title: "stream of 64 tokens, 64 at once", work: Stream, n: 300, c: 64},
	{title: "f-string render", work: FString, n: 200_000, c: 1},
	{title: "two-step chain, model in the process", work: InProcess, n: 10_000, c: 1},
	{title: "each of 10,000 items, model in the process", work: Each, n: 10, c: 1, parts: eachItems},
	{title: "mustache render", work: Mustache, n: 20_000, c: 1},
	{title: "jinja2 render", work: Jinja2, n: 10_000, c: 1},
	{title: "batch of 640 rows, 32 at once, each stored", work: Batch, n: 1, c: 1, parts: batchRows},
}

// Works that do not load the workers.
const (
	onlyNodes = "nodes"
	onlyQueue = "queue"
)

// Run measures. It fails when something cannot be measured, and never because
// something is slow.
func Run(ctx context.Context, p Plan) (*Report, error) {
	report := &Report{OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), CPUs: runtime.NumCPU(), Rounds: p.Rounds}
	var err error
	switch p.Only {
	case onlyNodes:
		report.Nodes, err = Nodes(ctx, p)
		report.Aims = aims(report)
		return report, err
	case onlyQueue:
		report.Queue, err = MeasureQueue(ctx, p)
		return report, err
	}
	server, err := start(ctx, p.Log, "the fake server", append(p.Self[:len(p.Self):len(p.Self)], "-serve")...)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	url, err := server.line()
	if err != nil {
		return nil, err
	}
	commands := []Command{
		{"floor", append(p.Self[:len(p.Self):len(p.Self)], "-work", "floor")},
		{"tandem", append(p.Self[:len(p.Self):len(p.Self)], "-work", "tandem")},
	}
	var workers []*process
	for _, c := range append(commands, p.Peers...) {
		w, err := start(ctx, p.Log, c.Name, append(c.Argv[:len(c.Argv):len(c.Argv)], url)...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		defer w.stop()
		workers = append(workers, w)
	}
	for _, l := range loads {
		if p.Only != "" && l.work != p.Only {
			continue
		}
		fmt.Fprintf(p.Log, "%s: %d rounds\n", l.title, p.Rounds)
		rows, err := turns(workers, l, p.Rounds)
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, rows...)
	}
	if p.Only != "" {
		if len(report.Rows) == 0 {
			return nil, fmt.Errorf("there is no work %q", p.Only)
		}
		report.Aims = aims(report)
		return report, nil
	}
	report.Own, report.Against = own(report.Rows), against(report.Rows)
	few := p.Rounds/4 + 1
	fmt.Fprintf(p.Log, "layers: %d rounds\n", few)
	if report.Layers, err = Layers(ctx, few, 20_000); err != nil {
		return nil, err
	}
	if p.Runs > 0 {
		fmt.Fprintf(p.Log, "start-up: %d runs of each\n", p.Runs)
		if report.StartUp, err = startUp(ctx, p, url); err != nil {
			return nil, err
		}
	}
	if len(p.Tandem) > 0 && p.Runs >= 4 {
		fmt.Fprintf(p.Log, "an answer of %d chunks: %d runs of each\n", LongChunks, p.Runs/4)
		if report.Long, err = longAnswers(ctx, p, url); err != nil {
			return nil, err
		}
	}
	if len(p.Tandem) > 0 {
		if report.Nodes, err = Nodes(ctx, p); err != nil {
			return nil, err
		}
	}
	report.Aims = aims(report)
	return report, nil
}
