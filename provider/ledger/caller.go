package ledger

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// Caller is on whose behalf calls are made, where one program serves several.
type Caller struct {
	Name string // by which a [Book] knows it again; not empty
	// PerDayUSD is its budget from midnight to midnight, besides those of the book; nil:
	// none of its own.
	PerDayUSD *float64
}

type callerKey struct{}

// WithCaller returns a context whose calls are made on behalf of c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns on whose behalf the calls of a context are made; the zero Caller if
// nobody said.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

type budgetKey struct{}

// WithBudget returns a context whose calls are reserved in b, too, besides the budgets
// of their ledgers: a budget that is kept elsewhere, such as that of work which several
// machines share.
func WithBudget(ctx context.Context, b Book) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

// budgetOf is the book of [WithBudget]; nil: none.
func budgetOf(ctx context.Context) Book {
	b, _ := ctx.Value(budgetKey{}).(Book)
	return b
}

// hasBudget reports whether a call has to be reserved, for the book's budgets, its
// caller's or its context's.
func (l *Ledger) hasBudget(ctx context.Context) bool {
	return l.hasOwnBudget(ctx) || budgetOf(ctx) != nil
}

// hasOwnBudget reports whether it has to be reserved in the ledger's own book.
func (l *Ledger) hasOwnBudget(ctx context.Context) bool {
	return l.cfg.Budget || CallerOf(ctx).PerDayUSD != nil
}

// bookFor is where a call is written down; nil: nowhere.
func (l *Ledger) bookFor(ctx context.Context) Book {
	if l.cfg.Book == nil && CallerOf(ctx).PerDayUSD != nil {
		return l.cfg.Callers
	}
	return l.cfg.Book
}

// whose says which budget makes that a call needs a known price.
func whose(ctx context.Context) string {
	if c := CallerOf(ctx); c.PerDayUSD != nil {
		return fmt.Sprintf("the key %q has a budget", c.Name)
	}
	return "a budget is set"
}

// noBook is why a caller's call is refused whose budget nothing keeps.
func (l *Ledger) noBook(h *Reservation) error {
	return provider.Errorf(provider.OverBudget, h.Provider, h.Model, "the key %q has a budget, and there is no directory to keep it in, so nothing was sent", h.Caller.Name)
}
