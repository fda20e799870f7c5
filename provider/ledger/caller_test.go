package ledger_test

import (
	"context"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// A caller's own budget is reserved for, whatever else is kept, and what is free takes
// nothing of it.
func TestCallersWithABudget(t *testing.T) {
	laptop := ledger.WithCaller(t.Context(), ledger.Caller{Name: "laptop", PerDayUSD: provider.Ptr(1.0)})
	answer := providertest.Answer{Text: []string{"hello"}, Usage: usage}
	for _, c := range []struct {
		name     string
		ctx      context.Context
		p        provider.Provider
		cfg      ledger.Config
		callers  bool // there is a book for callers
		reserved int
		settled  int
		kind     provider.Kind
	}{
		{"a caller with a budget", laptop, paid(answer), ledger.Config{Tariff: said}, true, 1, 1, ""},
		{"nobody", t.Context(), paid(answer), ledger.Config{Tariff: said}, true, 0, 0, ""},
		{"a caller without one", ledger.WithCaller(t.Context(), ledger.Caller{Name: "laptop"}), paid(answer), ledger.Config{Tariff: said}, true, 0, 0, ""},
		{"a local answer", laptop, &providertest.Fake{Answers: []providertest.Answer{answer}}, ledger.Config{Tariff: ledger.Tariff{Model: "small"}, Local: here}, true, 0, 1, ""},
		{"no price", laptop, paid(answer), ledger.Config{Tariff: ledger.Tariff{Model: "other"}}, true, 0, 0, provider.OverBudget},
		{"an option with an unknown price", laptop, paid(answer), ledger.Config{Tariff: said, Options: map[string]any{"service_tier": "flex"}}, true, 0, 0, provider.OverBudget},
		{"nothing keeps it", laptop, paid(answer), ledger.Config{Tariff: said}, false, 0, 0, provider.OverBudget},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &book{}
			if c.callers {
				c.cfg.Callers = b
			}
			l := ledger.New(c.p, c.cfg)
			if err := l.Fits(c.ctx, &provider.Request{Messages: []provider.Message{provider.User("hello")}}); provider.KindOf(err) != c.kind {
				t.Errorf("Fits: %v", err)
			}
			_, err := ask(c.ctx, l, provider.Request{})
			if provider.KindOf(err) != c.kind || len(b.held) != c.reserved || len(b.settled) != c.settled {
				t.Fatalf("%v; %d reserved, %d settled", err, len(b.held), len(b.settled))
			}
			if c.reserved > 0 && (b.held[0].Caller.Name != "laptop" || *b.held[0].Caller.PerDayUSD != 1 || b.settled[0].Caller != "laptop") {
				t.Errorf("%+v, %+v", b.held[0], b.settled[0])
			}
		})
	}
}

// Embeddings are paid for by their caller, too.
func TestEmbeddingsOfACaller(t *testing.T) {
	b, fake := &book{}, &vectors{Provider: paid()}
	e, ok := ledger.New(fake, ledger.Config{Tariff: said, Callers: b}).Embedder()
	if !ok {
		t.Fatal("it has no Embedder")
	}
	ctx := ledger.WithCaller(t.Context(), ledger.Caller{Name: "laptop", PerDayUSD: provider.Ptr(1.0)})
	if _, err := e.Embed(ctx, provider.EmbedRequest{Input: []string{"one"}}); err != nil || len(b.held) != 1 || len(b.settled) != 1 {
		t.Errorf("%v; %d reserved, %d settled", err, len(b.held), len(b.settled))
	}
	b.refuse = &ledger.Over{Budget: "the daily budget", Caller: "laptop"}
	if _, err := e.Embed(ctx, provider.EmbedRequest{Input: []string{"one"}}); provider.KindOf(err) != provider.OverBudget || fake.asked != 1 {
		t.Errorf("%v; asked %d times", err, fake.asked)
	}
}
