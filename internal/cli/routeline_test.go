package cli

import (
	"testing"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
)

func TestRouteLine(t *testing.T) {
	local := provider.Route{Provider: "local", Model: "qwen3:8b", Endpoint: "http://127.0.0.1:11434", Local: true, Reason: provider.FirstChoice, Total: 1234 * time.Millisecond}
	hosted := provider.Route{Provider: "openai", Model: "gpt-4o-mini", Endpoint: "https://api.openai.com", Reason: provider.FirstChoice, Total: 1200 * time.Millisecond, Cost: &provider.Cost{USD: provider.Ptr(0.0004)}}
	with := func(r provider.Route, change func(*provider.Route)) provider.Route { change(&r); return r }
	usage := &provider.Usage{InputTokens: 29, OutputTokens: 41}
	for _, c := range []struct {
		name  string
		route provider.Route
		usage *provider.Usage
		want  string
	}{
		{"the first choice, on this machine", local, usage, "· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s"},
		{"elsewhere, with a cost", hosted, usage, "· answered by openai (gpt-4o-mini) at https://api.openai.com · 29+41 tokens · $0.0004 · 1.2 s"},
		{
			"a fallback", with(hosted, func(r *provider.Route) { r.Reason = "fallback: local: nothing is listening there" }), usage,
			"· answered by openai (gpt-4o-mini) at https://api.openai.com · 29+41 tokens · $0.0004 · 1.2 s · fallback: local: nothing is listening there",
		},
		{
			"a fallback on this machine", with(local, func(r *provider.Route) { r.Reason = "fallback: big: out of memory" }), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · fallback: big: out of memory",
		},
		{
			"a fallback on this machine, behind a server that had got the prompt", with(local, func(r *provider.Route) {
				r.Reason, r.Attempts = "fallback: openai: out of credit", []provider.Attempt{{Provider: "openai", Outcome: provider.OutcomeFailed, SentTo: "https://api.openai.com"}}
			}), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · fallback: openai: out of credit · the prompt also went to https://api.openai.com",
		},
		{
			"a fallback behind a server on this machine", with(local, func(r *provider.Route) {
				r.Reason, r.Attempts = "fallback: big: busy", []provider.Attempt{{Provider: "big", Outcome: provider.OutcomeFailed, SentTo: "http://127.0.0.1:8000", Local: true}}
			}), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · fallback: big: busy",
		},
		{
			"tools", with(local, func(r *provider.Route) { r.Reason += ", after 1 round of tool calls" }), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · after 1 round of tool calls",
		},
		{
			"not the default model", with(local, func(r *provider.Route) { r.Reason += "; smollm2:135m, the default model, is not installed" }), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · smollm2:135m, the default model, is not installed",
		},
		{
			"replayed", with(local, func(r *provider.Route) { r.Reason = "replayed from tapes, recorded 2026-11-01: " + r.Reason }), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · replayed from tapes, recorded 2026-11-01",
		},
		{
			"replayed, of a fallback", with(local, func(r *provider.Route) {
				r.Reason = "replayed from tapes, recorded 2026-11-01: fallback: a: refused"
			}), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 1.2 s · replayed from tapes, recorded 2026-11-01: fallback: a: refused",
		},
		{
			"cached", with(hosted, func(r *provider.Route) {
				r.Reason, r.Total, r.Cost = "from the cache, answered by openai on 2026-11-01", 40*time.Microsecond, &provider.Cost{USD: provider.Ptr(0.0)}
			}), usage,
			"· answered by openai (gpt-4o-mini) at https://api.openai.com · 29+41 tokens · <1 ms · from the cache, answered by openai on 2026-11-01",
		},
		{
			"a gateway", with(hosted, func(r *provider.Route) { r.Gateway, r.Cost = "litellm (https://api.openai.com)", nil }), nil,
			"· answered by openai (gpt-4o-mini) at https://api.openai.com through litellm (https://api.openai.com) · 1.2 s",
		},
		{
			"a cloud model of an Ollama", with(local, func(r *provider.Route) { r.Local, r.Gateway = false, "https://ollama.com" }), usage,
			"· answered by local (qwen3:8b) at http://127.0.0.1:11434 through https://ollama.com · 29+41 tokens · 1.2 s",
		},
		{
			"nobody says where", with(hosted, func(r *provider.Route) { r.Endpoint = "" }), nil,
			"· answered by openai (gpt-4o-mini) at an unknown address · $0.0004 · 1.2 s",
		},
		{
			"loaded, repaired", with(local, func(r *provider.Route) { r.Total, r.Load, r.Repairs = 125*time.Second, 61*time.Second, 2 }), usage,
			"· answered by local (qwen3:8b) · 29+41 tokens · 2 min 5 s (1 min 1 s of it loading the model) · repaired 2 times to match the schema",
		},
		{"a hostile name", with(local, func(r *provider.Route) { r.Model = "a\x1b]0;x\x07\nb" }), nil, "· answered by local (a b) · 1.2 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := routeLine(&c.route, c.usage); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestEndLine(t *testing.T) {
	at := "https://api.openai.com"
	for want, r := range map[string]chain.StepResult{
		"· a: answered by local (m) · 2 s":                 {Name: "a", Route: &provider.Route{Provider: "local", Model: "m", Local: true, Reason: "fallback: x"}, Took: 2 * time.Second},
		"· a: answered by openai (m) at " + at + " · 5 ms": {Name: "a", Route: &provider.Route{Provider: "openai", Model: "m", Endpoint: at}, Took: 5 * time.Millisecond},
		"· a: answered by local (m) · 3 s · the prompt also went to " + at: {
			Name: "a", Took: 3 * time.Second, Route: &provider.Route{Provider: "local", Model: "m", Local: true, Attempts: []provider.Attempt{{Provider: "openai", Outcome: provider.OutcomeFailed, SentTo: at}}},
		},
		"· a: skipped, its condition is false": {Name: "a", Skipped: true},
		"· a: done, the branch is b · 0 s":     {Name: "a", Chosen: "b"},
		"· a: answered by l (m) 2 times, o (m) at " + at + " · 1 h 5 min": {Name: "a", Took: 65 * time.Minute, Answered: []chain.Answered{
			{Provider: "l", Model: "m", Local: true, Calls: 2}, {Provider: "o", Model: "m", Endpoint: at, Calls: 1},
		}},
	} {
		if got := endLine(&r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
