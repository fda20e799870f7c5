package ledger_test

import (
	"math"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// A usage that cannot be gives no money back: what was reserved counts, and
// nobody is told the numbers.
func TestAUsageThatCannotBe(t *testing.T) {
	const words = "an answer of some words"
	for _, c := range []struct {
		name     string
		usage    provider.Usage
		believed bool
	}{
		{"nothing", provider.Usage{}, false},
		{"negative", provider.Usage{InputTokens: -1e6, OutputTokens: -1e6}, false},
		{"a negative prompt", provider.Usage{InputTokens: -1, OutputTokens: 5}, false},
		{"a negative answer", provider.Usage{InputTokens: 5, OutputTokens: -1}, false},
		{"no prompt", provider.Usage{OutputTokens: 5}, false},
		{"no answer, and words came", provider.Usage{InputTokens: 5}, false},
		{"more cached than there was", provider.Usage{InputTokens: 5, CachedTokens: 6, OutputTokens: 5}, false},
		{"less than nothing cached", provider.Usage{InputTokens: 5, CachedTokens: -1e9, OutputTokens: 5}, false},
		{"more thinking than output", provider.Usage{InputTokens: 5, OutputTokens: 5, ThinkingTokens: 6}, false},
		{"negative thinking", provider.Usage{InputTokens: 5, OutputTokens: 5, ThinkingTokens: -6}, false},
		{"more than any window", provider.Usage{InputTokens: 1e9, OutputTokens: 5}, false},
		{"the largest number", provider.Usage{InputTokens: math.MaxInt, OutputTokens: math.MaxInt}, false},
		{"the smallest number", provider.Usage{InputTokens: math.MinInt, OutputTokens: math.MinInt}, false},
		{"more than was sent", provider.Usage{InputTokens: 100_000, OutputTokens: 5}, true},
		{"more than was asked for", provider.Usage{InputTokens: 5, OutputTokens: 100_000}, true},
		{"all of it cached and thinking", provider.Usage{InputTokens: 5, CachedTokens: 5, OutputTokens: 7, ThinkingTokens: 7}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &book{}
			p := paid(providertest.Answer{Text: []string{words}, Usage: &c.usage})
			r, err := ask(t.Context(), ledger.New(p, ledger.Config{Tariff: said, Book: b, Budget: true}), provider.Request{})
			if err != nil || r.Text != words {
				t.Fatalf("%+v, %v", r, err)
			}
			e := b.settled[0]
			if c.believed {
				if r.Usage == nil || e.Cost.USD == nil || *e.Cost.USD <= 0 || *r.Route.Cost.USD != *e.Cost.USD {
					t.Errorf("usage %+v, settled with %+v", r.Usage, e)
				}
				return
			}
			if r.Usage != nil || r.Route.Cost.USD != nil || e.Usage != nil || e.Cost.USD != nil || !is(e.AtMost, b.held[0].USD) {
				t.Errorf("usage %+v, cost %+v, settled with %+v; want the most that it can have cost", r.Usage, r.Route.Cost, e)
			}
		})
	}
}

// What changes a price is known, or refused under a budget.
func TestOptionsThatChangeAPrice(t *testing.T) {
	flex := said
	flex.Tier = "flex"
	tier := func(v any) map[string]any { return map[string]any{"service_tier": v} }
	for _, c := range []struct {
		name         string
		tariff       ledger.Tariff
		own, request map[string]any
		model        string
		say          string // "": it is asked
	}{
		{"none", said, nil, nil, "", ""},
		{"sampling", said, map[string]any{"top_k": 4, "logit_bias": map[string]any{}}, map[string]any{"min_p": 0.1, "user": "me", "store": true}, "", ""},
		{"the default tier", said, nil, tier("default"), "", ""},
		{"a dearer tier", said, nil, tier("priority"), "", `"service_tier" ("priority")`},
		{"a tier of the configuration without its price", openAI, tier("flex"), nil, "", `"service_tier" ("flex")`},
		{"whatever the account says", said, nil, tier("auto"), "", `"service_tier" ("auto")`},
		{"no tier at all", said, nil, tier(nil), "", "service_tier"},
		{"a tier in other letters", said, nil, tier("Default"), "", "service_tier"},
		{"a tier that is none", said, nil, tier(map[string]any{"a": 1}), "", "service_tier"},
		{"the tier that the price is for", flex, tier("flex"), nil, "", ""},
		{"another than the price is for", flex, tier("flex"), tier("default"), "", `"service_tier" ("default")`},
		{"a prediction, whose rejected tokens are paid", said, nil, map[string]any{"prediction": map[string]any{"content": "x"}}, "", `"prediction"`},
		{"several answers", said, nil, map[string]any{"n": 5}, "", `"n"`},
		{"a bound that steps around ours", said, nil, map[string]any{"max_tokens": 1000000}, "", `"max_tokens"`},
		{"a bound by another name", said, map[string]any{"max_completion_tokens": 1000000}, nil, "", `"max_completion_tokens"`},
		{"other models of a gateway", said, nil, map[string]any{"models": []any{"gpt-5-pro"}}, "", `"models"`},
		{"a search on the web", said, nil, map[string]any{"web_search_options": map[string]any{}}, "", `"web_search_options"`},
		{"sound", said, nil, map[string]any{"modalities": []any{"audio"}}, "", `"modalities"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := paid(providertest.Answer{Text: []string{"a"}, Usage: usage})
			req := provider.Request{Model: c.model, Options: c.request}
			_, err := ask(t.Context(), ledger.New(p, ledger.Config{Tariff: c.tariff, Options: c.own, Book: &book{}, Budget: true}), req)
			if c.say == "" {
				if err != nil || len(p.Calls()) != 1 {
					t.Errorf("%v, %d calls", err, len(p.Calls()))
				}
				return
			}
			if provider.KindOf(err) != provider.OverBudget || len(p.Calls()) != 0 {
				t.Fatalf("%v, %d calls; want it refused", err, len(p.Calls()))
			}
			if text := err.Error(); !strings.Contains(text, c.say) || !strings.Contains(text, "remove it") {
				t.Errorf("%q does not name %s and what to do", text, c.say)
			}
			// Without a budget it is asked, and its cost is not made up.
			r, err := ask(t.Context(), ledger.New(p, ledger.Config{Tariff: c.tariff, Options: c.own}), req)
			if err != nil || r.Route.Cost.USD != nil || !strings.Contains(r.Route.Cost.Basis, "no price with the option") {
				t.Errorf("%+v, %v; want a cost that is not known", r.Route, err)
			}
		})
	}
}

// Where a server has a price for one model, no other model is free there, on
// this machine neither: it may be a gateway.
func TestNoModelIsFreeAtAPricedServer(t *testing.T) {
	shared := ledger.Tariff{Model: "other", Priced: true} // another provider's price
	for _, c := range []struct {
		name   string
		tariff ledger.Tariff
		model  string
	}{
		{"another model of the provider", said, "big-2"},
		{"the model in other letters", said, "BIG"},
		{"the model of a provider without a price", shared, ""},
		{"another model of a provider without a price", shared, "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, local := range []bool{true, false} {
				p := &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"a"}, Usage: usage}}}
				cfg := ledger.Config{Tariff: c.tariff, Book: &book{}, Budget: true}
				if local {
					cfg.Local = here
				}
				_, err := ask(t.Context(), ledger.New(p, cfg), provider.Request{Model: c.model})
				if provider.KindOf(err) != provider.OverBudget || len(p.Calls()) != 0 {
					t.Errorf("under a budget: %v, %d calls", err, len(p.Calls()))
				}
				cfg.Budget = false
				if r, err := ask(t.Context(), ledger.New(p, cfg), provider.Request{Model: c.model}); err != nil || r.Route.Cost.USD != nil {
					t.Errorf("without one: %+v, %v; want a cost that is not known", r.Route, err)
				}
			}
		})
	}
}

// A price that is not the user's own word only raises the list's.
func TestAStrangersPriceRaisesTheList(t *testing.T) {
	list := openAI.PriceOf("", "").Price
	strange := ledger.Tariff{Model: openAI.Model, Listed: true, Raises: true, Override: ledger.PriceOverride{Input: provider.Ptr(0.0), Output: provider.Ptr(50.0)}}
	if got, want := strange.PriceOf("", "").Price, (ledger.Price{Input: list.Input, CachedInput: list.CachedInput, Output: 50}); got != want {
		t.Errorf("the price is %+v, want %+v", got, want)
	}
}
