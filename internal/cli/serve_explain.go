package cli

import (
	"errors"
	"regexp"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// quotedCommand is a command in a message.
var quotedCommand = regexp.MustCompile("`[^`]*`")

// clientRemedy is what a client does next where a person at a terminal adds a flag; empty:
// there is no difference.
func clientRemedy(err error) string {
	var budget *ledger.Over
	switch {
	case provider.KindOf(err) != provider.OverBudget || !errors.As(err, &budget):
		return ""
	case budget.Caller != "":
		return "ask for a shorter answer with max_tokens, ask a local model, wait until midnight where the server is, or have its owner give the key a larger budget"
	}
	return "ask for a shorter answer with max_tokens, ask a local model, or raise the budget in the server's configuration"
}

// explainToClient is an error as a client of the gateway reads it: what happened, to
// whom, and what to do next, where that is a command or a change of the configuration.
// What is said of flags and of a terminal means nothing to it. Cfg is the configuration of
// who answers.
func explainToClient(err error, cfg *config.Loaded) string {
	text := terminal.OneLine(err.Error())
	if next := clientRemedy(err); next != "" {
		return text + "; " + next
	}
	next := remedy(err, cfg)
	if next == "" || advises(err) {
		return text
	}
	if words := " " + quotedCommand.ReplaceAllString(next, ""); strings.Contains(words, " -") || strings.Contains(words, "text above") {
		return text
	}
	return text + joint(err, text) + next
}
