package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/provider/ledger"
)

// account is what a batch may spend, and has spent or reserved, in billionths of a
// dollar. All nodes change it, each from what it was. A change that is tried again, because
// nobody knows whether it was made, is made once.
type account struct {
	Limit int64            `json:"limit"`
	Spent int64            `json:"spent"`
	Held  map[string]int64 `json:"held,omitempty"` // for calls under way
	// Made tells this account from one that the cluster has lost.
	Made string `json:"made,omitempty"`
}

func (a *account) left() int64 {
	left := a.Limit - a.Spent
	for _, n := range a.Held {
		left -= n
	}
	return left
}

func nano(usd float64) int64 {
	n := math.Ceil(usd*1e9 - 1e-3) // less than the error of a sum of floats
	if !(n < math.MaxInt64/4) {
		return math.MaxInt64 / 4
	}
	return int64(max(n, 0))
}

func dollars(n int64) float64 { return float64(n) / 1e9 }

// Budget is the budget of a batch as a [ledger.Book] of one node. What a call can cost is
// taken from it before the call, on all nodes together. That of a node that was killed
// stays taken: nobody can say what became of its calls.
type Budget struct {
	kv    jetstream.KeyValue
	nonce string
	last  atomic.Int64
	told  func(ledger.Over)

	mu   sync.Mutex
	from map[int64]string // which account an amount was taken from
}

var _ ledger.Book = (*Budget)(nil)

// Budget is that of the batch. told, if not nil, is told of a call that it has no room
// for.
func (l *Lease) Budget(told func(ledger.Over)) *Budget {
	return &Budget{kv: l.kv, nonce: randomID(), told: told}
}

// holdTime is how long a call waits for what others have taken and may give back.
const holdTime = 2 * time.Minute

// Reserve takes an amount. It waits for calls under way that may come to less than was
// taken for them. See [ledger.Book].
func (b *Budget) Reserve(ctx context.Context, h ledger.Reservation) (int64, error) {
	need, mark := nano(h.USD), b.last.Add(1)
	for began := time.Now(); ; {
		spent := false
		err := b.change(ctx, func(a *account) error {
			if _, has := a.Held[b.key(mark)]; has {
				return nil
			}
			if spent = need > a.Limit-a.Spent; need > a.left() {
				return a.over(need)
			}
			if a.Held == nil {
				a.Held = map[string]int64{}
			}
			a.Held[b.key(mark)] = need
			b.mu.Lock()
			if b.from == nil {
				b.from = map[int64]string{}
			}
			b.from[mark] = a.Made
			b.mu.Unlock()
			return nil
		})
		var over *ledger.Over
		switch {
		case err == nil:
			return mark, nil
		case errors.Is(err, jetstream.ErrKeyNotFound) && time.Since(began) < holdTime:
			// The cluster has lost the account: who has the batch makes it anew.
		case !errors.As(err, &over):
			go b.settle(mark, 0) //nolint:gosec // it may have been taken all the same, and the context that is there may have ended
			return 0, err
		case spent || time.Since(began) > holdTime:
			return 0, b.refused(over)
		}
		if pause(ctx, 200*time.Millisecond); ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
}

// refused tells of a call that there is no room for.
func (b *Budget) refused(over *ledger.Over) error {
	if b.told != nil {
		b.told(*over)
	}
	return over
}

// over is the error of an amount that is not left.
func (a *account) over(need int64) *ledger.Over {
	return &ledger.Over{Budget: "the budget of the batch", Limit: dollars(a.Limit), Left: dollars(max(0, a.left())), Need: dollars(need)}
}

func (b *Budget) key(mark int64) string { return b.nonce + "-" + strconv.FormatInt(mark, 36) }

// Fits tells whether an amount can be taken, now or when calls under way have ended. See
// [ledger.Book].
func (b *Budget) Fits(ctx context.Context, h ledger.Reservation) error {
	a, _, err := readAccount(ctx, b.kv)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil // Reserve waits for it
	}
	if err != nil {
		return err
	}
	if need := nano(h.USD); need > a.Limit-a.Spent {
		return b.refused(a.over(need))
	}
	return nil
}

// Renew does nothing: what is taken stays so.
func (b *Budget) Renew(int64) {}

// Settle puts what a call has cost in the place of what was taken for it.
func (b *Budget) Settle(mark int64, e ledger.Entry) {
	spent := int64(0)
	switch {
	case e.Cost.USD != nil:
		spent = nano(*e.Cost.USD)
	case e.AtMost != nil:
		spent = nano(*e.AtMost)
	}
	b.settle(mark, spent)
}

// Release gives back what was taken: the call cost nothing.
func (b *Budget) Release(mark int64) { b.settle(mark, 0) }

// settleTime is how long is tried to give back what a call has not cost. What cannot be
// given back counts as spent.
const settleTime = time.Minute

// It writes also where nothing was taken: what is on its way to be taken is then refused.
func (b *Budget) settle(mark, spent int64) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	b.mu.Lock()
	from, known := b.from[mark]
	delete(b.from, mark)
	b.mu.Unlock()
	for ctx.Err() == nil {
		err := b.change(ctx, func(a *account) error {
			if _, has := a.Held[b.key(mark)]; has || known && from != a.Made {
				delete(a.Held, b.key(mark))
				a.Spent += spent
			}
			return nil
		})
		if err == nil || gone(err) {
			return
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// change changes the account, from what it is then.
func (b *Budget) change(ctx context.Context, do func(*account) error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		a, revision, err := readAccount(ctx, b.kv)
		if err != nil {
			return err
		}
		if err := do(&a); err != nil {
			return err
		}
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		call, cancel := within(ctx)
		_, err = b.kv.Update(call, budgetKey, text, revision)
		cancel()
		if !conflict(err) {
			return err
		}
		pause(ctx, time.Duration(rand.Int64N(int64(wait)))) //nolint:gosec // so that nodes do not collide again
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func readAccount(ctx context.Context, kv jetstream.KeyValue) (a account, revision uint64, err error) {
	call, cancel := within(ctx)
	defer cancel()
	entry, err := kv.Get(call, budgetKey)
	if err != nil {
		return a, 0, err
	}
	return a, entry.Revision(), json.Unmarshal(entry.Value(), &a)
}

// setBudget sets the limit of a batch's budget. What is spent stays; spent is what was
// before the cluster knew of the batch.
func setBudget(ctx context.Context, kv jetstream.KeyValue, limit, spent float64) error {
	for {
		a, revision, err := readAccount(ctx, kv)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			a, revision, err = account{Spent: nano(spent), Made: randomID()}, 0, nil
		}
		if err != nil {
			return err
		}
		a.Limit = int64(math.Floor(limit*1e9 + 1e-3))
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		call, cancel := within(ctx)
		if revision == 0 {
			_, err = kv.Create(call, budgetKey, text)
		} else {
			_, err = kv.Update(call, budgetKey, text, revision)
		}
		cancel()
		if !conflict(err) {
			return err
		}
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
