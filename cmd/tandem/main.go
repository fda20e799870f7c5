// Command tandem runs prompts and chains on a model of this machine, or on an
// OpenAI-compatible server where the configuration says so.
package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/tandem-llm/tandem/internal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // a long answer is most of the memory there is: twice that is too much
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // net/http logs what servers send unasked
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
