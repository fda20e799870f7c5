package structured_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/structured"
)

var who = provider.Request{
	Messages: []provider.Message{provider.User("Who wrote the first program? Answer as JSON.")},
	Schema:   &provider.Schema{JSON: []byte(`{"type": "object", "properties": {"name": {"type": "string"}, "born": {"type": "integer"}}, "required": ["name", "born"]}`)},
}

// The first answer lacks a field, so the model is asked again.
func ExampleNew() {
	model := &providertest.Fake{Answers: []providertest.Answer{
		providertest.Text(`{"name": "Ada"}`),
		providertest.Text("```json\n", `{"name": "Ada", "born": 1815}`, "\n```"),
	}}
	answer, err := provider.Collect(structured.New(model, structured.Config{}).Chat(context.Background(), who))
	fmt.Println(answer.Text, err)
	fmt.Println("repairs:", answer.Route.Repairs)
	// Output:
	// {"name": "Ada", "born": 1815} <nil>
	// repairs: 1
}

func ExampleConfig() {
	model := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(`{"name": "Ada"}`)}}
	answer, err := provider.Collect(structured.New(model, structured.Config{Repairs: provider.Ptr(0)}).Chat(context.Background(), who))
	var why *structured.Error
	if errors.As(err, &why) {
		fmt.Println(provider.KindOf(err), why.Problems)
	}
	fmt.Printf("%q\n", answer.Text)
	// Output:
	// bad answer [/: the property "born" is missing]
	// ""
}
