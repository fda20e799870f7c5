package chain

import (
	"strings"
	"testing"
)

// What only a section of mustache's uses may be given, or be an element's own, or
// be missing.
func TestSectionVariables(t *testing.T) {
	const section = "{{#people}}{{name}} {{title}};{{/people}}"
	people := []any{map[string]any{"name": "Ada"}}
	for _, tt := range []struct {
		name, file string
		vars       map[string]any
		want       string
		inputs     string // those that may be missing in brackets
	}{
		{"given, in a prompt", "format: mustache\nprompt: '" + section + "'\n", map[string]any{"people": people, "title": "Lady"}, "ADA LADY;", "people [name] [title]"},
		{"missing, in a prompt", "format: mustache\nprompt: '" + section + "'\n", map[string]any{"people": people}, "ADA ;", "people [name] [title]"},
		{"given, in a text", "format: mustache\ntext: '" + section + "'\n", map[string]any{"people": people, "title": "Lady"}, "Ada Lady;", "people [name] [title]"},
		{"a partial's", "format: mustache\npartial: {title: Sir}\nprompt: '" + section + "'\n", map[string]any{"people": people}, "ADA SIR;", "people [name]"},
		{"a partial's, in a text", "format: mustache\npartial: {title: Sir}\ntext: '" + section + "'\n", map[string]any{"people": people}, "Ada Sir;", "people [name]"},
		{"declared", "inputs: {people: list, title: text}\nformat: mustache\nprompt: '" + section + "'\n", map[string]any{"people": people, "title": "Lady"}, "ADA LADY;", "people title"},
		{"not declared", "inputs: {people: list}\nformat: mustache\nprompt: '" + section + "'\n", map[string]any{"people": people}, "ADA ;", "people"},
		{"an earlier step", "steps:\n- {name: title, text: Dame}\n- {name: all, format: mustache, prompt: '" + section + "'}\n", map[string]any{"people": people}, "ADA DAME;", "people [name]"},
		{"a later step's name", "steps:\n- {name: all, format: mustache, prompt: '" + section + "'}\n- {name: title, text: '{all}'}\n", map[string]any{"people": people}, "ADA ;", "people [name]"},
		{"needed elsewhere", "steps:\n- {name: all, format: mustache, prompt: '" + section + "'}\n- {name: last, text: '{all} {title}'}\n", map[string]any{"people": people, "title": "x"}, "ADA X; x", "people [name] title"},
		{"needed before", "steps:\n- {name: first, text: '{title}'}\n- {name: all, format: mustache, prompt: '{{first}} " + section + "'}\n", map[string]any{"people": people, "title": "x"}, "X ADA X;", "title people [name]"},
		{"in a pipe", "pipe: true\nsteps:\n- transform: people\n- {format: mustache, text: '" + section + "'}\n", map[string]any{"people": people}, "Ada ;", "people"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("c.yaml", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var inputs []string
			for _, name := range c.Inputs() {
				if in, _ := c.Input(name); in.Optional {
					name = "[" + name + "]"
				}
				inputs = append(inputs, name)
			}
			if got := strings.Join(inputs, " "); got != tt.inputs {
				t.Errorf("it takes %s, want %s", got, tt.inputs)
			}
			got, err := c.Output(t.Context(), loud, tt.vars)
			if err != nil || got.Text != tt.want {
				t.Errorf("got %q, %v, want %q", got.Text, err, tt.want)
			}
		})
	}
}

// A name that the chain does not know is an error even where an input that may
// be missing is missing, so that there are as many values as inputs.
func TestMistypedOptionalInput(t *testing.T) {
	people := []any{map[string]any{"name": "Ada"}}
	for _, tt := range []struct {
		name, file string
		vars       map[string]any
		want       string
	}{
		{"a section's", "format: mustache\nprompt: '{{q}} {{#people}}{{title}}{{/people}}'\n", map[string]any{"q": "x", "people": people, "titel": "Dr"}, `no step uses the input "titel"; did you mean "title"?`},
		{"a placeholder's", "messages: [{placeholder: history, optional: true}, {role: user, content: '{q}'}]\n", map[string]any{"q": "x", "histroy": []any{}}, `no step uses the input "histroy"; did you mean "history"?`},
		{"one with a default", "inputs: {q: text, title: {type: text, default: Mr}}\nprompt: '{title} {q}'\n", map[string]any{"q": "x", "titel": "Dr"}, `no step uses the input "titel"; did you mean "title"?`},
		{"a default and an optional one", "inputs: {q: {type: text, default: x}}\nmessages: [{role: user, content: '{q}'}]\n", map[string]any{"p": "x"}, `no step uses the input "p"`},
		{"nothing near", "messages: [{placeholder: history, optional: true}, {role: user, content: '{q}'}]\n", map[string]any{"q": "x", "zzz": "Dr"}, `no step uses the input "zzz"; the inputs are history, q`},
		{"two of them", "format: mustache\nprompt: '{{#people}}{{name}} {{title}}{{/people}}'\n", map[string]any{"people": people, "zzz": "1", "yyy": "2"}, `no step uses the input "yyy"`},
		{"beside a fallback", "messages: [{placeholder: history, optional: true}, {role: user, content: '{q}'}]\nfallback: {text: '{q}'}\n", map[string]any{"q": "x", "History_": 1}, `no step uses the input "History_"; did you mean "history"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("c.yaml", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Output(t.Context(), loud, tt.vars); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("a run: got %v, want %s", err, tt.want)
			}
			if _, err := c.Plan(t.Context(), tt.vars); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("a plan: got %v, want %s", err, tt.want)
			}
		})
	}
}
