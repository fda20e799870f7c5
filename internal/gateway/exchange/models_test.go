package exchange_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// A provider that is configured and not in use gets nothing, whatever a client asks for.
func TestOnlyWhatIsInUseIsAsked(t *testing.T) {
	e, hosted := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, fmt.Sprintf("use: [house]\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n- {name: hosted, kind: openai, base_url: '%s/v1', model: big}\n", e.URL, hosted.URL))
	x := gatewaytest.Exchange(s, exchange.Config{})
	for _, name := range []string{"big", "hosted", "hosted/big", "hosted/ok"} {
		_, err := x.Find(t.Context(), name)
		var f *exchange.Failure
		if !errors.As(err, &f) || f.Status != 404 || !strings.Contains(f.Message, "The provider hosted is configured, and not in `use`") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range x.Models(t.Context()) {
		if m.Provider == "hosted" {
			t.Errorf("%s is listed", m.ID)
		}
	}
	if n := len(hosted.Requests("/v1/models")); n > 0 {
		t.Errorf("the provider was asked %d times", n)
	}
}
