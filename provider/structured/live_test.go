package structured_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/structured"
)

// TestLiveSchemas asks a real engine for the whole set: each answer is what the
// schema asks for, or there is an error that says why not.
func TestLiveSchemas(t *testing.T) {
	e := testengine.Ollama(t)
	p, err := ollama.New(ollama.Config{Host: e.URL, Model: e.Model, NumCtx: 4096, RoundTripper: transport(t)})
	liveSchemas(t, p, err, false)
}

// The same of llama.cpp's server; strict is OpenAI's strict mode.
func TestLiveSchemasOfLlamaServer(t *testing.T) {
	e := testengine.OpenAI(t)
	for name, strict := range map[string]bool{"as it is": false, "strict": true} {
		t.Run(name, func(t *testing.T) {
			p, err := openai.New(openai.Config{BaseURL: e.BaseURL, Key: e.Key, Model: e.Model, RoundTripper: transport(t)})
			liveSchemas(t, p, err, strict)
		})
	}
}

// transport leaves no connection behind.
func transport(t *testing.T) *httpx.Transport {
	tr := httpx.NewTransport(httpx.Options{Keep: time.Nanosecond})
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func liveSchemas(t *testing.T, inner provider.Provider, err error, strict bool) {
	if err != nil {
		t.Fatal(err)
	}
	p := structured.New(inner, structured.Config{})
	began := time.Now()
	valid, mended, wrong, cut, unsupported := 0, 0, 0, 0, 0
	set := schemas
	if strict {
		set = set[:10]
	}
	for _, tc := range set {
		req := provider.Request{
			Messages:    []provider.Message{provider.User(tc.prompt)},
			Schema:      &provider.Schema{JSON: json.RawMessage(tc.schema), Strict: strict},
			Temperature: provider.Ptr(0.0), Seed: provider.Ptr(int64(1)), MaxTokens: provider.Ptr(56), NoStream: true,
		}
		r, err := provider.Collect(p.Chat(t.Context(), req))
		var e *structured.Error
		switch {
		case err == nil:
			s, err := schema.Compile([]byte(tc.schema))
			if err != nil {
				t.Fatal(err)
			}
			if problems := s.Check([]byte(r.Text)); problems != nil {
				t.Errorf("%s: an invalid answer was passed on: %s: %v", tc.name, r.Text, problems)
			}
			if valid++; r.Route.Repairs > 0 {
				mended++
				t.Logf("%s: mended after %d: %s", tc.name, r.Route.Repairs, r.Text)
			}
		case errors.Is(err, provider.Unsupported):
			unsupported++
			if strict && strings.Contains(err.Error(), "strict mode") {
				continue
			}
			t.Logf("%s: %v", tc.name, err)
		case errors.As(err, &e) && e.Err != nil:
			cut++
			t.Logf("%s: %v: %s", tc.name, err, e.Text)
		case errors.As(err, &e):
			wrong++
			t.Logf("%s: %v: %s", tc.name, err, e.Text)
		default:
			t.Errorf("%s: no clear error: %v", tc.name, err)
		}
	}
	t.Logf("of %d schemas: %d valid (%d mended), %d never valid, %d cut, %d unsupported, in %s",
		len(set), valid, mended, wrong, cut, unsupported, time.Since(began).Round(time.Second))
	if !strict && valid < len(set)*3/4 {
		t.Errorf("only %d of %d are valid: the engine is not held to schemas", valid, len(set))
	}
}
