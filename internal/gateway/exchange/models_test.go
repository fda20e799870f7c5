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

// A model's name means the same while its provider cannot be reached: it is not taken for
// a later provider's model of that name, and is not unknown.
func TestAModelOfAProviderThatIsAway(t *testing.T) {
	here, away := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
	text := fmt.Sprintf("use: [here, away]\nretries: 0\nproviders:\n- {name: here, kind: openai, base_url: '%s/v1', model: own, local: true}\n- {name: away, kind: openai, base_url: '%s/v1', model: own}\n", here.URL, away.URL)
	x := gatewaytest.Exchange(gatewaytest.Open(t, text), exchange.Config{})
	e, err := x.Find(t.Context(), "think")
	if err != nil || e.Provider != "here" {
		t.Fatalf("%+v, %v", e, err)
	}
	here.Close()
	x.Outdate()
	for range 2 {
		if e, err := x.Find(t.Context(), "think"); err != nil || e.Provider != "here" {
			t.Errorf("%s, %v", e.Provider, err)
		}
	}
	// Of a provider that was never reached nobody knows what it has.
	x = gatewaytest.Exchange(gatewaytest.Open(t, text), exchange.Config{})
	for name, status := range map[string]int{"nobodys": 503, "here/nobodys": 503, "away/nobodys": 404} {
		_, err := x.Find(t.Context(), name)
		var f *exchange.Failure
		if !errors.As(err, &f) || f.Status != status {
			t.Errorf("%s: %v", name, err)
		}
	}
}
