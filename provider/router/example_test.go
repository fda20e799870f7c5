package router_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// The local one has not the model, so the hosted one stands in, and says so.
func ExampleNew() {
	local := &providertest.Fake{ProviderName: "local", Answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound)}}
	hosted := &providertest.Fake{ProviderName: "hosted", Answers: []providertest.Answer{providertest.Text("Paris")}}
	r, err := router.New(router.Config{Use: []string{"local", "hosted"}, Targets: []router.Target{{Provider: local}, {Provider: hosted}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := provider.Collect(r.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("The capital of France?")}}))
	fmt.Println(answer.Text, err)
	for _, a := range answer.Route.Attempts {
		fmt.Println(a.Provider, a.Outcome, a.Kind)
	}
	// Output:
	// Paris <nil>
	// local failed model not found
	// hosted answered
}

// Nobody answers: the error lists everybody who was considered.
func ExampleFailure() {
	local := &providertest.Fake{ProviderName: "local", Answers: []providertest.Answer{providertest.Fails(provider.OutOfMemory)}}
	hosted := &providertest.Fake{ProviderName: "hosted"}
	r, err := router.New(router.Config{Use: []string{"local", "hosted"}, Targets: []router.Target{{Provider: local, Local: here}, {Provider: hosted}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := provider.Request{Messages: []provider.Message{provider.User("Who am I?")}, Privacy: provider.PrivacyLocal}
	_, err = provider.Collect(r.Chat(context.Background(), req))
	var failure *router.Failure
	if errors.As(err, &failure) {
		for _, a := range failure.Attempts {
			fmt.Println(a.Provider, a.Outcome, a.Kind)
		}
	}
	fmt.Println(len(hosted.Calls()), "calls to the hosted one")
	// Output:
	// local failed out of memory
	// hosted skipped private
	// 0 calls to the hosted one
}

func here(context.Context) bool { return true }

// A Config says more: a policy, and who is told what happens.
func ExampleNew_config() {
	local := &providertest.Fake{ProviderName: "local"}
	r, err := router.New(router.Config{
		Use:     []string{"local"},
		Targets: []router.Target{{Provider: local, Model: "smollm2:135m", Local: here}},
		Policy:  router.Policy{Retries: provider.Ptr(0), Total: time.Minute},
		Observe: func(e router.Event) { fmt.Println(e) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := provider.Collect(r.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("Hello")}}))
	fmt.Println(answer.Text, err)
	_, err = router.New(router.Config{Use: []string{"elsewhere"}, Targets: []router.Target{{Provider: local}}})
	fmt.Println(err)
	// Output:
	// asking local (smollm2:135m)
	// ok <nil>
	// elsewhere: invalid: no such provider; there are: local
}

// A single request can be followed, too.
func ExampleWithObserver() {
	r, err := router.New(router.Config{Targets: []router.Target{{Provider: &providertest.Fake{ProviderName: "local"}, Model: "smollm2:135m", Local: here}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := router.WithObserver(context.Background(), func(e router.Event) { fmt.Println(e) })
	answer, err := provider.Collect(r.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("Hello")}}))
	fmt.Println(answer.Text, err)
	// Output:
	// asking local (smollm2:135m)
	// ok <nil>
}

// Several may follow one request.
func ExampleAddObserver() {
	r, err := router.New(router.Config{Targets: []router.Target{{Provider: &providertest.Fake{ProviderName: "local"}, Model: "smollm2:135m", Local: here}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := router.AddObserver(context.Background(), func(e router.Event) { fmt.Println("first:", e) })
	ctx = router.AddObserver(ctx, func(e router.Event) { fmt.Println("second:", e) })
	answer, err := provider.Collect(r.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("Hello")}}))
	fmt.Println(answer.Text, err)
	// Output:
	// first: asking local (smollm2:135m)
	// second: asking local (smollm2:135m)
	// ok <nil>
}

// Who would be asked, without asking.
func ExampleRouter_Plan() {
	r, err := router.New(router.Config{Use: []string{"local", "hosted"}, Targets: []router.Target{{Provider: &providertest.Fake{ProviderName: "local"}, Model: "smollm2:135m", Local: here}, {Provider: &providertest.Fake{ProviderName: "hosted"}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := provider.Request{Messages: []provider.Message{provider.User("Who am I?")}, Privacy: provider.PrivacyLocal}
	plan, err := r.Plan(context.Background(), req)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range plan.Candidates {
		fmt.Printf("%s %t %q\n", c.Provider, c.Keep, string(c.Kind))
	}
	first, ok := r.Target("local")
	fmt.Println(plan.Err(), r.Use(), first.Model, ok)
	// Output:
	// local true ""
	// hosted false "private"
	// <nil> [local hosted] smollm2:135m true
}

// A check that must not reserve anything while only a plan is made.
func ExamplePlanning() {
	check := func(ctx context.Context, _ *provider.Request) error {
		fmt.Println("planning:", router.Planning(ctx))
		return nil
	}
	r, err := router.New(router.Config{Use: []string{"local"}, Targets: []router.Target{{Provider: &providertest.Fake{ProviderName: "local"}, Preflight: []router.Check{check}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := provider.Request{Messages: []provider.Message{provider.User("Hello")}}
	_, _ = r.Plan(context.Background(), req)
	_, _ = provider.Collect(r.Chat(context.Background(), req))
	// Output:
	// planning: true
	// planning: false
}

// A router that replaces another one goes on with its circuit breakers: what kept
// failing is not asked again at once.
func ExampleRouter_KeepHealth() {
	down := &providertest.Fake{ProviderName: "down"}
	for range 6 {
		down.Answers = append(down.Answers, providertest.Fails(provider.Unavailable))
	}
	never := 0
	assemble := func() *router.Router {
		r, err := router.New(router.Config{Use: []string{"down"}, Targets: []router.Target{{Provider: down}}, Policy: router.Policy{Retries: &never}})
		if err != nil {
			panic(err)
		}
		return r
	}
	ask := func(r *router.Router) {
		_, _ = provider.Collect(r.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("Hi")}}))
	}
	old := assemble()
	for range 5 {
		ask(old)
	}
	next := assemble()
	next.KeepHealth(old, []string{"down"})
	ask(next)
	fmt.Println(len(down.Calls()), "calls; paused:", next.Paused("down") != "", next.Breaker("down"))
	// Output: 5 calls; paused: true open
}
