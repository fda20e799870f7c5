package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// maxImage is the largest picture sent, in bytes.
const maxImage = 20 << 20

// askInput is what `tandem ask` was told.
type askInput struct {
	words   []string
	system  string
	role    string
	images  []string
	attach  attachFlags
	extract bool
	copy    bool
	tools   []string
	schema  string
	sample  sampling
	json    bool
	noStrm  bool
	timeout time.Duration
	dry     bool
	run     bool // it is `tandem run MODEL PROMPT`
}

func (a *app) askCommand() *cobra.Command {
	var in askInput
	cmd := &cobra.Command{
		Use:   "ask [flags] [PROMPT]",
		Short: "Ask one question",
		Long: `Ask one question and stream the answer to standard output. Text piped in goes
before the prompt. A line on standard error says who answered, and why.`,
		Example: `  tandem ask "Who is the Prime Minister of India?" --temperature 0.5
  cat notes.txt | tandem ask "Summarise"
  tandem ask -m openai/gpt-6-luna -s "You are terse." "Why is the sky blue?"
  tandem ask --local-only --json "Name three rivers" | jq -r .answer
  tandem ask --schema person.yaml "Who wrote Faust?"`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.words = args
			return a.runAsk(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.system, "system", "s", "", "system `message`: how the model should behave")
	f.StringVar(&in.role, "role", "", "a saved system message with settings, by its `name`")
	f.StringArrayVar(&in.images, "image", nil, "image `file` to send with the prompt (repeatable)")
	f.StringVar(&in.schema, "schema", "", "JSON Schema `file` (JSON or YAML) that the answer must satisfy, or its fields: 'name, age int'")
	f.BoolVar(&in.json, "json", false, "print one JSON object: answer, usage, route, error")
	f.BoolVar(&in.noStrm, "no-stream", false, "do not stream: request the whole answer at once")
	spanVar(f, &in.timeout, "timeout", "give up after this long, such as 30s (0: never)")
	f.BoolVar(&in.dry, "dry-run", false, "show which provider would answer, and which would be skipped and why; call no model")
	f.StringArrayVar(&in.tools, "tool", nil, "`tool` that the model may call, SERVER/TOOL or SERVER/* (repeatable)")
	f.BoolVarP(&in.extract, "extract", "x", false, "print only the answer's last code block")
	f.BoolVar(&in.copy, "copy", false, "copy the answer (with --extract the code block) to the clipboard")
	in.attach.register(f)
	in.sample.register(f)
	a.plainFlag(f)
	a.answers.register(f)
	a.tools.register(f)
	return cmd
}

// asking is a question and what answers it.
type asking struct {
	stack    *stack.Stack
	provider provider.Provider // the stack, with tools
	req      provider.Request
	printer  *printer          // nil: nothing is shown as it comes
	calls    []runner.ToolCall // of the answer, where no printer shows them
	close    []func()
}

// runAsk runs the command: build the request, stream the answer, say who gave it.
func (a *app) runAsk(ctx context.Context, in askInput) error {
	q := &asking{}
	defer q.closeAll()
	ctx, err := a.prepareAsk(ctx, q, in)
	switch {
	case err != nil:
		return a.fail(in.json, err)
	case in.dry:
		return a.dryAsk(ctx, q.stack, q.req, in.json)
	case in.json:
		r, err := a.collected(ctx, q.provider, q.req)
		if err == nil {
			_, err = runner.Accept(runner.Complete(r), in.needsWhole())
		}
		if in.copy && err == nil {
			a.copyText(ctx, r.Text)
		}
		return a.printResult(runner.NewResult(r, q.calls, err), err)
	}
	if in.extract {
		return a.askExtract(ctx, q, in.copy)
	}
	keep := firstWord()
	if in.copy {
		keep = allOf
	}
	r, err := stream(ctx, q.provider, q.req, q.printer, keep)
	stopped := 0
	if err == nil {
		stopped, err = runner.Accept(runner.Complete(r), in.needsWhole())
	}
	if best := bestAnswer(err); best != "" && !a.flags.quiet {
		a.term.Noticef("%s", a.term.Dim("· the best answer was: "+terminal.OneLine(best)))
	}
	a.sayStopped(&in.sample, stopped)
	a.sayRoute(r.Route, r.Usage)
	if in.copy && err == nil {
		a.copyText(ctx, r.Text)
	}
	return err
}

// needsWhole reports whether an answer that was cut is an error, whatever cut it.
func (in *askInput) needsWhole() bool { return in.sample.strict || in.copy || in.extract }

// prepareAsk builds the request, and assembles what answers it. The context is
// that of the call.
func (a *app) prepareAsk(ctx context.Context, q *asking, in askInput) (_ context.Context, err error) {
	if err := checkTimeout(in.timeout); err != nil {
		return ctx, err
	}
	if in.extract && (in.json || in.schema != "") {
		return ctx, usageError{errors.New("--extract prints a code block of a text; leave out --json and --schema")}
	}
	if err := a.takeRole(in.role, &in.system, &in.sample); err != nil {
		return ctx, err
	}
	if q.req, err = a.askRequest(ctx, in); err != nil {
		return ctx, err
	}
	if q.stack, err = a.open(ctx); err != nil {
		return ctx, err
	}
	q.close = append(q.close, q.stack.Close)
	if err := in.sample.apply(&q.req, q.stack, a.allowed(q.stack)); err != nil {
		return ctx, err
	}
	if in.run {
		if err := a.asksModel(ctx, q.stack, in.sample.model, &q.req); err != nil {
			return ctx, err
		}
	}
	if in.dry {
		if len(in.tools) > 0 {
			err = usageError{errors.New("--dry-run starts no MCP server, so it does not know the server's tools; leave out --tool")}
		}
		return ctx, err
	}
	ctx = begin(ctx, store.Run{Command: "ask"})
	if in.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.timeout)
		q.close = append(q.close, cancel)
	}
	var newLine func()
	if !in.json {
		q.printer = a.newPrinter(restarts(q.stack), len(in.tools) > 0, in.schema != "")
		newLine = q.printer.newLine
	}
	q.provider = q.stack
	if len(in.tools) > 0 {
		tools, done, err := q.stack.Tools(ctx, in.tools)
		q.close = append(q.close, done)
		if err != nil {
			return ctx, a.withLog(err)
		}
		q.provider = tool.Loop(q.stack, a.toolOptions(tools, newLine, func(e tool.Event) { q.calls = runner.AppendCall(q.calls, e) }))
	}
	return ctx, nil
}

// closeAll closes what was opened, the last first.
func (q *asking) closeAll() {
	for _, c := range slices.Backward(q.close) {
		c()
	}
}

// checkTimeout refuses a --timeout that has run out before anything is asked.
func checkTimeout(d time.Duration) error {
	if d < 0 {
		return usageError{fmt.Errorf("--timeout %s is negative; use a time such as 30s (0: never)", d)}
	}
	return nil
}

// stream asks p and prints the answer as it comes; what keep makes of it is
// returned.
func stream(ctx context.Context, p provider.Provider, req provider.Request, pr *printer, keep func(provider.Chunk) provider.Chunk) (provider.Response, error) {
	pr.app.wait.open(pr.app)
	r, err := collectAs(p.Chat(pr.app.wait.follows(ctx), req), pr, keep)
	if pr.err != nil {
		return r, pr.err
	}
	return r, err
}

func allOf(c provider.Chunk) provider.Chunk { return c }

// collectAs prints an answer as it comes, and returns what keep makes of it.
func collectAs(answer iter.Seq2[provider.Chunk, error], pr *printer, keep func(provider.Chunk) provider.Chunk) (provider.Response, error) {
	defer pr.endAnswer()
	return provider.Collect(func(yield func(provider.Chunk, error) bool) {
		for c, err := range answer {
			if err == nil {
				pr.chunk(c)
			}
			if pr.err != nil || !yield(keep(c), err) {
				return
			}
		}
	})
}

// firstWord keeps of an answer that has been shown no more than tells that it
// is not empty.
func firstWord() func(provider.Chunk) provider.Chunk {
	come := false
	return func(c provider.Chunk) provider.Chunk {
		come = come && !c.Restart
		if come {
			c.Text = ""
		}
		come = come || strings.TrimSpace(c.Text) != ""
		c.Thinking = ""
		return c
	}
}

func (a *app) askRequest(ctx context.Context, in askInput) (provider.Request, error) {
	var req provider.Request
	files, words, err := a.attach(ctx, in.attach, in.words)
	if err != nil {
		return req, err
	}
	a.sayAttached(&files)
	prompt, err := readPromptAfter(ctx, a.term, files.text(), words)
	if err != nil {
		return req, err
	}
	system, err := cleanText("--system", []byte(in.system))
	if err != nil {
		return req, err
	}
	if system != "" {
		req.Messages = append(req.Messages, provider.System(system))
	}
	user := provider.User(prompt)
	if user.Images, err = readImages(ctx, append(slices.Clone(in.images), files.images...)); err != nil {
		return req, err
	}
	req.Messages = append(req.Messages, user)
	if in.schema != "" {
		if req.Schema, err = a.readSchema(ctx, in.schema); err != nil {
			return req, err
		}
	}
	req.NoStream = in.noStrm || in.json
	return req, nil
}

// fail ends a command that prints a result with --json, before there is one: the
// error is printed as one then, and marked as shown.
func (a *app) fail(asJSON bool, err error) error {
	if !asJSON {
		return err
	}
	return a.printResult(runner.Result{}, err)
}

// printResult prints a result and its error as JSON, and marks the error as shown.
func (a *app) printResult(r runner.Result, err error) error {
	err = a.interrupted(err)
	return a.printJSON("the answer", a.shownResult(r, err), err)
}

// shownResult is a result whose error is told in the words of the command line.
func (a *app) shownResult(r runner.Result, err error) runner.Result {
	r.Error = a.errorOf(err)
	for i := range r.Steps {
		r.Steps[i].Void = terminal.StripControls(r.Steps[i].Void)
	}
	return r
}

// errorOf describes err for JSON, without secrets; nil for nil.
func (a *app) errorOf(err error) *runner.Error {
	if err == nil {
		return nil
	}
	e := runner.NewError(err)
	e.Message, e.ExitCode = a.term.Secrets.Text(a.explain(err)), exitCode(err)
	if e.ExitCode == exitUsage && e.Kind == "error" {
		e.Kind = "usage"
	}
	return e
}

// printJSON prints what a command brought, and marks err, which v tells, as
// shown. what is v, for the error of a write.
func (a *app) printJSON(what string, v any, err error) error {
	if werr := terminal.WriteJSON(a.term.Out, v); werr != nil {
		return fmt.Errorf("writing %s: %w", what, werr)
	}
	return reported(err)
}
