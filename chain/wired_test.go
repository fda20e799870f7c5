package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// caller is a model that has a tool called once, and answers with its result.
type caller struct{ told }

func (caller) Chat(_ context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		last := req.Messages[len(req.Messages)-1]
		if last.Role == provider.RoleTool || len(req.Tools) == 0 {
			yield(provider.Chunk{Text: fmt.Sprintf("got %s with %d tools", last.Text, len(req.Tools)), Finish: provider.FinishStop}, nil)
			return
		}
		yield(provider.Chunk{ToolCalls: []provider.ToolCall{{ID: "1", Name: req.Tools[0].Name, Arguments: json.RawMessage(`{"of":3}`)}}, Finish: provider.FinishToolCalls}, nil)
	}
}

func TestAStepWithTools(t *testing.T) {
	type in struct {
		Of int `json:"of"`
	}
	square, err := tool.Func("square", "The square", func(_ context.Context, in in) (int, error) { return in.Of * in.Of, nil })
	if err != nil {
		t.Fatal(err)
	}
	other := square
	other.Name, other.Ref = "files_read", "files/read"
	c := mustNew(t, Step{Name: "a", Prompt: "x", Tools: []string{"square"}}, Step{Name: "b", Prompt: "{a}"})
	var outcomes []tool.Outcome
	var last string
	for e, err := range c.Run(t.Context(), caller{}, nil, WithTools(tool.Options{Tools: []tool.Tool{other, square}, Confirm: tool.Always})) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == StepTool {
			outcomes = append(outcomes, e.Tool.Outcome)
		}
		if e.Type == StepEnd {
			last = e.Result.Text
		}
	}
	if last != "got got 9 with 1 tools with 0 tools" || fmt.Sprint(outcomes) != "[running done]" {
		t.Errorf("%q, %v", last, outcomes)
	}
	result, err := c.Output(t.Context(), caller{}, nil, WithTools(tool.Options{Tools: []tool.Tool{square}}))
	if err != nil || strings.Contains(result.Text, "got 9") {
		t.Errorf("a tool ran that nobody confirmed: %q, %v", result.Text, err)
	}
	_, err = c.Output(t.Context(), caller{}, nil)
	if err == nil || err.Error() != `invalid: a step names the tool "square", which does not exist; configure its server, or remove it` {
		t.Errorf("got %v", err)
	}
	if got := pick([]tool.Tool{other, square}, []string{"files/*"}); len(got) != 1 || got[0].Name != "files_read" {
		t.Errorf("files/* stands for %v", got)
	}
}

func TestAStepThatLooksPassagesUp(t *testing.T) {
	c, err := Parse("x.yaml", []byte("steps:\n- name: found\n  retrieve: {from: notes, query: 'about {q}', k: 2}\n- name: a\n  prompt: |\n    {found}\n    {q}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Collections()); got != "[notes]" {
		t.Errorf("the collections are %s", got)
	}
	privacy := provider.PrivacyAny
	var lookup Lookup
	find := func(_ context.Context, l Lookup) ([]retrieve.Passage, *provider.Route, error) {
		lookup = l
		return []retrieve.Passage{{Text: "Harvest.", Source: "a.md", Line: 3, Privacy: privacy}}, nil, nil
	}
	var asked provider.Request
	p := told(func(_ context.Context, req provider.Request) (string, error) { asked = req; return "ok", nil })
	if _, err := c.Output(t.Context(), p, map[string]any{"q": "when"}, WithPassages(find)); err != nil {
		t.Fatal(err)
	}
	if lookup != (Lookup{Collection: "notes", Query: "about when", K: 2}) {
		t.Errorf("looked up %+v", lookup)
	}
	if asked.Messages[0].Text != "[1] a.md:3\nHarvest.\nwhen\n" || asked.Privacy != provider.PrivacyAny {
		t.Errorf("asked %+v", asked)
	}
	privacy = provider.PrivacyLocal
	if _, err := c.Output(t.Context(), p, map[string]any{"q": "when"}, WithPassages(find)); err != nil || asked.Privacy != provider.PrivacyLocal {
		t.Errorf("a passage that is to stay went with privacy %q, %v", asked.Privacy, err)
	}
	if _, err = c.Output(t.Context(), p, map[string]any{"q": "when"}); err == nil || !strings.Contains(err.Error(), `searches the collection "notes"`) {
		t.Errorf("got %v", err)
	}
}

func TestASchemaHoldsTheAnswer(t *testing.T) {
	c, err := Parse("x.yaml", []byte("steps:\n- name: p\n  prompt: Who?\n  schema: {type: object, properties: {name: {type: string}, born: {type: integer}}, required: [name, born]}\n- name: t\n  transform: 'p.name + string(p.born + 1)'\n"))
	if err != nil {
		t.Fatal(err)
	}
	replies := []string{`{"name": "Ada"}`, "```json\n{\"name\": \"Ada\", \"born\": 1815}\n```"}
	n := 0
	p := told(func(context.Context, provider.Request) (string, error) { n++; return replies[n-1], nil })
	result, err := c.Output(t.Context(), p, nil)
	if err != nil || result.Text != "Ada1816" {
		t.Errorf("%q, %v", result.Text, err)
	}
	p = told(func(context.Context, provider.Request) (string, error) { return "no", nil })
	if _, err := c.Output(t.Context(), p, nil); err == nil || !strings.Contains(err.Error(), "step p: ") {
		t.Errorf("got %v", err)
	}
}

func TestPromptsInFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"c.yaml":     "steps:\n- {name: a, file: p.json}\n- name: b\n  prompt: 'Q: {a}'\n  examples: {items: ex.yaml, text: 'Q: {q} A: {r}', prefix: Examples}\n",
		"p.json":     `{"_type": "prompt", "input_variables": ["country"], "template": "Tell me the president of {country}"}`,
		"ex.yaml":    "- {q: 1, r: one}\n- {q: 2, r: two}\n",
		"jinja.yaml": "format: jinja2\nprompt: '{% for x in xs %}{{ x }} {% endfor %}'\n",
		"chat.yaml":  "messages:\n- {role: system, content: 'Be {mood}.'}\n- {placeholder: history, optional: true}\n- {role: user, content: '{q}'}\n",
		"must.yaml":  "format: mustache\npartials: {who: '{{name}}!'}\nprompt: 'Hi {{>who}}'\n",
	})
	load := func(name string, opts ...LoadOption) *Chain {
		t.Helper()
		c, err := Load(filepath.Join(dir, name), opts...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ask := func(c *Chain, vars map[string]any) []provider.Message {
		t.Helper()
		var asked []provider.Message
		p := told(func(_ context.Context, req provider.Request) (string, error) {
			asked = req.Messages
			return "Macron", nil
		})
		if _, err := c.Output(t.Context(), p, vars); err != nil {
			t.Fatal(err)
		}
		return asked
	}
	if got := ask(load("c.yaml"), map[string]any{"country": "France"}); got[0].Text != "Examples\n\nQ: 1 A: one\n\nQ: 2 A: two\n\nQ: Macron" {
		t.Errorf("asked %q", got[0].Text)
	}
	if got := ask(load("p.json"), map[string]any{"country": "Chad"}); got[0].Text != "Tell me the president of Chad" {
		t.Errorf("asked %q", got[0].Text)
	}
	if got := ask(load("chat.yaml"), map[string]any{"mood": "kind", "q": "Why?", "history": []provider.Message{provider.User("a"), provider.Assistant("b")}}); len(got) != 4 || got[2].Text != "b" {
		t.Errorf("asked %+v", got)
	}
	if got := ask(load("chat.yaml"), map[string]any{"mood": "kind", "q": "Why?"}); len(got) != 2 {
		t.Errorf("asked %+v", got)
	}
	if got := ask(load("must.yaml"), map[string]any{"name": "you"}); got[0].Text != "Hi you!" {
		t.Errorf("asked %+v", got)
	}
	_, err := Load(filepath.Join(dir, "jinja.yaml"))
	if err == nil || !strings.Contains(err.Error(), "jinja.yaml:2:") || !strings.Contains(err.Error(), "a jinja2 template is a program") {
		t.Errorf("got %v", err)
	}
}

func TestExamplesByMeaningNeedAnEmbedder(t *testing.T) {
	c := mustNew(t, Step{Prompt: "{q}", Examples: &prompt.Examples{Items: []map[string]any{{"q": "1"}}, Text: "{q}", Selector: prompt.Similar{}}})
	_, err := c.Output(t.Context(), loud, map[string]any{"q": "x"})
	if !errors.Is(err, provider.Unsupported) {
		t.Errorf("got %v", err)
	}
}
