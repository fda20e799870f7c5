package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Book is where calls and their costs are written down. It is safe for
// concurrent use, and where it keeps a budget it does so across processes.
type Book interface {
	// Reserve sets h.USD aside, if every budget has that much left, and
	// returns a mark above 0. A reservation counts as spent until it is
	// settled, released, or has expired for want of Renew.
	// Errors: *[Over]; ctx's own; any other means that the book cannot be kept.
	Reserve(ctx context.Context, h Reservation) (mark int64, err error)
	// Fits returns the error that Reserve would, and reserves nothing.
	Fits(ctx context.Context, h Reservation) error
	// Renew says that the call is still under way. It does nothing to a
	// reservation that was settled or released meanwhile.
	Renew(mark int64)
	// Settle puts e in the place of a reservation, or, with mark 0, adds it.
	Settle(mark int64, e Entry)
	// Release gives a reservation back: the call cost nothing.
	Release(mark int64)
}

// Reservation is what is to be reserved.
type Reservation struct {
	Run      string // whose budget per run counts, as provider.Run.ID; "": a run of its own
	Provider string
	Model    string
	USD      float64 // the most that the call can cost
	Caller   Caller  // whose budget counts besides; the zero Caller: nobody's
}

// Entry is one call as it is written down.
type Entry struct {
	Run      string
	Caller   string // the name of whom it was made for; "": nobody said
	Provider string
	Model    string // as the engine named it, or else as it was asked for
	Began    time.Time
	Usage    *provider.Usage // nil: not told
	Cost     provider.Cost
	// AtMost is what a call may have cost of which that is not known: it
	// broke off, or its server reported no usage. Nil: Cost says it, or nobody
	// knows.
	AtMost *float64
}

// Over is why a reservation is refused.
type Over struct {
	Budget string  // the key in the configuration, such as "budget.per_day_usd", or whose it is
	Caller string  // whose budget it is; "": that of all
	Limit  float64 // US dollars
	Left   float64 // of Limit, with what is reserved taken off; not below 0
	Need   float64 // what the call could cost
}

// Error names the budget, what is left of it, and what the call could cost.
func (o *Over) Error() string {
	return fmt.Sprintf("%s is %s, with %s left, and this call could cost up to %s",
		o.Budget, Dollars(o.Limit), Dollars(o.Left), Dollars(o.Need))
}
