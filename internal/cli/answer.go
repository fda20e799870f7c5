package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// printer streams an answer to a writer and minds the line it ends on.
type printer struct {
	app      *app
	out      io.StringWriter
	format   *chatui.Markdown // below out; nil: the answer is shown as it comes
	thinking io.StringWriter  // nil: not shown
	thoughts *chatui.Markdown // below thinking; nil: as for format
	last     byte
	thought  bool
	again    func(thought bool) // tells that the answer begins again, or that what came was thinking
	hold     bool               // write nothing before the end: what is written cannot be taken back
	held     strings.Builder
	err      error // the first write that failed
}

func (p *printer) chunk(c provider.Chunk) {
	if c.Text != "" || c.Thinking != "" || c.Restart {
		p.app.wait.close()
	}
	if c.Restart {
		p.restart(c.Thought)
	}
	if c.Thinking != "" && p.thinking != nil {
		p.thought = true
		p.write(p.thinking, c.Thinking)
	}
	if c.Text != "" {
		p.endThought("\n\n")
		if p.hold {
			p.held.WriteString(c.Text)
		} else {
			p.write(p.out, c.Text)
		}
		p.last = c.Text[len(c.Text)-1]
	}
}

func (p *printer) write(w io.StringWriter, s string) {
	if _, err := w.WriteString(s); err != nil && p.err == nil {
		p.err = fmt.Errorf("writing the answer: %w", err)
	}
}

// restart ends what was shown of an answer that broke off, or was thinking: it
// begins again.
func (p *printer) restart(thought bool) {
	p.held.Reset()
	p.endThought("\n")
	p.newLine()
	p.close(p.format) // what broke off may have been within a block of code
	p.last = 0
	p.again(thought)
}

// endThought ends what was shown of thinking.
func (p *printer) endThought(end string) {
	if p.thought {
		p.thought = false
		p.write(p.thinking, end)
		p.close(p.thoughts)
	}
}

// close has a text that was formatted end here.
func (p *printer) close(m *chatui.Markdown) {
	if m == nil {
		return
	}
	if err := m.Close(); err != nil && p.err == nil {
		p.err = fmt.Errorf("writing the answer: %w", err)
	}
}

// newLine ends the line that is being written, if there is one: something else
// is about to be shown.
func (p *printer) newLine() {
	if !p.hold && p.last != 0 && p.last != '\n' {
		p.write(p.out, "\n")
		p.last = '\n'
	}
}

// newPrinter prints an answer to standard output as it comes: on a terminal as
// Markdown looks, unless it is asIs, such as JSON, or the user wants it plain.
// restarts says that it may begin again, and tools that a model may call some.
func (a *app) newPrinter(restarts, tools, asIs bool) *printer {
	pr := &printer{app: a, again: func(thought bool) { a.sayRestart(tools, thought) }}
	pr.out, pr.format = a.answerWriter(asIs)
	pr.hold = !a.term.OutIsTTY && (restarts || tools)
	pr.thinking, pr.thoughts = a.thoughtWriter()
	return pr
}

// answerWriter is where an answer's text goes, and what formats it there; nil:
// nothing does.
func (a *app) answerWriter(asIs bool) (io.StringWriter, *chatui.Markdown) {
	t := a.term
	if !t.OutIsTTY || asIs || a.plain {
		return t.ModelWriter(t.Out, t.OutIsTTY), nil
	}
	md := chatui.NewMarkdown(terminal.Raw(t.Out), chatui.Look{Width: t.OutWidth, Plain: !t.Color})
	return terminal.NewSanitizer(md), md // made safe before it is formatted
}

// thoughtWriter is where a model's thinking goes, which is not formatted, and what
// breaks its lines; nil: nothing does.
func (a *app) thoughtWriter() (io.StringWriter, *chatui.Markdown) {
	t := a.term
	switch {
	case a.flags.quiet:
		return nil, nil
	case !t.ErrIsTTY || a.plain:
		return t.Thoughts(t.ModelWriter(t.Err, t.ErrIsTTY)), nil
	}
	md := chatui.NewMarkdown(dimmed{t}, chatui.Look{Width: t.ErrWidth, Plain: true})
	return t.Thoughts(terminal.NewSanitizer(md)), md
}

// dimmed writes to standard error, less brightly.
type dimmed struct{ t *terminal.Terminal }

func (d dimmed) Write(p []byte) (int, error) {
	if _, err := io.WriteString(d.t.Err, d.t.Dim(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// plainFlag is --plain, of the commands that print answers.
func (a *app) plainFlag(f *pflag.FlagSet) {
	f.BoolVar(&a.plain, "plain", false, "print answers as they come, without formatting")
}

// sayRestart says that an answer begins again. With tools, what came before may
// have been said on the way to one.
func (a *app) sayRestart(tools, thought bool) {
	switch {
	case a.flags.quiet:
	case thought:
		a.term.Noticef("%s", a.term.Dim("· that was thinking; the answer follows"))
	case tools:
		a.term.Noticef("%s", a.term.Dim("· the answer starts over"))
	default:
		a.term.Noticef("%s", a.term.Dim("· the answer broke off, and starts over"))
	}
}

// restarts reports whether answers may begin again.
func restarts(stack *stack.Stack) bool { return stack.Config().OnCut == config.OnCutRestart }

// endAnswer closes the last line.
func (p *printer) endAnswer() {
	p.app.wait.close()
	if p.held.Len() > 0 {
		p.write(p.out, p.held.String())
		p.held.Reset()
	}
	p.endThought("\n")
	if p.last != 0 && p.last != '\n' {
		p.write(p.out, "\n")
	}
	p.close(p.format)
	p.last = 0
}

// sayRoute tells on standard error who answered and why.
func (a *app) sayRoute(r *provider.Route, u *provider.Usage) {
	for _, line := range a.routeLines(r, u) {
		a.term.Noticef("%s", line)
	}
}

// routeLines are the lines that say who answered and why.
func (a *app) routeLines(r *provider.Route, u *provider.Usage) []string {
	if r == nil || a.flags.quiet {
		return nil
	}
	lines := append([]string{a.term.Dim(routeLine(r, u))}, a.warningLines(r)...)
	if !a.flags.verbose {
		return lines
	}
	for _, at := range r.Attempts {
		if at.Outcome != provider.OutcomeAnswered {
			continue // it was told when it happened
		}
		line := fmt.Sprintf("  %s %s", at.Who(), at.Outcome)
		if at.Took > 0 {
			line += " after " + short(at.Took)
		}
		if at.Reason != "" {
			line += ": " + at.Reason
		}
		lines = append(lines, a.term.Dim(terminal.OneLine(line)))
	}
	return lines
}

// warningLines say what a reader should know of an answer.
func (a *app) warningLines(r *provider.Route) (lines []string) {
	if r == nil || a.flags.quiet {
		return nil
	}
	for _, w := range r.Warnings {
		lines = append(lines, a.term.Yellow("warning: "+terminal.OneLine(r.Provider+": "+w)))
	}
	return lines
}
