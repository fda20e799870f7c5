package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/terminal"
)

// Every flag that takes a value has completions, or is a number or a free text by
// decision: a new flag has to be put in one place or the other.
func TestEveryFlagIsCompletedOrFree(t *testing.T) {
	free := []string{
		"address", "base-url", "budget", "chunk", "cluster", "contains", "equals", "expect-column", "expr", "judge", "margin", "min-pass", "name", "prefer", "regex", "repeats", "concurrency", "count", "deadline", "encoding", "expires", "key", "key-env", "limit", "lines", "listen", "max-errors", "max-tokens", "min-cost", "num-ctx", "number", "overlap", "rate", "sample", "sample-seed", "seed", "slots", "stop", "system", "template",
		"temperature", "timeout", "tokens", "tool-limit", "turns", "top-p", "url", "where",
	}
	a := &app{term: terminal.New(nil, nil, nil)}
	root, known := a.root(), a.flagCompletions()
	used := map[string]bool{}
	check := func(f *pflag.Flag) {
		if f.NoOptDefVal != "" {
			return
		}
		used[f.Name] = true
		if _, ok := known[f.Name]; ok == slices.Contains(free, f.Name) {
			t.Errorf("--%s is completed: %v, and is free text: %v", f.Name, ok, !ok)
		}
	}
	root.PersistentFlags().VisitAll(check)
	eachCommand(root, func(c *cobra.Command) {
		if c.CommandPath() != "tandem completion" {
			c.LocalNonPersistentFlags().VisitAll(check)
			if c.Runnable() && c.ValidArgsFunction == nil {
				t.Errorf("%s completes its arguments to files", c.CommandPath())
			}
		}
	})
	for name := range known {
		if !used[name] {
			t.Errorf("no command has --%s", name)
		}
	}
	for path := range a.argumentCompletions() {
		if cmd, _, err := root.Find(strings.Fields(path)[1:]); err != nil || cmd.CommandPath() != path {
			t.Errorf("there is no %q", path)
		}
	}
}

func TestACompletionIsBoundedAndClean(t *testing.T) {
	a := &app{term: terminal.New(nil, nil, nil), environ: []string{"HOME=" + t.TempDir()}}
	never := make(chan struct{})
	defer close(never)
	for name, c := range map[string]struct {
		of   completer
		want []string
	}{
		"it hangs":             {func(context.Context, *completion) []string { <-never; return []string{"x"} }, nil},
		"it ends with its ctx": {func(ctx context.Context, _ *completion) []string { <-ctx.Done(); return nil }, nil},
		"it panics":            {func(context.Context, *completion) []string { panic("no") }, nil},
		"it writes":            {func(_ context.Context, c *completion) []string { c.term.Noticef("no"); return []string{"x"} }, []string{"x"}},
		"control characters": {func(context.Context, *completion) []string {
			return []string{"x\x1b[31m", "x\ny", "x1\ta\x1b]0;t\x07 title\nof two lines", "x\u202e"}
		}, []string{"x1\ta title of two lines"}},
		"another beginning": {func(context.Context, *completion) []string { return []string{"y", "xy"} }, []string{"xy"}},
		"twice":             {func(context.Context, *completion) []string { return []string{"x\ta", "x\tb"} }, []string{"x\ta"}},
		"a long title":      {func(context.Context, *completion) []string { return []string{"x\t" + strings.Repeat("é", 100)} }, []string{"x\t" + strings.Repeat("é", 59) + "…"}},
	} {
		got, directive := a.complete(c.of)(a.root(), nil, "x")
		if !slices.Equal(got, c.want) || directive&cobra.ShellCompDirectiveNoFileComp == 0 {
			t.Errorf("%s: %q, %v; want %q", name, got, directive, c.want)
		}
	}
}

// A space follows a word, but for those that all go on.
func TestWhatGoesOn(t *testing.T) {
	for _, c := range []struct {
		words []string
		goes  bool
	}{{[]string{"a="}, true}, {[]string{"a/", "b="}, true}, {[]string{"a/", "b"}, false}, {[]string{"a"}, false}, {nil, false}} {
		if _, d := fitting(c.words, ""); d&cobra.ShellCompDirectiveNoSpace != 0 != c.goes {
			t.Errorf("%q: %v", c.words, d)
		}
	}
}
