package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/wire"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// runInput is what `tandem run` was told.
type runInput struct {
	file    string
	params  []string
	sample  sampling
	json    bool
	noStrm  bool
	timeout time.Duration
	dry     bool
}

func (a *app) runCommand() *cobra.Command {
	var in runInput
	cmd := &cobra.Command{
		Use:   "run [flags] FILE",
		Short: "Run a chain or prompt file",
		Long: `Run a chain or prompt file. The last step's answer goes to standard output;
the steps before it, and who answered, are shown on standard error.

What a step sets for itself (use, model, temperature, …) goes before flags,
and flags go before the configuration.`,
		Example: `  tandem run examples/president.yaml -p country="United States of America"
  tandem run examples/template.yaml -p country=India --json | jq .steps`,
		Args: exactArgs("a chain file"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in.file = args[0]
			return a.run(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&in.params, "param", "p", nil, "input variable as `name=value`, repeatable; value @FILE reads a file, - standard input")
	f.BoolVar(&in.json, "json", false, "print one JSON object: answer, every step, usage, route, error")
	f.BoolVar(&in.noStrm, "no-stream", false, "ask for whole answers at once")
	f.DurationVar(&in.timeout, "timeout", 0, "give up after this long, such as 2m (0: never)")
	f.BoolVar(&in.dry, "dry-run", false, "say who would be asked in each step, and who not and why; call no model")
	in.sample.register(f)
	a.answers.register(f)
	return cmd
}

// run runs a chain: load it, bind the variables, show each step.
func (a *app) run(ctx context.Context, in runInput) error {
	c, err := chain.Load(in.file)
	if err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	vars, err := a.params(ctx, in.params)
	if err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	stack, err := a.open(ctx)
	if err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	defer stack.Close()
	if err := configured(in.file, c, stack); err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	defaults := provider.Request{NoStream: in.noStrm || in.json}
	if err := in.sample.apply(&defaults, stack); err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	if in.dry {
		return a.dryRun(ctx, stack, c, vars, defaults, in.json)
	}
	ctx = begin(ctx, chainRun(c, in.file))
	if in.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.timeout)
		defer cancel()
	}
	show := stepView(silentSteps{})
	if !in.json {
		show = &liveSteps{app: a, last: len(c.Steps()) - 1, hold: !a.term.outIsTTY && restarts(stack)}
	}
	steps, err := collectSteps(c.Run(ctx, stack, vars, chain.Defaults(defaults)), show)
	if err == nil && len(steps) > 0 {
		err = finished(steps[len(steps)-1].response())
	}
	if !in.json {
		return err
	}
	return a.printEnvelope(runEnvelope(steps, err, len(c.Steps())), err)
}

// configured finds a provider that a step names and nobody configured before
// the first step is asked.
func configured(file string, c *chain.Chain, stack *wire.Stack) error {
	for _, name := range c.Providers() {
		if stack.Has(name) {
			continue
		}
		var known []string
		for _, t := range stack.Targets {
			known = append(known, t.Config.Name)
		}
		return &yamlx.Error{File: file, Message: "there is no provider " + yamlx.Quote(name), Remedy: yamlx.Suggest(name, known)}
	}
	return nil
}

// params reads -p name=value flags.
func (a *app) params(ctx context.Context, params []string) (map[string]any, error) {
	vars := make(map[string]any, len(params))
	for _, p := range params {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, usageError{fmt.Errorf("-p %q: expected name=value, such as -p country=India", p)}
		}
		if _, twice := vars[k]; twice {
			return nil, usageError{fmt.Errorf("-p %s is given twice; give it once", k)}
		}
		v, err := a.paramValue(ctx, k, v)
		if err != nil {
			return nil, err
		}
		vars[k] = v
	}
	return vars, nil
}

func (a *app) paramValue(ctx context.Context, name, v string) (string, error) {
	switch {
	case v == "-":
		return readText(ctx, "standard input", a.term.in)
	case strings.HasPrefix(v, "@"):
		data, err := readFile(v[1:], maxInput)
		if err != nil {
			return "", err
		}
		return string(data), checkText(v[1:], data)
	}
	return v, checkText("-p "+name, []byte(v))
}

// stepView is told what happens in a chain as it happens.
type stepView interface {
	start(index int, name string)
	chunk(c provider.Chunk)
	end(r chain.StepResult)
	broken() // the step that started did not end
	failed() error
}

// collectSteps drives a run and returns the steps that ran, the one that broke
// off with its partial text included.
func collectSteps(events func(func(chain.Event, error) bool), show stepView) ([]stepRun, error) {
	var steps []stepRun
	open := false
	for e, err := range events {
		if err != nil {
			if open {
				show.broken()
			}
			return steps, err
		}
		switch e.Type {
		case chain.StepStart:
			open = true
			steps = append(steps, stepRun{StepResult: chain.StepResult{Name: e.Step}})
			show.start(e.Index, e.Step)
		case chain.StepChunk:
			last := &steps[len(steps)-1]
			if e.Chunk.Restart {
				last.Text, last.Thinking = "", ""
			}
			last.Text += e.Chunk.Text
			last.Thinking += e.Chunk.Thinking
			show.chunk(e.Chunk)
		case chain.StepEnd:
			open = false
			steps[len(steps)-1].StepResult = *e.Result
			show.end(*e.Result)
		}
		if err := show.failed(); err != nil {
			return steps, err
		}
	}
	return steps, nil
}

type stepRun struct{ chain.StepResult }

func (s stepRun) response() provider.Response {
	return provider.Response{Text: s.Text, Thinking: s.Thinking, Finish: s.Finish, Usage: s.Usage, Route: s.Route}
}

func runEnvelope(steps []stepRun, err error, want int) envelope {
	env := envelope{OK: err == nil}
	for _, s := range steps {
		env.Steps = append(env.Steps, stepJSON{
			Name: s.Name, Answer: s.Text, Thinking: s.Thinking,
			Finish: s.Finish, Usage: usageOf(s.Usage), Route: s.Route,
		})
	}
	if n := len(steps); n > 0 && n == want {
		last := steps[n-1]
		env.Answer, env.Thinking, env.Finish, env.Route = last.Text, last.Thinking, last.Finish, last.Route
	}
	var total provider.Usage
	for _, s := range steps {
		if s.Usage == nil {
			return env
		}
		total = total.Add(*s.Usage)
	}
	env.Usage = usageOf(&total)
	return env
}

// silentSteps shows nothing.
type silentSteps struct{}

func (silentSteps) start(int, string)    {}
func (silentSteps) chunk(provider.Chunk) {}
func (silentSteps) end(chain.StepResult) {}
func (silentSteps) broken()              {}
func (silentSteps) failed() error        { return nil }

// liveSteps streams every step: the last one's answer to standard output, all
// else to standard error.
type liveSteps struct {
	app  *app
	last int
	hold bool // the last answer, until it is whole
	pr   *printer
}

func (l *liveSteps) start(index int, name string) {
	t := l.app.term
	out, tty := t.err, t.errTTY
	if index == l.last {
		out, tty = t.out, t.outIsTTY
	} else if l.app.flags.quiet {
		out, tty = io.Discard, false
	}
	l.pr = &printer{out: t.modelWriter(out, tty), again: l.app.again, hold: l.hold && index == l.last}
	if !l.app.flags.quiet {
		l.pr.thinking = t.modelWriter(t.err, t.errTTY)
		if l.last > 0 {
			t.note("%s", t.bold("▸ "+name))
		}
	}
}

func (l *liveSteps) chunk(c provider.Chunk) { l.pr.chunk(c) }
func (l *liveSteps) broken()                { l.pr.end() }
func (l *liveSteps) failed() error          { return l.pr.err }

func (l *liveSteps) end(r chain.StepResult) {
	l.pr.end()
	l.app.sayRoute(r.Route, r.Usage)
	if l.last > 0 && l.app.term.errTTY && !l.app.flags.quiet {
		l.app.term.note("")
	}
}
