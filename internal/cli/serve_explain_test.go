package cli

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// What a client of the gateway is told names no flag of a command that it did not run.
func TestExplainToClient(t *testing.T) {
	a := &app{}
	for _, kind := range []provider.Kind{
		provider.Unavailable, provider.RateLimited, provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.ContextOverflow, provider.OutOfMemory, provider.Unsupported,
		provider.Invalid, provider.Filtered, provider.Truncated, provider.BadAnswer, provider.Timeout, provider.Offline, provider.OverBudget, provider.Private,
	} {
		err := provider.Errorf(kind, "house", "m", "so it is")
		text := a.explainToClient(err)
		if !strings.Contains(text, "so it is") {
			t.Errorf("%s: %q does not say what happened", kind, text)
		}
		if words := quotedCommand.ReplaceAllString(text, ""); strings.Contains(words, " -") || strings.Contains(words, "above") {
			t.Errorf("%s: %q", kind, text)
		}
	}
}
