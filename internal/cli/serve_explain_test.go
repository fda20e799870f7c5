package cli

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// What a client of the gateway is told names no flag of a command that it did not run.
func TestExplainToClient(t *testing.T) {
	for _, kind := range []provider.Kind{
		provider.Unavailable, provider.RateLimited, provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.ContextOverflow, provider.OutOfMemory, provider.Unsupported,
		provider.Invalid, provider.Filtered, provider.Truncated, provider.BadAnswer, provider.Timeout, provider.Offline, provider.OverBudget, provider.Private,
	} {
		err := provider.Errorf(kind, "house", "m", "so it is")
		text := explainToClient(err, nil)
		if !strings.Contains(text, "so it is") {
			t.Errorf("%s: %q does not say what happened", kind, text)
		}
		if words := quotedCommand.ReplaceAllString(text, ""); strings.Contains(words, " -") || strings.Contains(words, "above") {
			t.Errorf("%s: %q", kind, text)
		}
	}
}

// Whose budget is spent is told what it can do itself, in its API's words.
func TestClientsOfASpentBudget(t *testing.T) {
	for name, c := range map[string]struct {
		over ledger.Over
		want string
	}{
		"a key's": {ledger.Over{Budget: `the daily budget of the key "laptop"`, Caller: "laptop", Limit: 0.5, Left: 0.01, Need: 0.2}, "have its owner give the key a larger budget"},
		"of all":  {ledger.Over{Budget: "budget.per_day_usd", Limit: 0.5, Left: 0.01, Need: 0.2}, "raise the budget in the server's configuration"},
	} {
		text := explainToClient(provider.Errorf(provider.OverBudget, "openai", "gpt", "%w", &c.over), nil)
		for _, want := range []string{c.over.Budget + " is $0.50, with $0.01 left, and this call could cost up to $0.20", "max_tokens", "a local model", c.want} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", name, text, want)
			}
		}
	}
}
