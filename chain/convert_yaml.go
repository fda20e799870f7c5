package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

func encode(doc *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return b.Bytes(), e.Close()
}

// keyed builds a mapping in order.
type keyed struct{ node *yaml.Node }

func newKeyed() keyed { return keyed{&yaml.Node{Kind: yaml.MappingNode}} }

// set adds a key, unless its value is zero.
func (k keyed) set(key string, value any) {
	if v := reflect.ValueOf(value); !v.IsValid() || v.IsZero() {
		return
	}
	k.put(key, value)
}

// put adds a key.
func (k keyed) put(key string, value any) {
	n, ok := value.(*yaml.Node)
	if !ok {
		n = &yaml.Node{}
		if err := n.Encode(numbers(value)); err != nil {
			n.SetString(fmt.Sprint(value))
		}
		if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.TrimSpace(n.Value) == "" {
			n.Style = yaml.DoubleQuotedStyle // so that white space is seen
		}
	}
	name := &yaml.Node{}
	name.SetString(key)
	k.node.Content = append(k.node.Content, name, n)
}

// numbers returns v with each json.Number as a number that YAML writes plainly.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = numbers(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = numbers(v[k])
		}
		return out
	case []map[string]any:
		out := make([]map[string]any, len(v))
		for i := range v {
			out[i], _ = numbers(v[i]).(map[string]any)
		}
		return out
	}
	return v
}

func list(elements ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: elements}
}
