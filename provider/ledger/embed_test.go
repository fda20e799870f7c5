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
	local  bool
	err    error
	before bool // some inputs were answered before err
	asked  int
}

func (v *vectors) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	v.asked++
	if v.err != nil && !v.before {
		return provider.EmbedResponse{}, v.err
	}
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

// TestEmbeddingsThatFailedInPart: what the requests before a failure cost stays in
// the budget.
func TestEmbeddingsThatFailedInPart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    *provider.Error
		before bool
		want   string
	}{
		{"refused at once", &provider.Error{Kind: provider.RateLimited, Sent: true, Status: 429}, false, "released"},
		{"refused after others", &provider.Error{Kind: provider.RateLimited, Sent: true, Status: 429}, true, "usage"},
		{"not sent after others", &provider.Error{Kind: provider.Unavailable}, true, "usage"},
		{"broke off after others", &provider.Error{Kind: provider.Unavailable, Sent: true}, true, "at most"},
	} {
		b := &book{}
		e, _ := ledger.New(&vectors{Provider: paid(), err: tt.err, before: tt.before}, ledger.Config{Tariff: said, Book: b, Budget: true}).Embedder()
		if _, err := e.Embed(t.Context(), provider.EmbedRequest{Input: []string{"one", "two"}}); !errors.Is(err, tt.err.Kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
		got := "released"
		if len(b.settled) == 1 {
			switch s := b.settled[0]; {
			case s.Cost.USD != nil && *s.Cost.USD == 0.002:
				got = "usage"
			case s.AtMost != nil && *s.AtMost == b.held[0].USD:
				got = "at most"
			}
		}
		if got != tt.want || b.released+len(b.settled) != 1 {
			t.Errorf("%s: %s, want %s (%d released, settled %+v)", tt.name, got, tt.want, b.released, b.settled)
		}
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
