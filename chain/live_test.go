package chain_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/router"
)

// bothEngines is a router over the real Ollama, as local, and llama.cpp's
// server, as hosted.
func bothEngines(t *testing.T) *router.Router {
	t.Helper()
	o, e := testengine.Ollama(t), testengine.OpenAI(t)
	local, err := ollama.New(ollama.Config{Name: "local", Host: o.URL, Model: o.Model, NumCtx: 4096, RoundTripper: transport(t)})
	if err != nil {
		t.Fatal(err)
	}
	hosted, err := openai.New(openai.Config{Name: "hosted", BaseURL: e.BaseURL, Key: e.Key, Model: e.Model, RoundTripper: transport(t)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(router.Config{Use: []string{"local", "hosted"}, Targets: []router.Target{{Provider: local, Local: func(context.Context) bool { return true }}, {Provider: hosted}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func transport(t *testing.T) *httpx.Transport {
	tr := httpx.NewTransport(httpx.Options{Keep: time.Nanosecond})
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// notes are passages with real vectors.
func notes(t *testing.T, privacy provider.Privacy) chain.Finder {
	t.Helper()
	e := testengine.EmbeddingOllama(t)
	p, err := ollama.New(ollama.Config{Host: e.URL, Model: e.EmbedModel, RoundTripper: transport(t)})
	if err != nil {
		t.Fatal(err)
	}
	x := retrieve.NewIndex(p, retrieve.Options{})
	for i, text := range []string{"Mangoes are grown around Delhi.", "The tax is due in March.", "Oranges and lemons ripen near the town in winter.", "The bridge was closed."} {
		if err := x.Add(t.Context(), retrieve.Passage{Text: text, Source: "notes.md", Line: i + 1, Privacy: privacy}); err != nil {
			t.Fatal(err)
		}
	}
	return func(ctx context.Context, l chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
		return x.Find(ctx, l.Query, l.K, retrieve.Search{})
	}
}

// TestLiveEverything runs one file with everything that a step can do on both
// engines: use alone decides which. What a tiny model says is its own affair;
// what values there are, who answered and what is shown are not.
func TestLiveEverything(t *testing.T) {
	c, err := chain.Load("testdata/live/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range []string{"local", "hosted"} {
		t.Run(use, func(t *testing.T) {
			p, find := bothEngines(t), notes(t, provider.PrivacyAny)
			ends := map[string]*chain.StepResult{}
			var order []string
			final := ""
			defaults := provider.Request{Use: []string{use}, Seed: provider.Ptr(int64(1)), Temperature: provider.Ptr(0.2)}
			for e, err := range c.Run(t.Context(), p, map[string]any{"town": "Delhi"}, chain.Defaults(defaults), chain.WithPassages(find)) {
				if err != nil {
					t.Fatal(err)
				}
				switch e.Type {
				case chain.StepEnd, chain.StepSkipped:
					ends[e.Step] = e.Result
					if !strings.ContainsAny(e.Step, ".[") {
						order = append(order, e.Step)
					}
				case chain.StepRetry, chain.StepFallback:
					t.Logf("%s: %v", e.Step, e.Err)
				}
				if e.Final {
					final += e.Chunk.Text
				}
			}
			if got, want := strings.Join(order, " "), strings.Join(c.Steps(), " "); got != want {
				t.Fatalf("the steps ended in the order %s, not %s", got, want)
			}
			for name, r := range ends {
				if r.Route != nil && r.Route.Provider != use && !strings.HasPrefix(name, "found") {
					t.Errorf("%s was answered by %s", name, r.Route.Provider)
				}
				for _, a := range r.Answered {
					if a.Provider != use {
						t.Errorf("%s was answered by %s", name, a.Provider)
					}
				}
			}
			if r := ends["found"]; len(r.Passages) != 2 || !strings.Contains(r.Text, "Mangoes") || !strings.Contains(r.Text, "notes.md:1") {
				t.Errorf("found %+v", r)
			}
			if v, ok := ends["both"].Value.(map[string]any); !ok || len(v) != 2 || v["good"] == "" || !strings.HasPrefix(v["bad"].(string), "Perhaps ") {
				t.Errorf("both is %v", ends["both"].Value)
			}
			if v, ok := ends["visits"].Value.([]any); !ok || len(v) != 3 || v[0] == "" || v[2] == "" || ends["visits[2]"] == nil {
				t.Errorf("visits are %v", ends["visits"].Value)
			}
			if r := ends["kind"]; r.Chosen != "town" && r.Chosen != "fruit" || ends["kind."+r.Chosen] == nil {
				t.Errorf("the route took %q", r.Chosen)
			}
			if ends["longer[0]"] == nil || ends["longer[1]"] == nil || ends["longer"].Value != ends["longer[1]"].Value {
				t.Errorf("the loop made %v", ends["longer"])
			}
			if v := ends["sure"].Value; v != "yes" && v != "no" {
				t.Errorf("sure is %v", v)
			}
			if r := ends["skipped"]; !r.Skipped || r.Value != "nothing" || ends["skipped"].Usage != nil {
				t.Errorf("skipped is %+v", r)
			}
			fact, ok := ends["fact.fact"].Value.(map[string]any)
			letters, whole := fact["letters"].(int)
			if !ok || !whole || letters < 0 || letters > 9 || fact["name"] != "PARIS" && fact["name"] != "DELHI" || ends["fact"].Value != letters {
				t.Errorf("the fact is %v, and its letters %v", ends["fact.fact"].Value, ends["fact"].Value)
			}
			if sum, ok := ends["sum"].Value.(map[string]any); !ok || sum["visits"] != 3 || sum["letters"] != letters+1 {
				t.Errorf("the sum is %v", ends["sum"].Value)
			}
			end := ends["end"]
			if final == "" || final != end.Text || end.Usage == nil || end.Usage.OutputTokens == 0 || end.Usage.OutputTokens > 8 || end.Route == nil {
				t.Errorf("the answer is %q, and %+v", final, end)
			}
		})
	}
}

// TestLivePassagesStay: what was found may not leave, so the hosted engine is
// not asked, whatever use says.
func TestLivePassagesStay(t *testing.T) {
	c, err := chain.Load("testdata/live/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.Output(t.Context(), bothEngines(t), map[string]any{"town": "Delhi"},
		chain.Defaults(provider.Request{Use: []string{"hosted"}}), chain.WithPassages(notes(t, provider.PrivacyLocal)))
	step := new(chain.StepError)
	if !errors.Is(err, provider.Private) || !errors.As(err, &step) || step.Index == 0 {
		t.Errorf("%v", err)
	}
	for _, r := range result.Steps {
		if r.Usage != nil && r.Name != "found" {
			t.Errorf("%s was answered: %+v", r.Name, r)
		}
	}
}

// TestLiveStepWithTools: no tool runs that nobody confirmed, on either engine,
// and one that knows no tools says so.
func TestLiveStepWithTools(t *testing.T) {
	type in struct {
		City string `json:"city"`
	}
	ran := 0
	weather, err := tool.Func("weather", "The weather in a city", func(_ context.Context, in in) (string, error) { ran++; return "sunny in " + in.City, nil })
	if err != nil {
		t.Fatal(err)
	}
	c, err := chain.New(
		chain.Step{Name: "asked", Prompt: "What is the weather in Delhi?", Tools: []string{"weather"}, MaxTokens: provider.Ptr(40), Fallback: &chain.Step{Text: "nobody knows"}},
		chain.Step{Name: "end", Text: "So: {asked}"})
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range []string{"local", "hosted"} {
		t.Run(use, func(t *testing.T) {
			p := bothEngines(t)
			result, err := c.Output(t.Context(), p, nil, chain.Defaults(provider.Request{Use: []string{use}, Seed: provider.Ptr(int64(1)), Temperature: provider.Ptr(0.0)}), chain.WithTools(tool.Options{Tools: []tool.Tool{weather}}))
			if err != nil || !strings.HasPrefix(result.Text, "So: ") || len(result.Text) < 6 {
				t.Errorf("%+v, %v", result, err)
			}
			if ran > 0 {
				t.Error("a tool ran that nobody confirmed")
			}
		})
	}
}
