package exchange_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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
	for name, status := range map[string]int{"nobodys": 503, "here/nobodys": 503, "away/nobodys": 404, "think": 503, "away/think": 200} {
		e, err := x.Find(t.Context(), name)
		var f *exchange.Failure
		if status == 200 && (err != nil || e.Provider != "away") || status != 200 && (!errors.As(err, &f) || f.Status != status) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

// A plain name is not taken for a model of a server elsewhere while a provider that comes
// before cannot be reached and may have meant it, unless the configuration names that model
// for that server. What runs on this machine may always answer.
func TestAPlainNameIsNoGuess(t *testing.T) {
	for _, c := range []struct {
		what, use string
		name      string
		provider  string // that it means; empty: it is refused
	}{
		{"another model of the hosted one", "[gone, hosted]", "think", ""},
		{"with a tag", "[gone, hosted]", "think:latest", ""},
		{"an alias of a plain name", "[gone, hosted]", "plain", ""},
		{"the configured one", "[gone, hosted]", "big", "hosted"},
		{"with its provider", "[gone, hosted]", "hosted/think", "hosted"},
		{"an alias with its provider", "[gone, hosted]", "full", "hosted"},
		{"its provider's name", "[gone, hosted]", "hosted", "hosted"},
		{"nobody is away before it", "[hosted, gone]", "think", "hosted"},
		{"of this machine", "[gone, here]", "think", "here"},
	} {
		t.Run(c.what, func(t *testing.T) {
			here, hosted, gone := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
			gone.Close()
			x := gatewaytest.Exchange(gatewaytest.Open(t, fmt.Sprintf("use: %s\nretries: 0\naliases: {plain: think, full: hosted/think}\nproviders:\n"+
				"- {name: gone, kind: ollama, managed: false, host: '%s', model: own}\n- {name: here, kind: openai, base_url: '%s/v1', model: own, local: true}\n- {name: hosted, kind: openai, base_url: '%s/v1', model: big}\n",
				c.use, strings.TrimPrefix(gone.URL, "http://"), here.URL, hosted.URL)), exchange.Config{})
			e, err := x.Find(t.Context(), c.name)
			var f *exchange.Failure
			switch {
			case c.provider != "" && (err != nil || e.Provider != c.provider):
				t.Errorf("%+v, %v", e, err)
			case c.provider == "" && (!errors.As(err, &f) || f.Status != 503 || !strings.Contains(f.Message, "gone may have the model") || !strings.Contains(f.Message, "ask for hosted/")):
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// The window that an Ollama's model was made for is asked for once, and not with each list.
func TestAWindowIsAskedForOnce(t *testing.T) {
	var shown atomic.Int32
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/show":
			shown.Add(1)
			fmt.Fprint(w, `{"model_info":{"general.architecture":"llama","llama.context_length":2048}}`)
		case "/api/tags":
			fmt.Fprint(w, `{"models":[{"name":"m:latest","digest":"aa"}]}`)
		default:
			fmt.Fprint(w, `{"version":"0.33.3"}`)
		}
	}))
	defer engine.Close()
	x := gatewaytest.Exchange(gatewaytest.Open(t, fmt.Sprintf("use: [gpu]\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '%s', model: m, num_ctx: 4096}\n", strings.TrimPrefix(engine.URL, "http://"))), exchange.Config{})
	for range 3 {
		if e, err := x.Find(t.Context(), "m"); err != nil || e.Window != 2048 {
			t.Errorf("%+v, %v", e, err)
		}
		x.Outdate()
	}
	if n := shown.Load(); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
}
