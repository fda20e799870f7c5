package cli

import (
	"regexp"
	"strings"

	"github.com/tandem-llm/tandem/internal/terminal"
)

// quotedCommand is a command in a message.
var quotedCommand = regexp.MustCompile("`[^`]*`")

// explainToClient is an error as a client of the gateway reads it: what happened, to
// whom, and what to do next, where that is a command or a change of the configuration.
// What is said of flags and of a terminal means nothing to it.
func (a *app) explainToClient(err error) string {
	text := terminal.OneLine(err.Error())
	next := remedy(err, a.config)
	if next == "" || advises(err) {
		return text
	}
	if words := " " + quotedCommand.ReplaceAllString(next, ""); strings.Contains(words, " -") || strings.Contains(words, "text above") {
		return text
	}
	return text + joint(err, text) + next
}
