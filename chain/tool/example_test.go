package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

type city struct {
	Name string `json:"name" jsonschema:"the city, such as Delhi"`
}

func weatherIn(_ context.Context, in city) (string, error) {
	if in.Name == "Atlantis" {
		return "", errors.New("there is no such city")
	}
	return "sunny in " + in.Name, nil
}

// A Go function as a tool. The model here is scripted: it asks for the weather,
// and says what it is told.
func Example() {
	weather, err := tool.Func("weather", "The weather in a city", weatherIn)
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

// A model that does not stop is given up, and no answer is made of that.
func ExampleLoop() {
	weather, err := tool.Func("weather", "The weather in a city", weatherIn)
	if err != nil {
		fmt.Println(err)
		return
	}
	model := &script{turns: [][]provider.Chunk{
		turn(wants("weather", `{"name": "Delhi"}`)),
		turn(wants("weather", `{"name": "Agra"}`)),
		turn(wants("weather", `{"name": "Pune"}`)),
	}}
	p := tool.Loop(model, tool.Options{Tools: []tool.Tool{weather}, Confirm: tool.Always, Limit: 2})
	_, err = provider.Collect(p.Chat(context.Background(), provider.Request{
		Messages: []provider.Message{provider.User("How is the weather?")},
	}))
	var limit *tool.LimitError
	fmt.Println(errors.Is(err, provider.Truncated), errors.As(err, &limit), limit.Rounds)
	// Output: true true 2
}

// Confirm sees each call before it runs, and may say no.
func ExampleOptions() {
	weather, err := tool.Func("weather", "The weather in a city", weatherIn)
	if err != nil {
		fmt.Println(err)
		return
	}
	model := &script{turns: [][]provider.Chunk{turn(wants("weather", `{"name": "Delhi"}`)), turn(says("I may not look."))}}
	p := tool.Loop(model, tool.Options{
		Tools: []tool.Tool{weather},
		Confirm: func(_ context.Context, c tool.Call) (bool, error) {
			fmt.Printf("run %s with %s?\n", c.Tool.Title(), c.Arguments)
			return false, nil
		},
		Observe: func(e tool.Event) { fmt.Println(e.Outcome) },
	})
	answer, err := provider.Collect(p.Chat(context.Background(), provider.Request{
		Messages: []provider.Message{provider.User("How is the weather in Delhi?")},
	}))
	fmt.Println(answer.Text, err)
	// Output:
	// run weather with {"name": "Delhi"}?
	// refused
	// I may not look. <nil>
}

func ExampleFunc() {
	weather, err := tool.Func("weather", "The weather in a city", weatherIn)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(weather.Parameters))
	// Output: {"type":"object","properties":{"name":{"type":"string","description":"the city, such as Delhi"}},"required":["name"],"additionalProperties":false}
}

func ExampleTool_Run() {
	weather, err := tool.Func("weather", "The weather in a city", weatherIn)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, arguments := range []string{`{"name": "Delhi"}`, `{"name": "Atlantis"}`, `{"town": "Delhi"}`} {
		result, err := weather.Run(context.Background(), json.RawMessage(arguments))
		var wrong *tool.ArgumentsError
		fmt.Println(result.Text, err != nil, errors.As(err, &wrong))
	}
	// Output:
	// sunny in Delhi false false
	//  true false
	//  true true
}

// A tool's panic is an error, and its stack is there for who mends it.
func ExampleStack() {
	broken, err := tool.Func("broken", "Always panics", func(context.Context, struct{}) (string, error) {
		panic("oh")
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = broken.Run(context.Background(), json.RawMessage(`{}`))
	fmt.Println(err, len(tool.Stack(err)) > 0)
	// Output: the tool panicked: oh true
}

func ExampleAlways() {
	yes, err := tool.Always(context.Background(), tool.Call{})
	fmt.Println(yes, err)
	// Output: true <nil>
}

func ExampleSelect() {
	tools := []tool.Tool{
		{Name: "weather", Source: tool.SourceGo},
		{Name: "read_file", Ref: "files/read_file", Source: "files"},
		{Name: "write_file", Ref: "files/write_file", Source: "files"},
	}
	chosen, missing := tool.Select(tools, []string{"files/*", "weather"})
	for i := range chosen {
		fmt.Println(chosen[i].Title())
	}
	fmt.Printf("%q\n", missing)
	_, missing = tool.Select(tools, []string{"clock"})
	fmt.Printf("%q\n", missing)
	// Output:
	// files/read_file
	// files/write_file
	// weather
	// ""
	// "clock"
}

func ExampleMatches() {
	t := tool.Tool{Name: "read_file", Ref: "files/read_file"}
	fmt.Println(tool.Matches("read_file", &t), tool.Matches("files/*", &t), tool.Matches("mail/*", &t))
	// Output: true true false
}

func ExampleValidName() {
	fmt.Println(tool.ValidName("read_file"), tool.ValidName("read file"))
	// Output: true false
}

func ExampleCheckSchema() {
	fmt.Println(tool.CheckSchema(json.RawMessage(`{"type": "object"}`)))
	fmt.Println(tool.CheckSchema(json.RawMessage(`{"type": "city"}`)) != nil)
	// Output:
	// <nil>
	// true
}
