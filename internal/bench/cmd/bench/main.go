// Command bench measures Tandem against the floor; `make bench` builds and
// runs it. See docs/benchmarks.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/tandem-llm/tandem/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// commands is a flag that may be repeated: NAME=PROGRAM ARGUMENT…
type commands []bench.Command

func (c *commands) String() string { return "" }

func (c *commands) Set(text string) error {
	name, argv, ok := strings.Cut(text, "=")
	if !ok || argv == "" {
		return fmt.Errorf("%q is not NAME=PROGRAM ARGUMENT…", text)
	}
	*c = append(*c, bench.Command{Name: name, Argv: strings.Fields(argv)})
	return nil
}

func run(ctx context.Context) error {
	var (
		peers, programs commands
		rounds          = flag.Int("rounds", 31, "rounds of work")
		runs            = flag.Int("runs", 40, "runs of each program's start-up")
		streams         = flag.Int("streams", 0, "measure `N` streams at once, and nothing else")
		only            = flag.String("only", "", "measure one `work`, such as batch, and nothing else")
		gateway         = flag.Bool("gateway", false, "measure `tandem serve`, the program of -tandem, and nothing else; with -streams, so many that wait")
		proxy           = flag.String("proxy", "", "be the proxy to `URL` (the bench starts itself so)")
		asJSON          = flag.Bool("json", false, "print one JSON object in place of the tables")
		markdown        = flag.Bool("markdown", false, "print the tables in Markdown")
		serve           = flag.Bool("serve", false, "be the fake server (the bench starts itself so)")
		work            = flag.String("work", "", "be the worker `floor or tandem` against the URL given (the bench starts itself so)")
	)
	flag.Var(&peers, "peer", "another worker, as `NAME=PROGRAM ARGUMENT…`")
	flag.Var(&programs, "program", "a program to start and end, as `NAME=PROGRAM ARGUMENT…`; the first does nothing")
	tandem := flag.String("tandem", "", "the `COMMAND LINE` of tandem that reads long answers; it is told ask or run")
	flag.Parse()
	switch {
	case *serve:
		return bench.ServeUpstream(ctx, os.Stdin, os.Stdout)
	case *proxy != "":
		return bench.ServeProxy(ctx, *proxy, os.Stdin, os.Stdout)
	case *work != "" && *streams > 0:
		h, err := bench.HoldStreams(ctx, *work, flag.Arg(0), *streams)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(h)
	case *work == "floor":
		return bench.ServeWork(ctx, bench.Floor(flag.Arg(0)), os.Stdin, os.Stdout)
	case *work == "tandem":
		works, err := bench.Tandem(flag.Arg(0))
		if err != nil {
			return err
		}
		return bench.ServeWork(ctx, works, os.Stdin, os.Stdout)
	case *work != "" || flag.NArg() > 0 || *rounds < 1 || *streams < 0:
		flag.Usage()
		return fmt.Errorf("nothing to be done with these arguments")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if *gateway {
		return measureGateway(ctx, bench.Plan{Rounds: *rounds, Self: []string{self}, Tandem: strings.Fields(*tandem), Log: os.Stderr}, *streams, *asJSON)
	}
	if *streams > 0 {
		holds, err := bench.Streams(ctx, bench.Plan{Self: []string{self}, Log: os.Stderr}, *streams)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(holds)
		}
		return bench.WriteHolds(os.Stdout, holds)
	}
	if len(programs) == 0 {
		*runs = 0
	}
	report, err := bench.Run(ctx, bench.Plan{
		Rounds: *rounds, Only: *only, Runs: *runs, Self: []string{self}, Peers: peers, Programs: programs, Tandem: strings.Fields(*tandem), Log: os.Stderr,
	})
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(report)
	}
	if *markdown {
		return report.WriteMarkdown(os.Stdout)
	}
	return report.Write(os.Stdout)
}

// measureGateway measures `tandem serve` under load, or with so many streams that wait.
func measureGateway(ctx context.Context, p bench.Plan, streams int, asJSON bool) error {
	if len(p.Tandem) == 0 {
		return fmt.Errorf("-gateway needs -tandem")
	}
	if streams > 0 {
		h, err := bench.HoldGateway(ctx, p, streams)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(h)
		}
		bench.WriteGatewayHold(os.Stdout, h)
		return nil
	}
	rows, err := bench.Gateway(ctx, p)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(rows)
	}
	bench.WriteGateway(os.Stdout, rows)
	return nil
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
