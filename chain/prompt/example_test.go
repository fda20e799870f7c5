package prompt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
)

// show prints the messages that a prompt makes of values.
func show(p *prompt.Prompt, values template.Map) {
	messages, err := p.Messages(context.Background(), values)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages {
		fmt.Printf("%s: %s\n", m.Role, m.Text)
	}
}

func ExampleNew() {
	p, err := prompt.New(prompt.Options{},
		prompt.Message{Role: provider.RoleSystem, Text: "You are a {job}."},
		prompt.Message{Placeholder: "history", Optional: true},
		prompt.Message{Role: provider.RoleUser, Text: "{question}"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range p.Vars() {
		fmt.Println(v.Name, v.Optional)
	}
	show(p, template.Map{"job": "geographer", "question": "And of Kenya?", "history": []any{
		[]any{"human", "What is the capital of India?"}, []any{"ai", "Delhi."},
	}})
	// Output:
	// job false
	// history true
	// question false
	// system: You are a geographer.
	// user: What is the capital of India?
	// assistant: Delhi.
	// user: And of Kenya?
}

func ExampleNew_mistake() {
	_, err := prompt.New(prompt.Options{}, prompt.Message{Role: "human", Text: "Hello {name"})
	fmt.Println(err)
	// Output:
	// message 1: "human" is not a role of a message; the roles are system, user, assistant, tool
	// message 1: line 1, column 7: this { is never closed; write {{ for a literal brace
}

func ExampleText() {
	p, err := prompt.Text(prompt.Options{Partial: map[string]any{"tone": "brief"}}, "Be {tone} about {topic}.")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, tea := context.Background(), template.Map{"topic": "tea"}
	text, err := p.String(ctx, tea)
	fmt.Println(text, p.IsText(), err)
	messages, err := p.Messages(ctx, tea)
	fmt.Println(messages[0].Role, len(messages), err)
	_, err = p.Messages(ctx, nil)
	fmt.Println(err)
	// Output:
	// Be brief about tea. true <nil>
	// user 1 <nil>
	// line 1, column 17: missing variable "topic"; set it, or, if {topic} is literal text and not a variable, escape it with double curly braces: {{topic}}
}

func ExamplePrompt_Add() {
	about, err := prompt.Text(prompt.Options{}, "Tell me about {topic}")
	if err != nil {
		fmt.Println(err)
		return
	}
	how, err := prompt.Text(prompt.Options{}, ", in {language}.")
	if err != nil {
		fmt.Println(err)
		return
	}
	both, err := about.Add(how)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, made := both.Source()
	fmt.Println(made[0].Text)
	show(both, template.Map{"topic": "tea", "language": "Hindi"})
	// Output:
	// Tell me about {topic}, in {language}.
	// user: Tell me about tea, in Hindi.
}

func ExampleLoad() {
	p, err := prompt.Load(filepath.Join("testdata", "president.json"), prompt.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	show(p, template.Map{"country": "India"})
	// Output: user: Tell me the president of India
}

func ExampleParse() {
	p, err := prompt.Parse("president.yaml", []byte("_type: prompt\ninput_variables: [country, year]\ntemplate: Tell me the president of {country}\n"), prompt.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range p.Warnings() {
		fmt.Println(w)
	}
	show(p, template.Map{"country": "India"})
	_, err = prompt.Parse("president.yaml", []byte("_type: prompt\ntemplate: Tell me the president of {country\n"), prompt.Options{})
	fmt.Println(err)
	// Output:
	// president.yaml:2:28: nothing uses the input variable "year"; known: country
	// user: Tell me the president of India
	// president.yaml:2:36: this { is never closed; write {{ for a literal brace
}

func ExampleConversation() {
	messages, err := prompt.Conversation(`[["system", "Be terse."], ["human", "Which river is holy?"], {"role": "ai", "content": "The Ganges."}, "Why?"]`)
	for _, m := range messages {
		fmt.Printf("%s: %s\n", m.Role, m.Text)
	}
	fmt.Println(err)
	// Output:
	// system: Be terse.
	// user: Which river is holy?
	// assistant: The Ganges.
	// user: Why?
	// <nil>
}

// Few-shot: as many examples as fit into six words, the one asked about included.
func ExampleLength() {
	p, err := prompt.Text(prompt.Options{Examples: &prompt.Examples{
		Prefix:   "Give the opposite.",
		Items:    []map[string]any{{"word": "big", "is": "small"}, {"word": "fast", "is": "slow"}, {"word": "wet", "is": "dry"}},
		Text:     "{word}: {is}",
		Selector: prompt.Length{Max: 6},
	}}, "{word}:")
	if err != nil {
		fmt.Println(err)
		return
	}
	show(p, template.Map{"word": "hot"})
	// Output:
	// user: Give the opposite.
	//
	// big: small
	//
	// fast: slow
	//
	// hot:
}

// counts is an embedder that knows three words.
type counts struct{}

func (counts) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	var r provider.EmbedResponse
	for _, text := range req.Input {
		var v []float32
		for _, word := range []string{"harvest", "market", "rain"} {
			v = append(v, float32(strings.Count(text, word)))
		}
		r.Vectors = append(r.Vectors, v)
	}
	return r, nil
}

func farm(s prompt.Selector) (*prompt.Prompt, error) {
	return prompt.New(prompt.Options{},
		prompt.Message{Examples: &prompt.Examples{
			Items: []map[string]any{
				{"q": "When is the harvest?", "a": "In September."},
				{"q": "Who is at the market?", "a": "Everybody."},
				{"q": "Is there rain at the market?", "a": "Often."},
			},
			Messages: []prompt.Message{{Role: provider.RoleUser, Text: "{q}"}, {Role: provider.RoleAssistant, Text: "{a}"}},
			Selector: s,
		}},
		prompt.Message{Role: provider.RoleUser, Text: "{question}"},
	)
}

// The example nearest in meaning, as two messages before the question.
func ExampleSimilar() {
	p, err := farm(prompt.Similar{K: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	question := template.Map{"question": "Where is the market?"}
	messages, err := p.MessagesFor(context.Background(), question, prompt.Call{Embedder: counts{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Embeds())
	for _, m := range messages {
		fmt.Printf("%s: %s\n", m.Role, m.Text)
	}
	// Output:
	// true
	// user: Who is at the market?
	// assistant: Everybody.
	// user: Where is the market?
}

func ExampleMMR() {
	p, err := farm(prompt.MMR{K: 2, Lambda: provider.Ptr(0.1)})
	if err != nil {
		fmt.Println(err)
		return
	}
	question := template.Map{"question": "Where is the market?"}
	messages, err := p.MessagesFor(context.Background(), question, prompt.Call{Embedder: counts{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages {
		fmt.Printf("%s: %s\n", m.Role, m.Text)
	}
	// Output:
	// user: Who is at the market?
	// assistant: Everybody.
	// user: When is the harvest?
	// assistant: In September.
	// user: Where is the market?
}

func ExampleParseDocument() {
	chain := []byte(`{"_type": "sequential_chain", "chains": [{"_type": "llm_chain", "prompt": {"_type": "prompt", "template": "Tell me of {country}", "input_variables": ["country"]}}]}`)
	d, err := prompt.ParseDocument("chain.json", chain)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := d.Prompt("/chains/0/prompt", prompt.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.String(context.Background(), template.Map{"country": "India"}))
	_, err = d.Prompt("/chains/1/prompt", prompt.Options{})
	fmt.Println(err)
	// Output:
	// Tell me of India <nil>
	// chain.json:1:41: there is nothing at "/chains/1/prompt"
}
