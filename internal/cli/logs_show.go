package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

func (a *app) logsShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [RUN]", Short: "Show every step of a run: what was asked, who was tried, how long it took",
		Long: `Show one run, or the newest. The first characters of an id are enough if no other
id starts with them. RUN_7, or the id of a batch's answer, shows the calls of that row.`,
		Args: atMostOne("a run's id"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.logsShow(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with the model and engine of each answer")
	return cmd
}

func (a *app) logsShow(ctx context.Context, args []string, asJSON bool) error {
	s := store.New(a.stateDir())
	defer s.Close()
	r, err := logged(ctx, s, args)
	if err != nil {
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, r)
	}
	p := &runPrinter{w: a.term.ModelWriter(a.term.Out, a.term.OutIsTTY), width: a.term.OutWidth()}
	p.run(r)
	return p.err
}

// runPrinter writes a run for a reader.
type runPrinter struct {
	w     io.StringWriter
	width int   // of the terminal; 0: output is not a terminal
	err   error // the first write that failed
}

func (p *runPrinter) line(format string, args ...any) {
	if _, err := p.w.WriteString(terminal.FoldLines(fmt.Sprintf(format, args...), p.width) + "\n"); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *runPrinter) run(r store.Run) {
	what := r.Command
	if r.Chain != "" {
		what += " " + r.Chain
	}
	p.line("run %s · %s · %s · tandem %s", r.ID, r.Began.Local().Format("2006-01-02 15:04:05"), what, r.Tandem)
	switch {
	case r.File != "" && r.SHA256 != "":
		p.line("file %s · sha256 %.12s", r.File, r.SHA256)
	case r.File != "":
		p.line("file %s", r.File)
	}
	for i, c := range r.Calls {
		p.line("")
		name := fmt.Sprintf("call %d", i+1)
		if c.Row > 0 {
			name += fmt.Sprintf(", row %d", c.Row)
		}
		if c.Step != "" {
			name += fmt.Sprintf(", step %d: %s", c.Index+1, c.Step)
		}
		p.line("%s", name)
		p.call(&c)
	}
}

func (p *runPrinter) call(c *store.Call) {
	switch {
	case c.Unkept != "":
		p.line("  (the prompt and the answer could not be logged: %s)", terminal.OneLine(c.Unkept))
	case !c.Content:
		p.line("  (the prompt and the answer were not logged: log: meta)")
	}
	role := func(m *provider.Message) string { return string(m.Role) }
	if e := c.Embedding; e != nil {
		p.line("  embeddings: %s", embeddingText(e))
		role = func(*provider.Message) string { return "text" }
	}
	for _, m := range c.Asked.Messages {
		p.textField(role(&m), m.Text)
		for _, im := range m.Images {
			line := fmt.Sprintf("  image: %s, %d bytes", im.MIME, im.Bytes)
			if im.SHA256 != "" {
				line += fmt.Sprintf(", sha256 %.12s", im.SHA256)
			}
			p.line("%s", strings.TrimRight(line+" "+im.URL, " "))
		}
	}
	p.textField("thinking", c.Thinking)
	p.textField("answer", c.Answer)
	for _, t := range c.ToolCalls {
		p.line("  tool: %s %s", t.Name, t.Arguments)
	}
	if e := c.Error; e != nil {
		p.line("  error: %s: %s", e.Kind, strings.Join(strings.Fields(e.Message), " "))
		p.attempts(e.Attempts)
	}
	if rt := c.Route; rt != nil {
		p.route(c, rt)
	} else {
		p.line("  took %s, from %s", short(c.Took), c.Began.Local().Format("15:04:05.000"))
	}
	p.line("  asked with: %s", settings(c.Asked))
	if m := c.Manifest; m != nil {
		p.line("  made on: %s", manifestText(m))
	}
}

// textField writes a textField of many lines below its name.
func (p *runPrinter) textField(name, text string) {
	if text == "" {
		return
	}
	p.line("  %s:", name)
	for l := range strings.Lines(text) {
		p.line("    %s", strings.TrimRight(l, "\r\n"))
	}
}

func (p *runPrinter) route(c *store.Call, rt *provider.Route) {
	line := "  answered by " + rt.Who() + " (" + rt.Model + ") at " + rt.Endpoint
	if rt.Local {
		line += ", on this machine"
		if at := rt.SentElsewhere(); len(at) > 0 {
			line += ", after the prompt went to " + strings.Join(at, ", ")
		}
	}
	if rt.Gateway != "" {
		line += ", through " + rt.Gateway
	}
	if rt.Reason != "" {
		line += ": " + rt.Reason
	}
	p.line("%s", line)
	for _, w := range rt.Warnings {
		p.line("  warning: %s", w)
	}
	p.attempts(rt.Attempts)
	line = fmt.Sprintf("  end: %s · took %s from %s", c.Finish, short(c.Took), c.Began.Local().Format("15:04:05.000"))
	if c.Embedding == nil {
		line += ", first token after " + short(rt.FirstToken)
	}
	if rt.Load > 0 {
		line += ", loading the model " + short(rt.Load)
	}
	if u := c.Usage; u != nil {
		line += fmt.Sprintf(" · %d+%d tokens", u.InputTokens, u.OutputTokens)
		if u.CachedTokens > 0 {
			line += fmt.Sprintf(" (%d cached)", u.CachedTokens)
		}
	}
	p.line("%s", line)
	if rt.Cost != nil {
		p.line("  cost: %s", costOf(rt.Cost))
	}
}

func (p *runPrinter) attempts(attempts []provider.Attempt) {
	for _, at := range attempts {
		line := at.Who()
		if at.Model != "" {
			line += " (" + at.Model + ")"
		}
		line += " " + string(at.Outcome)
		if at.Took > 0 {
			line += " after " + short(at.Took)
		}
		if at.Tries > 1 {
			line += fmt.Sprintf(" and %d tries", at.Tries)
		}
		if at.SentTo != "" {
			line += ", sent to " + at.SentTo
		}
		if at.Kind != "" {
			line += ": " + at.Kind.Error()
		}
		if at.Reason != "" {
			line += ": " + at.Reason
		}
		p.line("    %s", strings.Join(strings.Fields(line), " "))
	}
}

// embeddingText says what was embedded, as far as that is kept.
func embeddingText(e *store.Embedding) string {
	text := count(e.Texts, "text") + ", " + bytesText(e.Bytes)
	if e.Dimensions > 0 {
		text += fmt.Sprintf(", vectors of %d numbers, which are not kept", e.Dimensions)
	}
	return text
}

// costOf is what one answer cost, in words.
func costOf(c *provider.Cost) string {
	text := "unknown"
	if c.USD != nil {
		text = ledger.Dollars(*c.USD)
	}
	if c.Saved != nil {
		text += ", saved " + ledger.Dollars(*c.Saved)
	}
	return text + " (" + c.Basis + ")"
}

// settings are the sampling settings that were asked for.
func settings(a *provider.Request) string {
	var parts []string
	add := func(name string, set bool, v any) {
		if set {
			parts = append(parts, fmt.Sprintf("%s %v", name, v))
		}
	}
	add("model", a.Model != "", a.Model)
	if a.Temperature != nil {
		add("temperature", true, *a.Temperature)
	}
	if a.TopP != nil {
		add("top_p", true, *a.TopP)
	}
	if a.Seed != nil {
		add("seed", true, *a.Seed)
	}
	if a.MaxTokens != nil {
		add("max_tokens", true, *a.MaxTokens)
	}
	add("think", a.Think != "", a.Think)
	add("privacy", a.Privacy != "", a.Privacy)
	add("stop", len(a.Stop) > 0, fmt.Sprintf("%q", a.Stop))
	add("options", len(a.Options) > 0, a.Options)
	if len(parts) == 0 {
		return "the engine's defaults"
	}
	return strings.Join(parts, ", ")
}

// manifestText is a manifest on one line.
func manifestText(m *store.Manifest) string {
	text := strings.TrimSpace(m.Engine + " " + m.Version)
	for _, f := range manifestFields(m) {
		if f.name != "engine" && f.name != "engine version" && f.value != "" {
			text += " · " + f.name + " " + f.value
		}
	}
	if m.Incomplete {
		text += " · the engine did not report the rest"
	}
	return text
}

// manifestField is one thing that two manifests can differ in.
type manifestField struct{ name, value string }

func manifestFields(m *store.Manifest) []manifestField {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	f := []manifestField{
		{"engine", m.Engine},
		{"engine version", m.Version},
		{"model", m.Model},
		{"digest", m.Digest},
		{"quantization", m.Quant},
		{"num_ctx", number(int64(m.NumCtx))},
		{"GPU", m.GPU},
		{"tandem", m.Tandem},
	}
	if m.Size > 0 {
		f = append(f, manifestField{"in GPU memory", fmt.Sprintf("%d %%", 100*m.SizeVRAM/m.Size)})
	}
	if len(m.Options) > 0 {
		f = append(f, manifestField{"options", fmt.Sprint(m.Options)})
	}
	return f
}
