package providertest_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func ExampleFake() {
	ctx := context.Background()
	f := &providertest.Fake{Answers: []providertest.Answer{
		providertest.Text("Del", "hi."),
		providertest.Fails(provider.RateLimited),
	}}
	req := provider.Request{Messages: []provider.Message{provider.User("The capital of India?")}}
	for range 2 {
		answer, err := provider.Collect(f.Chat(ctx, req))
		fmt.Println(answer.Text, provider.KindOf(err) == provider.RateLimited)
	}
	fmt.Println(len(f.Calls()), f.Calls()[0].Messages[0].Text)
	// Output:
	// Delhi. false
	//  true
	// 2 The capital of India?
}

func ExampleText() {
	f := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("Del", "hi.")}}
	answer, err := provider.Collect(f.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("The capital of India?")}}))
	fmt.Println(answer.Text, answer.Usage.OutputTokens, err)
	// Output: Delhi. 2 <nil>
}

func ExampleFails() {
	f := &providertest.Fake{Answers: []providertest.Answer{providertest.Fails(provider.Denied)}}
	_, err := provider.Collect(f.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("Hello")}}))
	fmt.Println(err)
	// Output: fake: denied: as scripted
}

// The fields that a test of a conversion has forgotten.
func ExampleUnset() {
	all := providertest.Unset()
	left := providertest.Unset(provider.Request{Model: "m", TopP: provider.Ptr(0.5)})
	fmt.Println(len(all) - len(left))
	// Output: 2
}
