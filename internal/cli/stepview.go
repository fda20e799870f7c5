package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// liveSteps shows a run: the chain's answer on standard output as it comes, all
// else on standard error. Of steps that run at the same time it shows when they
// start and end, for their words would be mixed.
type liveSteps struct {
	app    *app
	names  []string // of the outermost steps
	last   int      // index of the last of them
	hold   bool     // the answer, until it is whole: what is written cannot be taken back
	tools  bool     // models have tools
	open   map[string]bool
	outer  map[string]bool // steps that others have ended in
	ended  map[string]int  // how many of the times of a step
	named  map[string]bool // what of steps beside each other has been told
	now    *printer        // of the step that is asked
	final  bool            // its answer is the chain's
	latest *held           // the text that may be the chain's, and is not shown yet
	err    error
}

// held is a step whose text is not shown yet: if it is the chain's own, it goes
// to standard output, and to standard error otherwise.
type held struct {
	pr    *printer
	after []string // lines that follow it
}

func newLiveSteps(a *app, names []string, hold, tools bool) *liveSteps {
	return &liveSteps{app: a, names: names, last: len(names) - 1, hold: hold, tools: tools, open: map[string]bool{}, outer: map[string]bool{}, ended: map[string]int{}, named: map[string]bool{}}
}

// observe shows an event. The error is that of a write.
func (l *liveSteps) observe(e chain.Event) error {
	l.show(e)
	return l.err
}

func (l *liveSteps) show(e chain.Event) {
	switch e.Type {
	case chain.StepStart:
		l.open[e.Step] = true
		l.start(e)
	case chain.StepChunk:
		l.chunk(e)
	case chain.StepEnd, chain.StepSkipped:
		if i := strings.LastIndexAny(e.Step, ".["); i > 0 {
			l.outer[e.Step[:i]] = true
		}
		l.stepEnded(e)
		delete(l.open, e.Step)
	case chain.StepRetry, chain.StepFallback:
		l.void(e)
	}
}

func (l *liveSteps) start(e chain.Event) {
	l.flush()
	if e.Concurrent {
		// Of the elements of a list, the step is named once.
		name, _, _ := strings.Cut(e.Step, "[")
		if !l.named[name] {
			l.named[name] = true
			l.line(l.app.term.Bold("▸ " + name))
		}
		l.app.wait.ensure(l.app)
		return
	}
	l.app.wait.close()
	l.now, l.final = nil, false
	l.head(e.Step)
	l.app.wait.open(l.app)
}

// head is the line above a step's text.
func (l *liveSteps) head(path string) {
	if l.last > 0 || path != l.names[0] {
		l.line(l.app.term.Bold("▸ " + path))
	}
}

func (l *liveSteps) chunk(e chain.Event) {
	if e.Concurrent {
		return
	}
	if l.now == nil {
		l.now, l.final = l.printer(e.Final, false), e.Final
		l.now.hold = e.Final && l.hold || !e.Final && e.Index == l.last
	}
	l.now.chunk(e.Chunk)
	l.keep(l.now)
}

// printer writes to standard output what is final. asIs: it is not Markdown.
func (l *liveSteps) printer(final, asIs bool) *printer {
	if final {
		return l.app.newPrinter(false, l.tools, asIs)
	}
	t := l.app.term
	p := &printer{app: l.app, again: func(thought bool) { l.app.sayRestart(l.tools, thought) }}
	switch {
	case l.app.flags.quiet:
		p.out = t.ModelWriter(io.Discard, false)
	case !t.ErrIsTTY || asIs || l.app.plain:
		p.out = t.ModelWriter(t.Err, t.ErrIsTTY)
	default:
		p.format = chatui.NewMarkdown(t.Err, chatui.Look{Width: t.ErrWidth, Plain: true})
		p.out = terminal.NewSanitizer(p.format)
	}
	p.thinking, p.thoughts = l.app.thoughtWriter()
	return p
}

// isText reports whether an answer's value is the text itself.
func isText(value any) bool {
	_, text := value.(string)
	return text || value == nil
}

// keep notes the first write that failed.
func (l *liveSteps) keep(p *printer) {
	if l.err == nil {
		l.err = p.err
	}
}

func (l *liveSteps) stepEnded(e chain.Event) {
	r := e.Result
	switch {
	case e.Concurrent:
		l.beside(e)
	case l.open[e.Step]:
		l.answered(e)
	case l.outer[e.Step]:
		l.summary(r)
	case r.Skipped:
		l.line(l.app.term.Dim("· " + e.Step + " is skipped: its condition is false"))
	case r.Passages != nil:
		l.flush()
		l.head(e.Step)
		l.line(l.app.term.Dim(passagesLine(r)))
	default: // a text, or what was computed
		l.flush()
		pr := l.printer(false, !isText(r.Value))
		pr.hold = true
		pr.chunk(provider.Chunk{Text: r.Text})
		if e.Index < l.last || e.Step != l.names[l.last] {
			l.head(e.Step)
		}
		l.settle(e, pr)
	}
}

// answered shows the end of an answer.
func (l *liveSteps) answered(e chain.Event) {
	l.app.wait.close()
	pr := l.now
	if l.now = nil; pr == nil {
		pr = l.printer(false, false)
	}
	l.settle(e, pr, l.app.routeLines(e.Result.Route, e.Result.Usage)...)
	if l.final {
		l.flush()
	}
	l.final = false
}

// settle ends a step's text. One that may be the chain's own waits for what
// comes next.
func (l *liveSteps) settle(e chain.Event, pr *printer, after ...string) {
	l.latest = &held{pr: pr, after: after}
	if e.Index < l.last {
		if l.app.term.ErrIsTTY {
			l.latest.after = append(l.latest.after, "")
		}
		l.flush()
	}
}

// flush shows the text that waits.
func (l *liveSteps) flush() {
	if l.latest == nil {
		return
	}
	h := l.latest
	l.latest = nil
	h.pr.endAnswer()
	l.keep(h.pr)
	l.lines(h.after)
}

// beside shows the end of a step beside which others run.
func (l *liveSteps) beside(e chain.Event) {
	i := strings.LastIndexByte(e.Step, '[')
	if i < 0 || l.app.flags.verbose {
		l.line(l.app.term.Dim(endLine(e.Result)))
	}
	l.lines(l.app.warningLines(e.Result.Route))
	if i < 0 || !strings.HasSuffix(e.Step, "]") || e.Total == 0 {
		return
	}
	path := e.Step[:i]
	l.ended[path]++
	l.app.wait.pin(fmt.Sprintf("%s %d/%d", path, l.ended[path], e.Total))
}

// void says that an answer does not count.
func (l *liveSteps) void(e chain.Event) {
	shown := false
	if !e.Concurrent {
		if p := l.now; p != nil {
			shown = !p.hold && p.last != 0
			p.endAnswer()
			l.keep(p)
		}
		l.now = nil
		l.flush()
	}
	next := "the step is retried"
	if e.Type == chain.StepFallback {
		next = "its fallback runs"
		for path := range l.open {
			if within(path, e.Step) {
				delete(l.open, path)
			}
		}
	}
	text := fmt.Sprintf("· %s failed, and %s: %s", e.Step, next, terminal.OneLine(e.Err.Error()))
	if shown {
		text = fmt.Sprintf("· the answer above does not count, and %s: %s", next, terminal.OneLine(e.Err.Error()))
	}
	l.line(l.app.term.Yellow(terminal.OneLine(text)))
	if !e.Concurrent {
		l.app.wait.open(l.app)
	}
}

// newLine ends the line that is being written: something else is about to be
// shown. Of steps that run beside others no line is open.
func (l *liveSteps) newLine() {
	if l.now != nil {
		l.now.newLine()
	}
}

// broken shows what is left where the run failed.
func (l *liveSteps) broken() {
	l.app.wait.close()
	if l.now != nil {
		l.now.endAnswer()
		l.now = nil
	}
	l.flush()
}

// finish shows the chain's answer, where it did not come in chunks of its own.
func (l *liveSteps) finish(r *runner.Result) error {
	l.app.wait.close()
	if r.Streamed || len(r.Steps) == 0 {
		l.flush()
		return l.err
	}
	var after []string
	if l.latest != nil {
		after = l.latest.after
		l.latest = nil
	}
	pr := l.printer(true, !isText(r.Value))
	pr.chunk(provider.Chunk{Text: r.Answer})
	pr.endAnswer()
	l.keep(pr)
	l.lines(after)
	return l.err
}

// within reports whether path is the step outer, or is inside it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
