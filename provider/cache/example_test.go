package cache_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func ExampleNew() {
	ctx := context.Background()
	model := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("Paris"), providertest.Text("another")}}
	store := &cache.Memory{}
	p := cache.New(model, cache.Config{Store: store})
	req := provider.Request{Messages: []provider.Message{provider.User("The capital of France?")}, Temperature: provider.Ptr(0.0)}
	for range 2 {
		answer, err := provider.Collect(p.Chat(ctx, req))
		fmt.Println(answer.Text, cache.Hit(answer.Route), err)
	}
	stats, err := store.Stats(ctx)
	fmt.Println(stats.Entries, stats.Hits, err)
	// Output:
	// Paris false <nil>
	// Paris true <nil>
	// 1 1 <nil>
}

func ExampleHit() {
	fmt.Println(cache.Hit(&provider.Route{Provider: "local", Reason: "first choice"}))
	// Output: false
}

// A request can forbid the cache.
func ExampleWithUse() {
	model := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("first"), providertest.Text("second")}}
	p := cache.New(model, cache.Config{Store: &cache.Memory{}, Insist: true})
	req := provider.Request{Messages: []provider.Message{provider.User("Hi")}}
	for _, use := range []cache.Use{cache.Full, cache.Full, cache.Refresh, cache.Full} {
		answer, err := provider.Collect(p.Chat(cache.WithUse(context.Background(), use), req))
		fmt.Println(answer.Text, err)
	}
	// Output:
	// first <nil>
	// first <nil>
	// second <nil>
	// second <nil>
}
