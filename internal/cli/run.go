package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

// runInput is what `tandem run` was told.
type runInput struct {
	file    string
	values  []string // behind the file
	params  []string
	typed   map[string]string // inputs that were asked for
	sample  sampling
	json    bool
	noStrm  bool
	timeout time.Duration
	dry     bool
	graph   bool
	watch   bool
	copy    bool
	rows    rowsInput
	trusted trusted
}

func (a *app) runCommand() *cobra.Command {
	var in runInput
	cmd := &cobra.Command{
		Use:   "run [flags] FILE|NAME|- [VALUE]",
		Short: "Run a chain or prompt file",
		Long: `Run a chain or prompt file. The chain's answer goes to standard output; the
steps before it, and who answered, are shown on standard error.

Where no file has that name, the chain that is saved by it is run: see tandem
chain list. - reads the chain from standard input.

VALUE is the value of the chain's only input, or of the only one without a value.
Without it, that value is what is piped in, and at a terminal you are asked for
inputs that are missing.

A step's own settings (use, model, temperature, …) override flags, and flags
override the configuration.`,
		Example: `  tandem run examples/president.yaml -p country="United States of America"
  tandem run examples/president.yaml France
  tandem run examples/template.yaml -p country=India --json | jq .steps
  tandem run examples/template.yaml --each countries.csv --limit 3
  tandem run examples/president.yaml -p country=India --watch
  tandem run summary -p text=@notes.txt`,
		Args: a.takesFile,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && !a.namesChain(args[0]) {
				return a.runAsk(cmd.Context(), in.askOf(args))
			}
			in.file, in.values, in.typed = args[0], args[1:], map[string]string{}
			in.rows.limited, in.rows.bounded = cmd.Flags().Changed("limit"), cmd.Flags().Changed("concurrency")
			return a.run(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&in.params, "param", "p", nil, "input variable as `name=value`, repeatable; value @FILE reads a file, - standard input")
	f.BoolVar(&in.json, "json", false, "print one JSON object: answer, every step, usage, route, error")
	f.BoolVar(&in.noStrm, "no-stream", false, "do not stream: request whole answers at once")
	spanVar(f, &in.timeout, "timeout", "give up after this long, such as 2m (0: never)")
	f.BoolVar(&in.dry, "dry-run", false, "show which provider would answer each step, and which would be skipped and why; call no model")
	f.BoolVar(&in.graph, "graph", false, "print the chain as a Mermaid flowchart; call no model")
	f.BoolVar(&in.watch, "watch", false, "run again whenever the chain's files change")
	f.BoolVar(&in.copy, "copy", false, "copy the answer to the clipboard")
	in.rows.register(f)
	in.trusted.register(f)
	in.sample.register(f)
	a.plainFlag(f)
	a.answers.register(f)
	a.tools.register(f)
	return cmd
}

// run runs a chain, or shows what it is.
func (a *app) run(ctx context.Context, in runInput) error {
	if err := in.check(); err != nil {
		return a.fail(in.json, err)
	}
	file, err := a.chainFile(in.file)
	if err != nil {
		return a.fail(in.json, err)
	}
	in.file = file
	switch {
	case in.graph:
		return a.graph(ctx, in)
	case in.watch:
		return a.watch(ctx, in)
	}
	return a.runOnce(ctx, in)
}

// check finds flags that do not go together.
func (in *runInput) check() error {
	for _, f := range []struct {
		wrong bool
		text  string
	}{
		{in.graph && (in.watch || in.dry || in.json || in.rows.file != ""), "--graph runs nothing; leave out --watch, --dry-run, --json and --each"},
		{in.dry && in.watch, "use only one of --dry-run and --watch"},
		{in.dry && in.rows.file != "", fmt.Sprintf("--dry-run shows one run; for the rows of a file: tandem batch %s --in %s --dry-run", in.file, in.rows.file)},
		{in.rows.file == stdinPath && in.readsInput(), "--each reads standard input, which can be read only once; give the chain and the values as files"},
		{in.graph && len(in.values) > 0, "--graph runs nothing; leave out the input"},
		{in.watch && isPipe(in.file), "--watch needs a file; it cannot read a pipe again"},
		{in.file == stdinPath && slices.Equal(in.values, []string{stdinPath}), "the chain is read from standard input; give the input as -p name=@FILE"},
		{in.watch && slices.Equal(in.values, []string{stdinPath}), "standard input can be read only once, but --watch runs repeatedly; write it to a file and use @FILE"},
		{in.file == stdinPath && in.watch, "--watch needs a file; it cannot read standard input again"},
		{in.file == stdinPath && slices.ContainsFunc(in.params, func(p string) bool { return strings.HasSuffix(p, "=-") }), "the chain is read from standard input; give the input as -p name=@FILE"},
		{in.copy && (in.graph || in.watch || in.dry || in.rows.file != ""), "--copy copies one answer; leave out --graph, --watch, --dry-run and --each"},
		{in.rows.file == "" && in.rows.limited, "--limit needs --each"},
		{in.rows.file == "" && in.rows.bounded, "--concurrency needs --each"},
		{in.rows.file == "" && in.rows.encoding != "", "--encoding needs --each"},
		{in.rows.limit < 0, "--limit must be at least 0 (0: all rows)"},
		{in.rows.concurrency < 1 || in.rows.concurrency > maxRowsAtOnce, fmt.Sprintf("--concurrency must be between 1 and %d", maxRowsAtOnce)},
	} {
		if f.wrong {
			return usageError{errors.New(f.text)}
		}
	}
	return checkTimeout(in.timeout)
}

// running is a chain and what its runs need.
type running struct {
	file  string
	job   runner.Job
	stack *stack.Stack
	rows  *table.Bound // of --each; nil: it runs once
	view  *liveSteps   // nil: nothing is shown as it comes
	close []func()
}

// runOnce runs the chain: once, or once for each row.
func (a *app) runOnce(ctx context.Context, in runInput) error {
	r := &running{file: in.file}
	defer r.closeAll()
	ctx, err := a.prepareRun(ctx, r, in)
	switch {
	case err != nil:
		return a.fail(in.json, err)
	case in.dry:
		return a.dryRun(ctx, r, in.json)
	case r.rows != nil:
		return a.runRows(ctx, r, in)
	case in.json:
		a.wait.open(a)
		result, err := runner.Run(a.wait.follows(ctx), r.job, nil)
		a.wait.close()
		if in.copy && err == nil {
			a.copyText(ctx, result.Answer)
		}
		return a.printResult(result, err)
	}
	return a.runShown(ctx, r, &in)
}

// prepareRun loads the chain, binds the variables, and assembles what runs it. The
// context is that of the runs.
func (a *app) prepareRun(ctx context.Context, r *running, in runInput) (context.Context, error) {
	c, err := a.loadChain(ctx, &in)
	if err != nil {
		return ctx, err
	}
	a.sayNotes(c.Notes())
	vars, err := a.inputs(ctx, c, &in)
	if err != nil {
		return ctx, err
	}
	if in.rows.file != "" {
		rows, err := a.openRows(ctx, in.rows.file, in.rows.encoding)
		if err != nil {
			return ctx, err
		}
		if r.rows, err = rows.Bind(c, vars); err != nil {
			return ctx, err
		}
	}
	if r.stack, err = a.open(ctx); err != nil {
		return ctx, err
	}
	r.close = append(r.close, r.stack.Close)
	if err := configured(in.file, c, r.stack); err != nil {
		return ctx, err
	}
	defaults := provider.Request{NoStream: in.noStrm || in.json || r.rows != nil}
	if err := in.sample.apply(&defaults, r.stack, a.allowed(r.stack)); err != nil {
		return ctx, err
	}
	r.job = runner.Job{Chain: c, Provider: r.stack, Vars: vars, Defaults: defaults, Passages: passagesOf(r.stack), Embedder: r.stack.Collections.Embedder(), Strict: in.sample.strict || in.copy}
	if in.dry {
		return ctx, nil
	}
	if in.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.timeout)
		r.close = append(r.close, cancel)
	}
	names := c.Tools()
	var newLine func()
	if !in.json && r.rows == nil {
		again := restarts(r.stack) || len(names) > 0
		r.view = newLiveSteps(a, c.Steps(), !a.term.OutIsTTY && again, len(names) > 0)
		newLine = r.view.newLine
	}
	if len(names) > 0 {
		tools, done, err := r.stack.Tools(ctx, names)
		r.close = append(r.close, done)
		if err != nil {
			return ctx, a.withLog(err)
		}
		r.job.Tools = a.toolOptions(tools, newLine, nil)
	}
	return begin(ctx, chainRun(c, in.file)), nil
}

// closeAll closes what was opened, the last first.
func (r *running) closeAll() {
	for _, c := range slices.Backward(r.close) {
		c()
	}
}

// runShown runs the chain once, and shows it as it comes.
func (a *app) runShown(ctx context.Context, r *running, in *runInput) error {
	result, err := runner.Run(a.wait.follows(ctx), r.job, r.view.observe)
	switch {
	case r.view.err != nil:
		return r.view.err
	case !result.Ended:
		r.view.broken()
		return err
	}
	if werr := r.view.finish(&result); werr != nil {
		return werr
	}
	a.sayStopped(&in.sample, result.Stopped)
	if in.copy && err == nil {
		a.copyText(ctx, result.Answer)
	}
	return err
}

// passagesOf looks passages up in the collections of a stack.
func passagesOf(s *stack.Stack) chain.Finder {
	return func(ctx context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
		return s.Collections.Find(ctx, l.Collection, l.Query, l.K, retrieve.Search{MMR: l.MMR, Privacy: l.Privacy})
	}
}

// configured finds a provider that a step names and that was not configured before
// the first step is asked.
func configured(file string, c *chain.Chain, stack *stack.Stack) error {
	for _, name := range c.Providers() {
		if stack.Has(name) {
			continue
		}
		var known []string
		for _, t := range stack.Targets {
			known = append(known, t.Config.Name)
		}
		return &diag.Error{File: file, Message: "there is no provider " + diag.Quote(name), Remedy: diag.Suggest(name, known)}
	}
	return nil
}

// graph prints a chain as a Mermaid flowchart.
func (a *app) graph(ctx context.Context, in runInput) error {
	c, err := a.loadChain(ctx, &in)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(a.term.Out, c.Mermaid()); err != nil {
		return fmt.Errorf("writing the graph: %w", err)
	}
	return nil
}
