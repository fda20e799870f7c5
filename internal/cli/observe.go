package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/router"
)

// longWait is a wait before a retry that is told without --verbose, too.
const longWait = time.Second

// showRouterEvent tells on standard error what the router does, as it does it. Of rows
// that are answered beside each other, inRow tells it.
func (a *app) showRouterEvent(e router.Event) {
	defer a.wait.event(e)
	if ofHost := strings.Contains(e.Provider, "/"); ofHost || !a.rowEvents {
		a.tellRouterEvent("", e)
	}
}

// inRow returns a context in which the router's events are told with the number of a row.
func (a *app) inRow(ctx context.Context, row int) context.Context {
	return router.AddObserver(ctx, func(e router.Event) { a.tellRouterEvent(fmt.Sprintf("row %d: ", row), e) })
}

func (a *app) tellRouterEvent(of string, e router.Event) {
	if a.flags.quiet || !a.flags.verbose && (e.Type != router.Retrying || e.Wait < longWait) {
		return
	}
	a.term.Noticef("%s", a.term.Dim("· "+of+terminal.OneLine(e.String())))
}
