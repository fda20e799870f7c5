// Command tandem runs prompts and chains on a model of this machine, or on an
// OpenAI-compatible server where the configuration says so.
package main

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/tandem-llm/tandem/internal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		tuneGC()
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // net/http logs what servers send unasked
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// tuneGC lets short commands end without a garbage collection: the first is at
// a heap of 16 MiB (GOGC's 4 MiB, times four). From then on the heap grows by
// half only, because a long answer is most of it, and twice that is too much.
func tuneGC() {
	debug.SetGCPercent(400)
	type unreachable struct{ _ *byte }
	runtime.AddCleanup(&unreachable{}, func(percent int) { debug.SetGCPercent(percent) }, 50)
}
