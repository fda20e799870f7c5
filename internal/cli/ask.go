package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
	images  []string
	tools   []string
	schema  string
	sample  sampling
	json    bool
	noStrm  bool
	timeout time.Duration
	dry     bool
}

func (a *app) askCommand() *cobra.Command {
	var in askInput
	cmd := &cobra.Command{
		Use:   "ask [flags] [PROMPT]",
		Short: "Ask one question",
		Long: `Ask one question and stream the answer to standard output. What is piped in
goes before the prompt. Who answered, and why, is told on standard error.`,
		Example: `  tandem ask "Who is the Prime Minister of India?" --temperature 0.5
  cat notes.txt | tandem ask "Summarise"
  tandem ask -m openai/gpt-4o-mini -s "You are terse." "Why is the sky blue?"
  tandem ask --local-only --json "Name three rivers" | jq -r .answer
  tandem ask --schema person.yaml "Who wrote Faust?"`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.words = args
			return a.ask(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.system, "system", "s", "", "system `message`: how the model should behave")
	f.StringArrayVar(&in.images, "image", nil, "picture `file` to send along (repeatable)")
	f.StringVar(&in.schema, "schema", "", "JSON Schema `file` (JSON or YAML) that the answer must satisfy")
	f.BoolVar(&in.json, "json", false, "print one JSON object: answer, usage, route, error")
	f.BoolVar(&in.noStrm, "no-stream", false, "ask for the whole answer at once")
	f.DurationVar(&in.timeout, "timeout", 0, "give up after this long, such as 30s (0: never)")
	f.BoolVar(&in.dry, "dry-run", false, "say who would be asked, and who not and why; call no model")
	f.StringArrayVar(&in.tools, "tool", nil, "`tool` that the model may call, SERVER/TOOL or SERVER/* (repeatable)")
	in.sample.register(f)
	a.answers.register(f)
	a.tools.register(f)
	return cmd
}

// ask runs the command: build the request, stream the answer, say who gave it.
func (a *app) ask(ctx context.Context, in askInput) error {
	if err := checkTimeout(in.timeout); err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	req, err := a.askRequest(ctx, in)
	if err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	stack, err := a.open(ctx)
	if err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	defer stack.Close()
	if err := in.sample.apply(&req, stack); err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	if in.dry && len(in.tools) > 0 {
		return a.fail(in.json, provider.Response{}, usageError{errors.New("--dry-run starts no server, so it knows none of its tools; leave out --tool")})
	}
	if in.dry {
		return a.dryAsk(ctx, stack, req, in.json)
	}
	ctx = begin(ctx, store.Run{Command: "ask"})
	if in.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.timeout)
		defer cancel()
	}
	asked, err := a.withTools(ctx, stack, in.tools)
	if err != nil {
		return a.fail(in.json, provider.Response{}, err)
	}
	defer asked.Close()
	if in.json {
		a.tools.noted = true
		r, err := provider.Collect(asked.Chat(ctx, req))
		if err == nil {
			err = finished(r)
		}
		return a.fail(true, r, err)
	}
	r, err := a.stream(ctx, asked, req, restarts(stack) || len(in.tools) > 0, firstWord())
	if err == nil {
		err = finished(r)
	}
	if best := bestAnswer(err); best != "" && !a.flags.quiet {
		a.term.Noticef("%s", a.term.Dim("· the best answer was: "+terminal.OneLine(best)))
	}
	a.sayRoute(r.Route, r.Usage)
	return err
}

// checkTimeout refuses a --timeout that has run out before anything is asked.
func checkTimeout(d time.Duration) error {
	if d < 0 {
		return usageError{fmt.Errorf("--timeout %s is less than nothing; give a time such as 30s (0: never)", d)}
	}
	return nil
}

// stream asks p and prints the answer as it comes; what keep makes of it is
// returned. restarts says that it may begin again.
func (a *app) stream(ctx context.Context, p provider.Provider, req provider.Request, restarts bool, keep func(provider.Chunk) provider.Chunk) (provider.Response, error) {
	pr := &printer{out: a.term.ModelWriter(a.term.Out, a.term.OutIsTTY), again: a.again}
	pr.hold = !a.term.OutIsTTY && restarts
	a.tools.before = pr.newLine
	if !a.flags.quiet {
		pr.thinking = a.term.Thoughts(a.term.ModelWriter(a.term.Err, a.term.ErrIsTTY))
	}
	r, err := collectAs(p.Chat(ctx, req), pr, keep)
	if pr.err != nil {
		return r, pr.err
	}
	return r, err
}

// collect prints an answer as it comes, and returns it.
func collect(answer iter.Seq2[provider.Chunk, error], pr *printer) (provider.Response, error) {
	return collectAs(answer, pr, allOf)
}

func allOf(c provider.Chunk) provider.Chunk { return c }

// collectAs prints an answer as it comes, and returns what keep makes of it.
func collectAs(answer iter.Seq2[provider.Chunk, error], pr *printer, keep func(provider.Chunk) provider.Chunk) (provider.Response, error) {
	defer pr.end()
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
	prompt, err := readPrompt(ctx, a.term, in.words)
	if err != nil {
		return req, err
	}
	if err := checkText("--system", []byte(in.system)); err != nil {
		return req, err
	}
	if in.system != "" {
		req.Messages = append(req.Messages, provider.System(in.system))
	}
	user := provider.User(prompt)
	for _, path := range in.images {
		data, err := readFile(ctx, path, maxImage)
		if err != nil {
			return req, err
		}
		mime := http.DetectContentType(data)
		if !strings.HasPrefix(mime, "image/") {
			return req, usageError{fmt.Errorf("%s is no picture (it looks like %s); give a PNG, JPEG, WebP or GIF file", path, mime)}
		}
		user.Images = append(user.Images, provider.Image{Data: data, MIME: mime})
	}
	req.Messages = append(req.Messages, user)
	if in.schema != "" {
		if req.Schema, err = readSchema(in.schema); err != nil {
			return req, err
		}
	}
	req.NoStream = in.noStrm || in.json
	return req, nil
}

// fail ends a command that may print an envelope. With asJSON it prints r and
// err as one and marks err as shown.
func (a *app) fail(asJSON bool, r provider.Response, err error) error {
	if !asJSON {
		return err
	}
	env := envelope{OK: err == nil, Answer: r.Text, Thinking: r.Thinking, Finish: r.Finish, Usage: r.Usage, Route: r.Route, Tools: a.tools.calls}
	return a.printEnvelope(env, err)
}

func (a *app) printEnvelope(env envelope, err error) error {
	if err != nil {
		err = a.interrupted(err)
		env.Error = a.errorOf(err)
	}
	return a.printJSON("the answer", env, err)
}

// splitModel takes "provider/model" apart when the first part names a
// provider; model names may hold slashes themselves.
func splitModel(name string, known func(string) bool) (use []string, model string) {
	if known(name) {
		return []string{name}, ""
	}
	if p, m, ok := strings.Cut(name, "/"); ok && known(p) {
		return []string{p}, m
	}
	return nil, name
}
