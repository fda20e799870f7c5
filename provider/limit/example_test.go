package limit_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/limit"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// busy notes the most chats that it had at a time.
type busy struct {
	providertest.Fake
	now, most atomic.Int32
}

func (b *busy) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		n := b.now.Add(1)
		defer b.now.Add(-1)
		for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
		}
		time.Sleep(time.Millisecond)
		b.Fake.Chat(ctx, req)(yield)
	}
}

func ExampleNew() {
	server := &busy{}
	p := limit.New(server, limit.Config{MaxConcurrent: 2})
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			_, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("Hello")}}))
			if err != nil {
				fmt.Println(err)
			}
		})
	}
	all.Wait()
	fmt.Println("answered:", len(server.Calls()), "never more than two:", server.most.Load() <= 2)
	// Output: answered: 6 never more than two: true
}
