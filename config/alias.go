package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Aliases are names for models, such as fast for qwen3:8b or openai/gpt-4o. They are
// one value, as Options are. An alias may name another one.
type Aliases map[string]string

// ResolveModel is the model that a name stands for: the name itself, if it is no alias.
// It may begin with a provider's name and a slash.
func (c *Config) ResolveModel(name string) string {
	for range len(c.Aliases) { // a loop of aliases is a mistake in the file
		model, ok := c.Aliases[name]
		if !ok {
			break
		}
		name = model
	}
	return name
}

// readAliases reads aliases.
func readAliases(_ reader, m yamlx.Map, name string) any {
	sub, ok := m.Map(name, name, nil)
	if !ok {
		return nil
	}
	aliases := Aliases{}
	for _, k := range sub.Keys() {
		model := sub.String(k)
		switch {
		case !ValidName(k):
			sub.Fail(k, diag.Quote(k)+" cannot be an alias", "use letters, digits, dots, dashes and underscores")
		case strings.TrimSpace(model) == "" || strings.ContainsFunc(model, isControl):
			sub.Fail(k, "expected the name of a model", "for example "+k+": qwen3:8b")
		default:
			aliases[k] = model
		}
	}
	return aliases
}

// validateAliases finds aliases that stand for themselves in the end, or are called
// as a provider is.
func validateAliases(layers []*layer, providers []string) (errs []error) {
	for _, l := range layers {
		e, ok := l.values[key{field: "aliases"}]
		if !ok {
			continue
		}
		aliases := e.value.(Aliases)
		for _, name := range slices.Sorted(maps.Keys(aliases)) {
			at := e
			if n := valueOf(yamlx.Follow(e.node), name); n != nil {
				at.node = n
			}
			switch {
			case slices.Contains(providers, name):
				errs = append(errs, at.at(fmt.Sprintf("the alias %q is also the name of a provider", name), "choose another name"))
			case loops(aliases, name):
				errs = append(errs, at.at(fmt.Sprintf("the alias %q stands for itself", name), "give it the name of a model"))
			}
		}
	}
	return errs
}

func loops(aliases Aliases, name string) bool {
	next := name
	for range len(aliases) {
		model, ok := aliases[next]
		if !ok {
			return false
		}
		next = model
	}
	_, ok := aliases[next]
	return ok
}

// WithAlias is the draft's text with an alias more, or with another model for one.
// Comments and order stay. Where the aliases are written in a way that cannot be added
// to, that is an error with what to write.
func (d *Draft) WithAlias(name, model string) ([]byte, error) {
	root, err := yamlx.Parse(d.Path, d.Text)
	if err != nil {
		return nil, err
	}
	lines := linesOf(d.Text)
	set := fmt.Sprintf("%s: %q", name, model)
	all := valueOf(root, "aliases")
	cannot := &diag.Error{File: d.Path, Message: "the aliases are not a mapping that one more can be added to", Remedy: "run `tandem config edit` and add " + set}
	switch {
	case all == nil:
		return joined(append(lines, "", "aliases:", "  "+set)), nil
	case all.Kind != yaml.MappingNode || len(all.Content) == 0:
		return nil, cannot
	case inLines(all):
		if old := valueOf(all, name); old != nil {
			if !replaceScalar(lines, old, fmt.Sprintf("%q", model)) {
				return nil, cannot
			}
			return joined(lines), nil
		}
		first := all.Content[0]
		return insertLines(lines, lastLine(all), []string{strings.Repeat(" ", first.Column-1) + set}), nil
	}
	at := all.Line - 1
	rest := lines[at][all.Column-1:]
	end := strings.Index(rest, "}")
	if lastLine(all) != all.Line || end < 0 || strings.ContainsAny(rest[:end], "\"'") && strings.Contains(rest[end+1:], "}") {
		return nil, cannot
	}
	var parts []string
	for i := 0; i+1 < len(all.Content); i += 2 {
		if k := all.Content[i].Value; k != name {
			parts = append(parts, fmt.Sprintf("%s: %q", k, all.Content[i+1].Value))
		}
	}
	lines[at] = lines[at][:all.Column-1] + "{" + strings.Join(append(parts, set), ", ") + rest[end:]
	return joined(lines), nil
}
