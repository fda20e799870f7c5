// Package ledger knows what calls cost. A [Ledger] around one provider sets
// each answer's Route.Cost, from the usage that the server gave and a price
// that somebody wrote down, and keeps a budget: what a call could cost at most
// is reserved before it is made, and what it did cost takes that place after.
//
// What a failed call costs: one that never reached the server, or that the server
// refused, costs nothing. Any other, and one of which a part came, may have been
// charged ([provider.Error.MayBeCharged]), and the amount is unknown: it counts
// with the most that it can have cost.
package ledger

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/tandem-llm/tandem/provider"
)

// Config says what the provider's calls cost, and where that is written down.
type Config struct {
	Tariff Tariff
	// Options are the provider's own, under those of each request: some change
	// what a call costs.
	Options map[string]any
	// Local reports whether the provider is on this machine: what has no price
	// of its own costs nothing there. Nil: it is not.
	Local func(context.Context) bool
	// RunsRemotely reports whether such a provider has a model run elsewhere, as far
	// as is known: that is not free. Nil: none is.
	RunsRemotely func(ctx context.Context, model string) bool
	// Unpriced is what to do where a budget refuses a call whose price is not
	// known; empty: set `price` for the provider.
	Unpriced string
	// Baseline is the priced provider that would have answered in a local
	// one's place; nil: there is none.
	Baseline *Baseline
	// Book takes every call; nil: none is written down.
	Book Book
	// Budget says that Book keeps one: each call that could cost something is
	// reserved first, and refused where its price is not known.
	Budget bool
	// Callers takes the calls of callers with a budget of their own (see [WithCaller])
	// where Book is nil; nil: such calls are refused unless they cost nothing.
	Callers Book
}

// Baseline is a provider by whose price is told what a local answer saved.
type Baseline struct {
	Name   string // the provider's
	Tariff Tariff
}

// Ledger is a provider that knows what it costs. Make one with [New].
type Ledger struct {
	provider.Provider
	cfg Config
}

var _ provider.Wrapper = (*Ledger)(nil)

// New returns a ledger around p.
func New(p provider.Provider, cfg Config) *Ledger { return &Ledger{Provider: p, cfg: cfg} }

// Unwrap returns the provider whose costs are kept.
func (l *Ledger) Unwrap() provider.Provider { return l.Provider }

// Chat asks the provider. Besides the provider's errors there is OverBudget,
// before any call.
func (l *Ledger) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if l.hasBudget(ctx) {
		return l.chatWithinBudget(ctx, req)
	}
	stream, model, options := l.Provider.Chat(ctx, req), req.Model, req.Options
	return func(yield func(provider.Chunk, error) bool) {
		l.newAccount(ctx, model, options).relay(stream, yield)
	}
}

// chatWithinBudget is Chat with a reservation before the call, which may bound
// the answer.
func (l *Ledger) chatWithinBudget(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		c := l.newAccount(ctx, req.Model, req.Options)
		if err := c.reserve(ctx, &req); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		c.relay(l.Provider.Chat(ctx, req), yield)
	}
}

// reservationFor is what a request would reserve; nil: nothing, for it costs nothing.
func (l *Ledger) reservationFor(ctx context.Context, req *provider.Request) (*Reservation, error) {
	model := req.Model
	if model == "" {
		model = l.cfg.Tariff.Model
	}
	price := l.cfg.Tariff.PriceOf(req.Model, "")
	switch free := l.free(ctx, req.Model); {
	case free:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !price.Known:
		return nil, provider.Errorf(provider.OverBudget, l.Name(), model, "%s, but %s; %s", whose(ctx), price.Basis, cmp.Or(l.cfg.Unpriced, "set `price` for the provider in the configuration"))
	}
	if err := l.checkOptions(ctx, req, model); err != nil {
		return nil, err
	}
	h := &Reservation{Run: provider.RunOf(ctx).ID, Provider: l.Name(), Model: model, USD: price.Worst(req), Caller: CallerOf(ctx)}
	if l.hasOwnBudget(ctx) && l.bookFor(ctx) == nil {
		return nil, l.noBook(h)
	}
	return h, nil
}

// budgetError is why a reservation was not had.
func budgetError(ctx context.Context, h *Reservation, err error) error {
	var over *Over
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &over):
		return provider.Errorf(provider.OverBudget, h.Provider, h.Model, "%w", over)
	}
	return provider.Errorf(provider.OverBudget, h.Provider, h.Model, "the budget cannot be kept, so nothing was sent: %w", err)
}

// Fits returns the error with which Chat would refuse a request for its
// budget, or nil. It reserves nothing: another call may take the rest.
func (l *Ledger) Fits(ctx context.Context, req *provider.Request) error {
	if !l.hasBudget(ctx) {
		return nil
	}
	h, err := l.reservationFor(ctx, req)
	if err != nil || h == nil {
		return err
	}
	if l.hasOwnBudget(ctx) {
		err = l.bookFor(ctx).Fits(ctx, *h)
	}
	if b := budgetOf(ctx); b != nil && err == nil {
		err = b.Fits(ctx, *h)
	}
	if err != nil {
		return budgetError(ctx, h, err)
	}
	return nil
}

// Quote is what a prompt of so many tokens costs, in US dollars, without its
// answer. It reports whether that is known.
func (l *Ledger) Quote(ctx context.Context, req *provider.Request, promptTokens int) (usd float64, known bool) {
	if l.free(ctx, req.Model) {
		return 0, true
	}
	price := l.cfg.Tariff.PriceOf(req.Model, "")
	return price.USD(provider.Usage{InputTokens: promptTokens}), price.Known
}

// free reports whether a model's calls cost nothing: on this machine, where the
// server has no price for any model (one that has may be a gateway), and does
// not pass this one on.
func (l *Ledger) free(ctx context.Context, asked string) bool {
	return l.onMachine(ctx) && !l.runsRemotely(ctx, asked)
}

func (l *Ledger) onMachine(ctx context.Context) bool {
	return l.cfg.Local != nil && !l.cfg.Tariff.priced() && l.cfg.Local(ctx)
}

func (l *Ledger) runsRemotely(ctx context.Context, asked string) bool {
	return l.cfg.RunsRemotely != nil && l.cfg.RunsRemotely(ctx, asked)
}
