package cli

import (
	"context"
	"strings"

	"github.com/tandem-llm/tandem/internal/terminal"
)

// copyText puts a text on the clipboard and says where it went. That it could not
// is a warning: the text has been shown.
func (a *app) copyText(ctx context.Context, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	where, err := a.term.Copy(context.WithoutCancel(ctx), a.getenv, text)
	if err != nil {
		a.infof("%s the answer was not copied: %s", a.term.Yellow("warning:"), terminal.OneLine(err.Error()))
		return
	}
	a.infof("%s", a.term.Dim("· copied to "+where))
}
