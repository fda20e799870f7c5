package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// renderInput is what `tandem prompt render` was told.
type renderInput struct {
	file   string
	params []string
	json   bool
	trusted
}

func (a *app) promptRenderCommand() *cobra.Command {
	var in renderInput
	cmd := &cobra.Command{
		Use:   "render [flags] FILE",
		Short: "Print the messages of a prompt or chain file, without a model",
		Long: `Print the messages of a prompt or chain file, with the values given, without a
model. For a chain, print each step's messages: an earlier step's answer is the
value of -p, or its name in braces.`,
		Example: `  tandem prompt render examples/president.yaml -p country=India
  tandem prompt render examples/president.yaml -p country=India -p president="Droupadi Murmu" --json`,
		Args:              exactArgs("a prompt or chain file"),
		ValidArgsFunction: promptFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.file = args[0]
			return a.promptRender(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&in.params, "param", "p", nil, "input variable, or a step's answer, as `name=value`, repeatable; value @FILE reads a file, - standard input")
	f.BoolVar(&in.json, "json", false, "print one JSON object")
	in.trusted.register(f)
	return cmd
}

// renderedJSON is what `tandem prompt render --json` prints; docs/prompts.md has
// it.
type renderedJSON struct {
	OK       bool           `json:"ok"`
	Messages []messageJSON  `json:"messages,omitempty"`
	Steps    []renderedStep `json:"steps,omitempty"`
	Error    *runner.Error  `json:"error,omitempty"`
}

type renderedStep struct {
	Name     string        `json:"name"`
	Messages []messageJSON `json:"messages"`
}

type messageJSON struct {
	Role       provider.Role `json:"role"`
	Content    string        `json:"content"`
	Images     []imageJSON   `json:"images,omitempty"`
	ToolCalls  []callJSON    `json:"tool_calls,omitempty"`
	ToolCallID string        `json:"tool_call_id,omitempty"`
	ToolName   string        `json:"tool_name,omitempty"`
}

// imageJSON is a picture: where it is, or what it is.
type imageJSON struct {
	URL   string `json:"url,omitempty"`
	Type  string `json:"type,omitempty"`
	Bytes int    `json:"bytes,omitempty"`
}

type callJSON struct {
	ID        string `json:"id,omitempty"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

func messagesJSON(messages []provider.Message) []messageJSON {
	out := make([]messageJSON, len(messages))
	for i, m := range messages {
		out[i] = messageJSON{Role: m.Role, Content: m.Text, ToolCallID: m.ToolCallID, ToolName: m.ToolName}
		for _, im := range m.Images {
			out[i].Images = append(out[i].Images, imageJSON{URL: im.URL, Type: im.MIME, Bytes: len(im.Data)})
		}
		for _, c := range m.ToolCalls {
			out[i].ToolCalls = append(out[i].ToolCalls, callJSON{c.ID, c.Name, string(c.Arguments)})
		}
	}
	return out
}

// promptRender prints what a file asks.
func (a *app) promptRender(ctx context.Context, in renderInput) error {
	var out renderedJSON
	err := a.render(ctx, in, &out)
	if !in.json {
		if err == nil {
			err = a.printRendered(out)
		}
		return err
	}
	out.OK = err == nil
	if err != nil {
		out.Error = a.errorOf(err)
	}
	return a.printJSON("the messages", out, err)
}

func (a *app) render(ctx context.Context, in renderInput, out *renderedJSON) error {
	file, err := openPrompt(ctx, in.file, in.trusted)
	if err != nil {
		return err
	}
	a.sayNotes(file.notes())
	values, err := a.params(ctx, file.chain, in.params)
	if err != nil {
		return err
	}
	if file.prompt != nil {
		if err := fits(file.prompt, values); err != nil {
			return err
		}
		messages, err := file.prompt.Messages(ctx, template.Map(values))
		out.Messages = messagesJSON(messages)
		return err
	}
	r := &renderer{answers: map[string]string{}}
	inputs := map[string]any{}
	for name, value := range values {
		if text, ok := value.(string); ok && slices.Contains(file.chain.Steps(), name) && !slices.Contains(file.chain.Inputs(), name) {
			r.answers[name] = text
		} else {
			inputs[name] = value
		}
	}
	for e, err := range file.chain.Run(ctx, r, inputs, r.options(file.chain)...) {
		if err != nil {
			return r.explain(err)
		}
		if e.Type == chain.StepStart {
			out.Steps = append(out.Steps, renderedStep{e.Step, messagesJSON(e.Messages)})
		}
	}
	return nil
}

// fits compares the values given with a prompt's variables.
func fits(p *prompt.Prompt, values map[string]any) error {
	var known []string
	var errs []error
	for _, v := range p.Vars() {
		known = append(known, v.Name)
		if _, ok := values[v.Name]; !ok && !v.Optional {
			errs = append(errs, usageError{fmt.Errorf("missing variable %q: add -p %s=VALUE", v.Name, v.Name)})
		}
	}
	for _, v := range p.Optional() {
		known = append(known, v.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, name) {
			errs = append(errs, usageError{fmt.Errorf("the prompt has no variable %q; %s", name, diag.Suggest(name, known))})
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// printRendered prints messages for a reader: who speaks, and what.
func (a *app) printRendered(out renderedJSON) error {
	w := a.term.ModelWriter(a.term.Out, a.term.OutIsTTY)
	var err error
	write := func(format string, args ...any) {
		if err == nil {
			_, err = w.WriteString(fmt.Sprintf(format, args...))
		}
	}
	messages := func(list []messageJSON) {
		for _, m := range list {
			write("[%s]\n", m.Role)
			if m.ToolCallID+m.ToolName != "" {
				write("(answers %s)\n", strings.TrimSpace(m.ToolName+" "+m.ToolCallID))
			}
			if m.Content != "" {
				write("%s\n", strings.TrimSuffix(m.Content, "\n"))
			}
			for _, im := range m.Images {
				if im.URL != "" {
					write("(image %s)\n", im.URL)
				} else {
					write("(image, %s, %d bytes)\n", im.Type, im.Bytes)
				}
			}
			for _, c := range m.ToolCalls {
				write("(calls %s %s)\n", c.Name, c.Arguments)
			}
		}
	}
	messages(out.Messages)
	for i, s := range out.Steps {
		if i > 0 {
			write("\n")
		}
		write("▸ %s\n", s.Name)
		messages(s.Messages)
	}
	return err
}

// renderer is a provider that answers with what a step was given as its answer,
// or with the step's name in braces.
type renderer struct {
	answers map[string]string
	marked  string // the last step that was answered with its name
}

var _ provider.Provider = (*renderer)(nil)

// Name is "render".
func (*renderer) Name() string { return "render" }

// Models lists none.
func (*renderer) Models(context.Context) ([]provider.Model, error) { return nil, nil }

// Chat answers at once.
func (r *renderer) Chat(ctx context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		step := provider.RunOf(ctx).Step
		answer, ok := r.answers[step]
		if !ok {
			r.marked, answer = step, "{"+step+"}"
		}
		yield(provider.Chunk{Text: answer, Finish: provider.FinishStop}, nil)
	}
}

// options have the chain run without its collections and its tools.
func (r *renderer) options(c *chain.Chain) []chain.Option {
	var none tool.Options
	never := func(context.Context, json.RawMessage) (tool.Result, error) { return tool.Result{}, nil }
	for i, name := range c.Tools() {
		if server, all := strings.CutSuffix(name, "/*"); all {
			name = server + "/…"
		}
		none.Tools = append(none.Tools, tool.Tool{Name: fmt.Sprintf("tool%d", i), Ref: name, Parameters: []byte(`{"type":"object"}`), Call: never})
	}
	return []chain.Option{chain.WithTools(none), chain.WithPassages(r.placeholderPassages)}
}

// placeholderPassages finds one passage: what the step was given, or its name in braces.
func (r *renderer) placeholderPassages(ctx context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
	step := provider.RunOf(ctx).Step
	text, ok := r.answers[step]
	if !ok {
		text = "{" + step + "}"
	}
	return []retrieve.Passage{{Source: l.Collection, Text: text}}, nil, nil
}

// explain says what to do where a step needs an answer of another form than its
// name.
func (r *renderer) explain(err error) error {
	step := new(chain.StepError)
	if errors.As(err, &step) && step.Step == r.marked && (errors.Is(err, provider.Truncated) || errors.Is(err, provider.BadAnswer)) {
		return usageError{fmt.Errorf("step %s parses its answer, so it needs one: add -p %s=VALUE", step.Step, step.Step)}
	}
	return err
}
