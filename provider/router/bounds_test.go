package router_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// A server whose clients ask again by themselves bounds what one request may cost.
func ExampleWithBounds() {
	var targets []router.Target
	for _, name := range []string{"a", "b", "c"} {
		targets = append(targets, router.Target{Provider: &providertest.Fake{ProviderName: name, Answers: []providertest.Answer{providertest.Fails(provider.Timeout)}}})
	}
	r, err := router.New(router.Config{Use: []string{"a", "b", "c"}, Targets: targets})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := router.WithBounds(context.Background(), router.Bounds{Generations: 2, NoRetries: true})
	_, err = provider.Collect(r.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("Hi")}}))
	fmt.Println(provider.KindOf(err))
	// Output: timeout
}

func ExampleGenerated() {
	cut := &provider.Error{Kind: provider.Truncated, Sent: true}
	busy := &provider.Error{Kind: provider.RateLimited, Status: 429, Sent: true}
	fmt.Println(router.Generated(cut), router.Generated(busy))
	// Output: true false
}

// Calls that may have had a model at work are counted over all targets; those that were
// refused are not, and their retries can be left to the client.
func TestBounds(t *testing.T) {
	generated := providertest.Answer{Err: &provider.Error{Kind: provider.Truncated, Sent: true}}
	refused := providertest.Answer{Err: &provider.Error{Kind: provider.Unavailable, Status: 503, Sent: true}}
	for name, c := range map[string]struct {
		answer providertest.Answer
		bounds router.Bounds
		calls  int
	}{
		"generations":               {generated, router.Bounds{Generations: 2}, 2},
		"one":                       {generated, router.Bounds{Generations: 1}, 1},
		"refused":                   {refused, router.Bounds{Generations: 1, NoRetries: true}, 3},
		"no bounds, and no retries": {generated, router.Bounds{NoRetries: true}, 3},
	} {
		var targets []router.Target
		var fakes []*providertest.Fake
		for _, name := range []string{"a", "b", "c"} {
			f := &providertest.Fake{ProviderName: name, Answers: []providertest.Answer{c.answer}}
			fakes, targets = append(fakes, f), append(targets, router.Target{Provider: f})
		}
		r, err := router.New(router.Config{Use: []string{"a", "b", "c"}, Targets: targets})
		if err != nil {
			t.Fatal(err)
		}
		_, err = provider.Collect(r.Chat(router.WithBounds(t.Context(), c.bounds), provider.Request{Messages: []provider.Message{provider.User("Hi")}}))
		n := 0
		for _, f := range fakes {
			n += len(f.Calls())
		}
		if err == nil || n != c.calls {
			t.Errorf("%s: %d calls, %v; want %d", name, n, err, c.calls)
		}
	}
}
