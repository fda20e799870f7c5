package pool_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func ExampleNew() {
	// Usually each is an ollama.Provider, or an openai.Provider, with an address of its own.
	down := &providertest.Fake{Answers: []providertest.Answer{providertest.Fails(provider.Unavailable)}}
	up := &providertest.Fake{}
	p, err := pool.New(pool.Config{Name: "fake", Hosts: []pool.Host{
		{Name: "gpu1:11434", Provider: down},
		{Name: "gpu2:11434", Provider: up},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("Hello")}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("answered by", r.Route.Who())
	fmt.Println(p.Endpoint())
	for _, h := range p.Look(context.Background()) { // Status says what is known without asking
		fmt.Println(h.Host, h.State, h.InFlight)
	}
	fmt.Println(len(p.Status()))
	// Output:
	// answered by fake/gpu2:11434
	// gpu1:11434, gpu2:11434
	// gpu1:11434 up 0
	// gpu2:11434 up 0
	// 2
}

func ExampleStanding_Good() {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	s := pool.Standing{Refusals: []pool.Refusal{{Model: "qwen3:8b", Kind: provider.OutOfMemory, Until: now.Add(time.Minute)}}}
	fmt.Println(s.Good(now), s.Good(now.Add(time.Hour)))
	// Output: false true
}
