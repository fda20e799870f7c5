package memory_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/provider"
)

func ExampleFit() {
	said := []provider.Message{
		provider.System("Be terse."),
		provider.User("Which river is holy?"), provider.Assistant("The Ganges."),
		provider.User("Where does it end?"), provider.Assistant("In the Bay of Bengal."),
		provider.User("And how long is it?"),
	}
	fitted, err := memory.Fit(context.Background(), nil, said, memory.Policy{Window: 2})
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
