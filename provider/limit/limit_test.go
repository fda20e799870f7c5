package limit_test

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/limit"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hello() provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User("hi")}}
}

// counted knows how many chats run, and how many ran at most.
type counted struct {
	provider.Provider
	now, most atomic.Int64
}

func (c *counted) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		n := c.now.Add(1)
		defer c.now.Add(-1)
		for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
		}
		c.Provider.Chat(ctx, req)(yield)
	}
}

func TestNoMoreThanSoManyAtATime(t *testing.T) {
	c := &counted{Provider: &providertest.Fake{}}
	p := limit.New(c, limit.Config{MaxConcurrent: 3})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if r, err := provider.Collect(p.Chat(t.Context(), hello())); err != nil || r.Text != "ok" {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if n := c.most.Load(); n < 1 || n > 3 {
		t.Errorf("%d ran at a time, want at most 3", n)
	}
}

func TestAPlaceIsGivenBackAndWaitingEnds(t *testing.T) {
	p := limit.New(&providertest.Fake{Answers: []providertest.Answer{providertest.Text("one", "two")}}, limit.Config{MaxConcurrent: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range p.Chat(t.Context(), hello()) { // holds the place
		cancel()
		if _, err := provider.Collect(p.Chat(ctx, hello())); err != context.Canceled {
			t.Errorf("a caller who gives up waiting: %v, want context.Canceled unchanged", err)
		}
		break
	}
	if r, err := provider.Collect(p.Chat(t.Context(), hello())); err != nil || r.Text != "onetwo" {
		t.Errorf("after the one before has left: %+v, %v", r, err)
	}
}

func TestLimitedIsWell(t *testing.T) {
	providertest.TestLive(t, providertest.Live{
		New: func(*testing.T) provider.Provider {
			return limit.New(&providertest.Fake{
				List: []provider.Model{{Name: "m"}}, Answers: []providertest.Answer{providertest.Text("red", " orange", " yellow", " green", " blue")},
			}, limit.Config{MaxConcurrent: 2})
		},
		Model: "m", Endpoint: "fake://fake", Answers: "fake", Seed: true, Lists: true,
	})
}

func TestNoLimit(t *testing.T) {
	for _, n := range []int{0, -1} {
		if r, err := provider.Collect(limit.New(&providertest.Fake{}, limit.Config{MaxConcurrent: n}).Chat(t.Context(), hello())); err != nil || r.Finish == "" {
			t.Errorf("limit %d: %+v, %v", n, r, err)
		}
	}
}

// Who has to wait is told so, and who has not is not.
func TestWaitingIsTold(t *testing.T) {
	told := make(chan struct{}, 9)
	p := limit.New(&providertest.Fake{}, limit.Config{MaxConcurrent: 1, Waiting: func() { told <- struct{}{} }})
	second := make(chan error, 1)
	for _, err := range p.Chat(t.Context(), hello()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(told) > 0 {
			t.Fatal("the first one is told to wait")
		}
		go func() {
			_, err := provider.Collect(p.Chat(t.Context(), hello()))
			second <- err
		}()
		<-told
		break
	}
	if err := <-second; err != nil || len(told) > 0 {
		t.Errorf("%v, told %d times more", err, len(told))
	}
}
