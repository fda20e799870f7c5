package memory_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func rivers() []provider.Message {
	return []provider.Message{
		provider.System("Be terse."),
		provider.User("Which river is holy?"), provider.Assistant("The Ganges."),
		provider.User("Where does it end?"), provider.Assistant("In the Bay of Bengal."),
		provider.User("And how long is it?"),
	}
}

func ExampleFit() {
	fitted, err := memory.Fit(context.Background(), nil, rivers(), memory.Policy{Window: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range fitted.Messages {
		fmt.Printf("%s: %s\n", m.Role, m.Text)
	}
	fmt.Printf("left out: %d of %d turns\n", fitted.LeftTurns, fitted.Turns)
	// Output:
	// system: Be terse.
	// user: Where does it end?
	// assistant: In the Bay of Bengal.
	// user: And how long is it?
	// left out: 1 of 3 turns
}

// The model says in a sentence what the turns said that are left out.
func ExampleFit_summary() {
	p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("The Ganges is holy.")}}
	fitted, err := memory.Fit(context.Background(), p, rivers(), memory.Policy{Window: 2, Summary: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s (of %d turn)\n", fitted.Gist.Text, fitted.Gist.Turns)
	fmt.Println(len(fitted.Summaries), "call,", fitted.Unsummarised)
	// Output:
	// The Ganges is holy. (of 1 turn)
	// 1 call, <nil>
}

// What always stays has to fit.
func ExamplePolicy() {
	_, err := memory.Fit(context.Background(), nil, rivers(), memory.Policy{Tokens: 5})
	fmt.Println(provider.KindOf(err))
	// Output: context overflow
}
