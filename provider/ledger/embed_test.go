package ledger_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// vectors is a provider that makes vectors.
type vectors struct {
	provider.Provider
	local bool
	err   error
	asked int
}

func (v *vectors) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	v.asked++
	return provider.EmbedResponse{
		Vectors: make([][]float32, len(req.Input)), Usage: &provider.Usage{InputTokens: 1000},
		Route: &provider.Route{Provider: "paid", Model: "big", Local: v.local},
	}, v.err
}

func TestEmbeddingsAreReservedAndPaid(t *testing.T) {
	fake := &vectors{Provider: paid()}
	b := &book{}
	e, ok := ledger.New(fake, ledger.Config{Tariff: said, Book: b, Budget: true}).Embedder()
	if !ok {
		t.Fatal("it has no Embedder")
	}
	req := provider.EmbedRequest{Input: []string{"one", "two"}}
	r, err := e.Embed(t.Context(), req)
	if err != nil || r.Route.Cost == nil || *r.Route.Cost.USD != 0.002 || r.Route.Cost.Saved != nil {
		t.Fatalf("%+v, %v", r.Route, err)
	}
	// A token for each byte, and nothing for an answer.
	if len(b.held) != 1 || b.held[0].USD < 6*2.0/1e6 || b.held[0].USD > 100*2.0/1e6 {
		t.Errorf("reserved: %+v", b.held)
	}
	if len(b.settled) != 1 || b.marks[0] != 1 || *b.settled[0].Cost.USD != 0.002 {
		t.Errorf("settled: %+v", b.settled)
	}
	b.refuse = &ledger.Over{Budget: "budget.per_day_usd"}
	if _, err := e.Embed(t.Context(), req); !errors.Is(err, provider.OverBudget) || fake.asked != 1 {
		t.Errorf("beyond the budget: %v, asked %d times", err, fake.asked)
	}
	b.refuse, fake.err = nil, &provider.Error{Kind: provider.Denied, Sent: true, Status: 401}
	if _, err := e.Embed(t.Context(), req); !errors.Is(err, provider.Denied) || b.released != 1 {
		t.Errorf("refused by the server: %v, %d released", err, b.released)
	}
}

func TestLocalEmbeddingsCostNothingAndClaimNoSaving(t *testing.T) {
	fake := &vectors{Provider: paid(), local: true}
	b := &book{}
	e, _ := ledger.New(fake, ledger.Config{Local: here, Book: b, Budget: true, Baseline: &ledger.Baseline{Name: "paid", Tariff: said}}).Embedder()
	r, err := e.Embed(t.Context(), provider.EmbedRequest{Input: []string{"one"}})
	if err != nil || *r.Route.Cost.USD != 0 || r.Route.Cost.Saved != nil || len(b.held) != 0 || len(b.settled) != 1 {
		t.Errorf("%+v, %v, held %v, settled %v", r.Route.Cost, err, b.held, b.settled)
	}
}

func TestAProviderWithoutEmbeddingsHasNoEmbedder(t *testing.T) {
	if _, ok := ledger.New(&providertest.Fake{}, ledger.Config{}).Embedder(); ok {
		t.Error("it has one")
	}
}
