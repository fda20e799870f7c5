package ledger

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

func (l *Ledger) newAccount(ctx context.Context, model string, options map[string]any) *account {
	c := &account{l: l, book: l.bookFor(ctx), run: provider.RunOf(ctx).ID, caller: CallerOf(ctx).Name, requestedModel: model, began: time.Now()}
	if len(options)+len(l.cfg.Options) > 0 {
		c.unpricedOption, _ = l.cfg.Tariff.unpricedOption(model, l.cfg.Options, options)
	}
	return c
}

// account is one call's.
type account struct {
	l              *Ledger
	book           Book   // nil: the call is written down nowhere
	caller         string // the name of whom it is made for
	yield          func(provider.Chunk, error) bool
	run            string
	requestedModel string // the model, as in the request
	unpricedOption string // the option that makes the price unknown; "": none
	began          time.Time
	mark           int64           // of the reservation; 0: none
	also           Book            // the context's, of WithBudget; nil: none
	alsoMark       int64           // of the reservation there; 0: none
	reserved       float64         // what was reserved
	lease          *lease          // of the reservation; nil: none
	wrote          int             // bytes of content that came
	route          *provider.Route // of the whole answer; nil: none came
	usage          *provider.Usage
	failed         error
}

// relay passes an answer on, and settles what it cost.
func (c *account) relay(stream iter.Seq2[provider.Chunk, error], yield func(provider.Chunk, error) bool) {
	defer c.settle()
	c.yield = yield
	stream(c.take)
}

// take is the body of a loop over the answer.
func (c *account) take(chunk provider.Chunk, err error) bool {
	c.observe(&chunk, err)
	return c.yield(chunk, err) && err == nil
}

// observe takes in one chunk of the answer, and prices the last one.
func (c *account) observe(chunk *provider.Chunk, err error) {
	if err != nil {
		c.failed = err
		return
	}
	c.countContent(chunk)
	if chunk.Finish == "" {
		return
	}
	if chunk.Usage != nil && !chunk.Usage.Plausible(c.wrote) {
		chunk.Usage = nil
	}
	chunk.Route = c.priceAnswer(chunk.Route, chunk.Usage)
}

// countContent notes how much of the answer came.
func (c *account) countContent(chunk *provider.Chunk) {
	c.wrote += len(chunk.Text) + len(chunk.Thinking)
	for _, t := range chunk.ToolCalls {
		c.wrote += len(t.Name) + len(t.Arguments)
	}
}

// reserve sets aside what the call can cost, unless it is local and free.
func (c *account) reserve(ctx context.Context, req *provider.Request) error {
	h, err := c.l.reservationFor(ctx, req)
	if err != nil || h == nil {
		return err
	}
	if c.also = budgetOf(ctx); c.also != nil {
		if c.alsoMark, err = c.also.Reserve(ctx, *h); err != nil {
			return budgetError(ctx, h, err)
		}
	}
	if c.l.hasOwnBudget(ctx) {
		if c.mark, err = c.book.Reserve(ctx, *h); err != nil {
			if c.alsoMark != 0 {
				c.also.Release(c.alsoMark)
			}
			return budgetError(ctx, h, err)
		}
		c.lease = startLease(c.book, c.mark)
	}
	c.reserved = h.USD
	if req.MaxTokens == nil {
		req.MaxTokens = provider.Ptr(DefaultMaxTokens)
	}
	return nil
}

// priceAnswer notes a whole answer and returns its route with the cost.
func (c *account) priceAnswer(rt *provider.Route, u *provider.Usage) *provider.Route {
	out := &pricedRoute{Route: provider.Route{Provider: c.l.Name(), Model: c.requestedModel}}
	if rt != nil {
		out.Route = *rt
	}
	out.cost = c.answerCost(&out.Route, u, out)
	out.Cost = &out.cost
	c.route, c.usage = &out.Route, u
	return &out.Route
}

// pricedRoute is a route with what it points to: one piece of memory.
type pricedRoute struct {
	provider.Route
	cost       provider.Cost
	usd, saved float64
}

// answerCost is what an answer cost, with its amounts in the given place.
func (c *account) answerCost(rt *provider.Route, u *provider.Usage, in *pricedRoute) provider.Cost {
	l := c.l
	if rt.Local && !l.cfg.Tariff.priced() {
		cost := provider.Cost{USD: &in.usd, Basis: "local"}
		if s := l.cfg.Baseline; s != nil && u != nil {
			if price := s.Tariff.PriceOf("", ""); price.Known {
				in.saved = price.USD(*u)
				cost.Saved = &in.saved
				cost.Basis = "local; " + s.Name + " by its price: " + price.Basis
			}
		}
		return cost
	}
	price := l.cfg.Tariff.PriceOf(c.requestedModel, rt.Model)
	switch {
	case c.unpricedOption != "":
		return provider.Cost{Basis: "no price with the option " + c.unpricedOption}
	case !price.Known:
		return provider.Cost{Basis: price.Basis}
	case u == nil:
		return provider.Cost{Basis: "the server reported no usage"}
	}
	in.usd = price.USD(*u)
	return provider.Cost{USD: &in.usd, Basis: price.Basis}
}

// settle writes down how the call ended.
func (c *account) settle() {
	if c.book == nil && c.alsoMark == 0 {
		return
	}
	c.lease.stop()
	model := c.requestedModel
	if model == "" {
		model = c.l.cfg.Tariff.Model
	}
	e := Entry{Run: c.run, Caller: c.caller, Provider: c.l.Name(), Model: model, Began: c.began, Usage: c.usage}
	switch {
	case c.route != nil:
		e.Cost = *c.route.Cost
		if c.route.Model != "" {
			e.Model = c.route.Model
		}
	case c.wrote == 0 && !mayBeCharged(c.failed):
		if c.mark != 0 {
			c.book.Release(c.mark)
		}
		if c.alsoMark != 0 {
			c.also.Release(c.alsoMark)
		}
		return
	case c.mark == 0 && c.alsoMark == 0 && c.l.onMachine(context.Background()) && !c.l.runsRemotely(canceledContext(), c.requestedModel):
		return
	default:
		e.Cost.Basis = "the answer broke off"
	}
	if e.Cost.USD == nil && c.mark+c.alsoMark != 0 {
		e.AtMost = &c.reserved
	}
	if c.book != nil {
		c.book.Settle(c.mark, e)
	}
	if c.alsoMark != 0 {
		c.also.Settle(c.alsoMark, e)
	}
}

// canceledContext is a context with which nobody is asked anything.
func canceledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// mayBeCharged reports whether a call that gave no content may have been
// charged. Nil is a consumer that left, or a stream without an end; what is no
// *provider.Error is the caller's own context: what was sent till then is not
// known.
func mayBeCharged(err error) bool {
	var e *provider.Error
	return !errors.As(err, &e) || e.MayBeCharged()
}
