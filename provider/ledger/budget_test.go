package ledger_test

import (
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// A context's budget counts besides the ledger's own, and each keeps what it should.
func TestABudgetOfAContext(t *testing.T) {
	refused := &ledger.Over{Budget: "b", Limit: 1}
	for _, c := range []struct {
		name                  string
		own, shared           *book
		unsent                bool
		over                  bool
		ownSettled, ownBack   int
		sharedSettled, shBack int
	}{
		{name: "shared only", shared: &book{}, sharedSettled: 1},
		{name: "both", own: &book{}, shared: &book{}, ownSettled: 1, sharedSettled: 1},
		{name: "shared is used up", own: &book{}, shared: &book{refuse: refused}, over: true},
		{name: "own is used up", own: &book{refuse: refused}, shared: &book{}, over: true, shBack: 1},
		{name: "the call cost nothing", own: &book{}, shared: &book{}, unsent: true, ownBack: 1, shBack: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := paid()
			if c.unsent {
				p = paid(providertest.Answer{Err: provider.Errorf(provider.Unavailable, "", "", "refused")})
			}
			cfg := ledger.Config{Tariff: said}
			if c.own != nil {
				cfg.Book, cfg.Budget = c.own, true
			}
			_, err := ask(ledger.WithBudget(t.Context(), c.shared), ledger.New(p, cfg), provider.Request{MaxTokens: provider.Ptr(10)})
			if errors.Is(err, provider.OverBudget) != c.over || !c.over && !c.unsent && err != nil {
				t.Fatal(err)
			}
			if c.own != nil && (len(c.own.settled) != c.ownSettled || c.own.released != c.ownBack) {
				t.Errorf("own: %d settled, %d released", len(c.own.settled), c.own.released)
			}
			if len(c.shared.settled) != c.sharedSettled || c.shared.released != c.shBack {
				t.Errorf("shared: %d settled, %d released", len(c.shared.settled), c.shared.released)
			}
		})
	}
}
