package tool_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// A Go function as a tool. The model here is scripted: it asks for the weather,
// and says what it is told.
func Example() {
	type city struct {
		Name string `json:"name" jsonschema:"the city, such as Delhi"`
	}
	weather, err := tool.Func("weather", "The weather in a city", func(_ context.Context, in city) (string, error) {
		return "sunny in " + in.Name, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var model provider.Provider = &script{turns: [][]provider.Chunk{
		turn(wants("weather", `{"name": "Delhi"}`)),
		turn(says("It is sunny in Delhi.")),
	}}
	p := tool.Loop(model, tool.Options{
		Tools:   []tool.Tool{weather},
		Confirm: tool.Always, // without it, nothing runs
		Observe: func(e tool.Event) { fmt.Println(e.Name, e.Outcome) },
	})
	answer, err := provider.Collect(p.Chat(context.Background(), provider.Request{
		Messages: []provider.Message{provider.User("How is the weather in Delhi?")},
	}))
	fmt.Println(answer.Text, err)
	// Output:
	// weather running
	// weather done
	// It is sunny in Delhi. <nil>
}
