package provider_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/router"
)

// fails is a paid provider of which each call fails in one way.
type fails struct {
	err   error
	calls int
}

func (f *fails) Name() string                                     { return "paid" }
func (f *fails) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (f *fails) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		f.calls++
		yield(provider.Chunk{}, f.err)
	}
}

// entries is a ledger.Book that only counts what may have been charged.
type entries struct{ n int }

func (b *entries) Reserve(context.Context, ledger.Reservation) (int64, error) { return 1, nil }
func (b *entries) Fits(context.Context, ledger.Reservation) error             { return nil }
func (b *entries) Renew(int64)                                                {}
func (b *entries) Release(int64)                                              {}
func (b *entries) Settle(int64, ledger.Entry)                                 { b.n++ }

// What a budget counts as perhaps charged, no router sends a second time; and what
// it does not count is retried as far as the kind is. Over all kinds and statuses.
func TestWhatMayBeChargedIsDecidedOnce(t *testing.T) {
	ask := func(p provider.Provider) {
		for range p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}) {
		}
	}
	retried := func(e *provider.Error, always bool) bool {
		f := &fails{err: e}
		r, err := router.New(router.Config{
			Targets: []router.Target{{Provider: f, Paid: true}},
			Policy:  router.Policy{RetryPaid: always},
			Clock:   router.Clock{Sleep: func(context.Context, time.Duration) error { return nil }},
		})
		if err != nil {
			t.Fatal(err)
		}
		ask(r)
		return f.calls > 1
	}
	kinds := []provider.Kind{
		provider.Unavailable, provider.RateLimited, provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.ContextOverflow,
		provider.OutOfMemory, provider.Unsupported, provider.Invalid, provider.Filtered, provider.Truncated, provider.BadAnswer, provider.Timeout,
	}
	yes, no := 0, 0
	for _, kind := range kinds {
		for _, sent := range []bool{true, false} {
			for status := range 600 {
				if status > 0 && status < 100 || status > 0 && !sent {
					continue
				}
				e := &provider.Error{Kind: kind, Provider: "paid", Status: status, Sent: sent, Err: fmt.Errorf("status %d", status)}
				book := &entries{}
				ask(ledger.New(&fails{err: e}, ledger.Config{Book: book}))
				counted := book.n == 1
				if counted != e.MayBeCharged() {
					t.Errorf("%s, sent %v, status %d: the ledger counts it: %v", kind, sent, status, counted)
				}
				again, allowed := retried(e, false), retried(e, true)
				if again != (allowed && !counted) {
					t.Errorf("%s, sent %v, status %d: may be charged %v, retried %v, with retry_paid %v", kind, sent, status, counted, again, allowed)
				}
				switch {
				case allowed && counted:
					yes++
				case allowed:
					no++
				}
			}
		}
	}
	if yes == 0 || no == 0 {
		t.Errorf("%d may be charged, %d not: one of them was not seen", yes, no)
	}
}

func TestMayBeCharged(t *testing.T) {
	for _, c := range []struct {
		kind   provider.Kind
		status int
		sent   bool
		want   bool
	}{
		{provider.Unavailable, 0, true, true},
		{provider.Unavailable, 0, false, false},
		{provider.Truncated, 200, true, true},
		{provider.Timeout, 0, true, true},
		{provider.Invalid, 400, true, false},
		{provider.Timeout, 408, true, false},
		{provider.Unavailable, 500, true, false},
		{provider.Unavailable, 503, true, false},
		{provider.Unavailable, 529, true, false}, // Anthropic: overloaded
		{provider.Unavailable, 502, true, true},
		{provider.Timeout, 504, true, true}, // a gateway
		{provider.Unavailable, 520, true, true},
		{provider.Timeout, 524, true, true}, // Cloudflare: the server answered nothing, or not in time
		{provider.Unavailable, 521, true, false},
		{provider.Unavailable, 522, true, false}, // Cloudflare: no connection to the server
		{provider.RateLimited, 200, true, false},
		{provider.QuotaExhausted, 0, true, false},
		{provider.Denied, 200, true, false}, // in the body of a 200
	} {
		if e := (&provider.Error{Kind: c.kind, Status: c.status, Sent: c.sent}); e.MayBeCharged() != c.want {
			t.Errorf("%s, status %d, sent %v: %v", c.kind, c.status, c.sent, !c.want)
		}
	}
}
