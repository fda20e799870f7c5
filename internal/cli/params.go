package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/table"
)

// params reads -p name=value flags, each as its input is declared.
func (a *app) params(ctx context.Context, c *chain.Chain, params []string) (map[string]any, error) {
	vars := make(map[string]any, len(params))
	if err := oneReads(params); err != nil {
		return nil, err
	}
	for _, p := range params {
		name, text, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("-p %q: expected name=value, such as -p country=India", p)}
		}
		if _, twice := vars[name]; twice {
			return nil, usageError{fmt.Errorf("-p %s is given twice; give it once", name)}
		}
		value, err := a.inputValue(ctx, c, name, text)
		if err != nil {
			return nil, err
		}
		vars[name] = value
	}
	return vars, nil
}

// oneReads refuses two that would read standard input.
func oneReads(params []string) error {
	first := ""
	for _, p := range params {
		name, ok := strings.CutSuffix(p, "=-")
		switch {
		case !ok:
		case first != "":
			return usageError{fmt.Errorf("-p %s=- and -p %s=- both read standard input; give one of them as @FILE", first, name)}
		default:
			first = name
		}
	}
	return nil
}

// inputValue is one input's value, as it is declared: the text itself, what is in a
// file (@FILE), or standard input (-).
func (a *app) inputValue(ctx context.Context, c *chain.Chain, name, text string) (any, error) {
	from, file := "-p "+name, ""
	var err error
	switch {
	case text == "-":
		from = "standard input"
		text, err = readText(ctx, from, a.term.In)
	case strings.HasPrefix(text, "@"):
		from, file = text[1:], text[1:]
		var data []byte
		if data, err = readFile(ctx, file, maxInput); err == nil {
			text, err = cleanText(file, data)
		}
	default:
		text, err = cleanText(from, []byte(text))
	}
	if err != nil {
		return nil, err
	}
	if inputType(c, name) == chain.TypeList && file != "" {
		if list, ok, err := listFile(file, text); ok || err != nil {
			return list, err
		}
	}
	return parseInput(c, name, from, text)
}

// inputType is the declared type of an input; c may be nil.
func inputType(c *chain.Chain, name string) chain.Type {
	if c != nil {
		if in, ok := c.Input(name); ok {
			return in.Type
		}
	}
	return chain.TypeAny
}

// parseInput reads an input's value from a text, which is from there.
func parseInput(c *chain.Chain, name, from, text string) (any, error) {
	typ := inputType(c, name)
	value, err := table.ParseValue(typ, text)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: the input %q is a %s, and %w", from, name, typ, err)}
	}
	return value, nil
}

// listFile reads a list from a file whose name says how it is written: lines, a
// table, or JSON values; ok is false for other names.
func listFile(file, text string) (list []any, ok bool, err error) {
	if !slices.Contains([]string{".txt", ".csv", ".tsv", ".jsonl", ".ndjson"}, strings.ToLower(filepath.Ext(file))) {
		return nil, false, nil
	}
	list = []any{}
	for row, err := range table.Text(file, text).Strict().Rows() {
		if err != nil {
			return nil, true, err
		}
		list = append(list, row.Value)
	}
	return list, true, nil
}
