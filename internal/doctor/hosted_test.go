package doctor

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// A check names its provider once.
func TestHostedServerNamesItsProviderOnce(t *testing.T) {
	for _, kind := range []provider.Kind{provider.Denied, provider.Offline, provider.Unavailable, provider.Invalid} {
		c := hostedServer(t.Context(), stack.Configured{Config: config.Provider{Name: "openai"}}, nil, provider.Errorf(kind, "openai", "", "as scripted"))
		if c.Name != "openai: server" || c.Status != Fail || strings.Contains(c.Detail, "openai") || !strings.Contains(c.Detail, "as scripted") {
			t.Errorf("%s: %+v", kind, c)
		}
	}
}
