package ledger_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// patientBook notes when a reservation was renewed.
type patientBook struct {
	book
	renewed []time.Time
}

func (b *patientBook) Renew(int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renewed = append(b.renewed, time.Now())
}

// slow is a provider that says nothing for a long time, then something, and
// then nothing again.
type slow struct {
	*providertest.Fake
	silence time.Duration
	err     error
}

func (s slow) Chat(ctx context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		wait := func() bool {
			select {
			case <-time.After(s.silence):
				return true
			case <-ctx.Done():
				yield(provider.Chunk{}, ctx.Err())
				return false
			}
		}
		if !wait() || !yield(provider.Chunk{Text: "a"}, nil) || !wait() {
			return
		}
		if s.err != nil {
			yield(provider.Chunk{}, s.err)
			return
		}
		yield(provider.Chunk{Finish: provider.FinishStop, Usage: usage, Route: &provider.Route{}}, nil)
	}
}

// A reservation is renewed while its call is under way, long before an hour is
// over, and never after its end.
func TestAReservationIsRenewedWhileTheCallLives(t *testing.T) {
	cut := provider.Errorf(provider.Truncated, "", "", "cut")
	for _, c := range []struct {
		name  string
		end   error         // of the provider
		leave time.Duration // the caller goes away then; 0: not
	}{{"an answer", nil, 0}, {"a failure", cut, 0}, {"a caller who leaves", nil, 90 * time.Minute}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.leave > 0 {
					time.AfterFunc(c.leave, cancel)
				}
				b := &patientBook{}
				began := time.Now()
				_, _ = ask(ctx, ledger.New(slow{&providertest.Fake{}, 3 * time.Hour, c.end}, ledger.Config{Tariff: said, Book: b, Budget: true}), provider.Request{})
				ended := time.Now()
				if len(b.settled) != 1 || ended.Sub(began) < time.Hour {
					t.Fatalf("settled %+v after %v", b.settled, ended.Sub(began))
				}
				last := began
				for _, at := range append(slices.Clone(b.renewed), ended) {
					if at.Sub(last) > 10*time.Minute {
						t.Errorf("not renewed from %v to %v", last, at)
					}
					last = at
				}
				time.Sleep(2 * time.Hour)
				if n := len(b.renewed); n == 0 || b.renewed[n-1].After(ended) {
					t.Errorf("renewed %d times, the last time at %v; the call ended at %v", n, b.renewed[max(n-1, 0)], ended)
				}
			})
		})
	}
}

// stuckBook takes a day to renew anything.
type stuckBook struct{ book }

func (*stuckBook) Renew(int64) { time.Sleep(24 * time.Hour) }

// An answer does not wait for a book that is busy renewing its reservation.
func TestAnAnswerDoesNotWaitForARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &stuckBook{}
		began := time.Now()
		r, err := ask(t.Context(), ledger.New(slow{&providertest.Fake{}, time.Hour, nil}, ledger.Config{Tariff: said, Book: b, Budget: true}), provider.Request{})
		if took := time.Since(began); err != nil || r.Text != "a" || took != 2*time.Hour {
			t.Errorf("%+v, %v, after %v; want 2h", r, err, took)
		}
		if len(b.settled) != 1 {
			t.Errorf("settled %+v", b.settled)
		}
		time.Sleep(48 * time.Hour) // the renewal ends, and no other begins
	})
}
