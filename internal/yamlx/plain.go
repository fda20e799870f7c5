package yamlx

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Plain returns n as plain Go data: map[string]any, []any, string, int64,
// float64, bool or nil, and json.Number for a whole number beyond int64.
func Plain(n *yaml.Node) any {
	n = Follow(n)
	switch {
	case n == nil || n.Tag == "!!null":
		return nil
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[Follow(n.Content[i]).Value] = Plain(n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = Plain(c)
		}
		return list
	}
	var v any
	switch i, err := strconv.ParseInt(n.Value, 10, 64); {
	case n.Tag == "!!int" && err == nil:
		return i
	case isNumber(n) && errors.Is(err, strconv.ErrRange):
		return digits(n.Value)
	case n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool":
		if n.Decode(&v) == nil {
			return v
		}
	}
	return n.Value
}

// digits is a whole number as JSON writes it: without + and zeros before it.
func digits(text string) json.Number {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign = "-"
	}
	return json.Number(sign + strings.TrimLeft(text, "+-0"))
}
