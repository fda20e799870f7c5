package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// fewTokens are read at once: what is waited for is the model.
const fewTokens = 500

// waiting shows on a terminal what an answer is waited for, from when it is opened
// until its first word. What happens while it is closed is not shown. Calls at the
// same time share it: it shows what happened last.
type waiting struct {
	mu     sync.Mutex
	term   *terminal.Terminal // where it is opened
	opened bool
	pinned bool   // what is shown stays
	who    string // is asked; empty: nobody yet
	tokens int    // of the prompt, an estimate
	failed bool   // another one could not answer
}

// open shows what is waited for from here on. Nothing may stand on the last line
// of the terminal.
func (w *waiting) open(a *app) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(a, !a.flags.quiet)
}

// always is open, with --quiet too.
func (w *waiting) always(a *app) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(a, true)
}

func (w *waiting) begin(a *app, wanted bool) {
	w.term, w.opened = a.term, wanted && a.term.ShowsStatus()
	w.pinned, w.failed, w.who = false, false, ""
}

// ensure opens it where it is closed.
func (w *waiting) ensure(a *app) {
	w.mu.Lock()
	opened := w.opened
	w.mu.Unlock()
	if !opened {
		w.open(a)
	}
}

// close erases what is shown.
func (w *waiting) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opened {
		w.opened = false
		w.term.SetStatus("")
	}
}

// show shows a text, and reports whether it may be shown.
func (w *waiting) show(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spin(text)
}

// pin shows a text that stays until the wait is closed.
func (w *waiting) pin(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pinned = false
	w.pinned = w.spin(text)
	return w.pinned
}

func (w *waiting) spin(text string) bool {
	if w.opened && !w.pinned {
		w.term.Spin(text)
	}
	return w.opened
}

// follows returns a context whose calls show how far they have got.
func (w *waiting) follows(ctx context.Context) context.Context {
	return httpx.WithStages(ctx, w.stage)
}

// event shows what the router does.
func (w *waiting) event(e router.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Type {
	case router.Asking:
		verb := "asking "
		if w.failed && e.Try == 1 {
			verb = "falling back to "
		}
		w.who, w.tokens = e.Provider, e.Tokens
		w.spin(verb + targetText(e.Provider, e.Model))
	case router.Retrying:
		w.spin(fmt.Sprintf("retrying %s in %s", e.Provider, short(e.Wait)))
	case router.Skipped, router.Failed, router.BrokeOff:
		w.failed = true
	}
}

func targetText(name, model string) string {
	if model == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, model)
}

// stage shows how far a call has got.
func (w *waiting) stage(s httpx.Stage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.who == "":
	case s == httpx.Connecting:
		w.spin("connecting to " + w.who)
	case w.tokens < fewTokens:
		w.spin("waiting for " + w.who)
	default:
		w.spin(fmt.Sprintf("reading %s tokens · %s", thousands(w.tokens), w.who))
	}
}

// thousands is a number of tokens, in few letters.
func thousands(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprint(n)
	case n < 10_000:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1000), ".0") + "k"
	}
	return fmt.Sprintf("%dk", (n+500)/1000)
}

// progress shows what the machine does before a call: where an answer is waited for,
// in its place, and elsewhere or with --verbose on a line.
func (a *app) progress(msg string) {
	if a.flags.verbose || !a.wait.show(strings.TrimSuffix(msg, " …")) {
		a.infof("%s", a.term.Dim("· "+terminal.OneLine(msg)))
	}
}

// collected is an answer of which nothing is shown as it comes.
func (a *app) collected(ctx context.Context, p provider.Provider, req provider.Request) (provider.Response, error) {
	a.wait.open(a)
	defer a.wait.close()
	return provider.Collect(p.Chat(a.wait.follows(ctx), req))
}
