package ledger_test

import (
	"context"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestALedgerChangesNothingOfAnAnswer(t *testing.T) {
	providertest.RunWrapper(t, func(_ *testing.T, inner provider.Provider) provider.Provider {
		return ledger.New(inner, ledger.Config{Tariff: said})
	})
	shared := &provider.Route{Provider: "fake"}
	e, ok := ledger.New(&embedsOne{route: shared}, ledger.Config{Tariff: said}).Embedder()
	if !ok {
		t.Fatal("no embedder")
	}
	r, err := e.Embed(t.Context(), provider.EmbedRequest{Input: []string{"a"}})
	if err != nil || r.Route.Cost == nil || shared.Cost != nil {
		t.Errorf("%+v, %v; the embedder's own route became %+v", r.Route, err, shared)
	}
}

// embedsOne yields one Route for all its vectors.
type embedsOne struct {
	providertest.Fake
	route *provider.Route
}

func (e *embedsOne) Embed(context.Context, provider.EmbedRequest) (provider.EmbedResponse, error) {
	return provider.EmbedResponse{Vectors: [][]float32{{1}}, Route: e.route}, nil
}
