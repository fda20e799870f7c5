package chains

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// variables finds the values of a chain's inputs: those of the header, those of a JSON
// object in the message, or the message as the value of the only input.
func variables(c *chain.Chain, header, text string) (map[string]any, error) {
	if header != "" {
		vars, ok := object(header)
		if !ok {
			return nil, exchange.Refuse("x-tandem-vars", `x-tandem-vars has to be a JSON object, such as {"country": "India"}`)
		}
		return vars, nil
	}
	inputs := c.Inputs()
	var open []string // that have no default
	for _, name := range inputs {
		if in, ok := c.Input(name); !ok || in.Default == nil && !in.Optional {
			open = append(open, name)
		}
	}
	only := "" // the one that a text is for
	switch {
	case len(open) == 1:
		only = open[0]
	case len(inputs) == 1 && strings.TrimSpace(text) != "":
		only = inputs[0]
	}
	if vars, ok := object(text); ok && len(inputs) > 0 {
		unknown := slices.DeleteFunc(slices.Sorted(maps.Keys(vars)), func(name string) bool { return slices.Contains(inputs, name) })
		in, _ := c.Input(only)
		switch {
		case len(unknown) == 0:
			return vars, nil
		case in.Type == chain.TypeMap && len(unknown) == len(vars):
			return map[string]any{only: vars}, nil
		case only == "" || !isText(vars, unknown):
			return nil, unknownVariables(c, unknown, only)
		}
	}
	switch {
	case only != "":
		return map[string]any{only: text}, nil
	case len(open) == 0 && (len(inputs) == 0 || strings.TrimSpace(text) == ""):
		return map[string]any{}, nil
	case len(open) == 0: // a text for none of them would be dropped without a word
		return nil, exchange.Refuse("messages", fmt.Sprintf("the chain's variables %s all have a value, so it is unknown which one the text is for: send {} to run the chain with their values, or name one, such as %s", strings.Join(inputs, ", "), example(inputs[:1])))
	}
	return nil, exchange.Refuse("messages", fmt.Sprintf("the chain has the variables %s: send them as a JSON object in the last message, or in the header x-tandem-vars: %s", strings.Join(open, ", "), example(open)))
}

// isText reports whether a JSON object, of whose names some are unknown, is a text for the
// only variable, and no attempt to set variables. One that names a variable is none, and
// neither is a single text, number or boolean: its name is taken for a mistake.
func isText(vars map[string]any, unknown []string) bool {
	if len(unknown) < len(vars) {
		return false
	}
	for _, v := range vars {
		switch v.(type) {
		case []any, map[string]any:
			return true
		}
	}
	return len(vars) > 1
}

// unknownVariables refuses an object with names that the chain does not have.
func unknownVariables(c *chain.Chain, unknown []string, only string) error {
	for i, name := range unknown {
		unknown[i] = fmt.Sprintf("%q", exchange.Brief(name))
	}
	inputs := c.Inputs()
	text := fmt.Sprintf("the chain has no variable %s; its variables are %s, so send %s", strings.Join(unknown, ", "), strings.Join(inputs, ", "), example(inputs))
	if only != "" {
		text += fmt.Sprintf(". If the object is the text of %s itself, send it as a JSON string in place of the …", only)
	}
	return exchange.Refuse("messages", text)
}

// example is an object that sets variables.
func example(names []string) string {
	values := map[string]string{}
	for _, name := range names {
		values[name] = "…"
	}
	shown, _ := json.Marshal(values) // texts can be written
	return string(shown)
}

func object(text string) (map[string]any, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var vars map[string]any
	if d.Decode(&vars) != nil || d.More() {
		return nil, false
	}
	return vars, true
}
