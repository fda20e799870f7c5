package cli

import (
	"time"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/router"
)

// longWait is a wait before a retry that is told without --verbose, too.
const longWait = time.Second

// showRouterEvent tells on standard error what the router does, as it does it.
func (a *app) showRouterEvent(e router.Event) {
	defer a.wait.event(e)
	if a.flags.quiet || !a.flags.verbose && (e.Type != router.Retrying || e.Wait < longWait) {
		return
	}
	a.term.Noticef("%s", a.term.Dim("· "+terminal.OneLine(e.String())))
}
