package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Value is a key with a value, and where that comes from.
type Value struct {
	Key    string `json:"key"`    // as `tandem config explain` takes it
	Value  any    `json:"value"`  // text, number, bool, list or mapping, as in a file
	Origin string `json:"origin"` // file:line:column, a variable, a flag, or "default"
	Note   string `json:"note,omitempty"`
}

// Show returns every key that has a value, in the order in which a file would
// have them. References to keys are shown, keys never are.
func (l *Loaded) Show() []Value {
	var values []Value
	for _, k := range l.keys() {
		if e, ok := l.lookupKey(k); ok {
			values = append(values, e.show(k))
		}
	}
	return values
}

// keys are all keys that there could be, in the order of a file.
func (l *Loaded) keys() (keys []key) {
	for _, f := range topFields() {
		keys = append(keys, key{field: f.name})
	}
	for _, name := range providerNames(l.layers) {
		for _, f := range providerFields() {
			keys = append(keys, key{name, f.name})
		}
	}
	return keys
}

// YAML returns the merged configuration as a file that means the same.
func (l *Loaded) YAML() ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(l.tree()); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return b.Bytes(), nil
}

// JSON is YAML as one JSON object, its keys in the same order.
func (l *Loaded) JSON() ([]byte, error) {
	return json.Marshal(l.tree())
}

// members is a mapping that keeps its order.
type members []member

type member struct {
	key   string
	value any // members, []members, or a Value's
}

// tree is the merged configuration with providers as a list.
func (l *Loaded) tree() members {
	var root members
	providers := make([]members, 0, len(l.Providers))
	for _, k := range l.keys() {
		e, ok := l.lookupKey(k)
		if k.provider != "" && (len(providers) == 0 || providers[len(providers)-1][0].value != k.provider) {
			providers = append(providers, members{{"name", k.provider}})
		}
		if !ok {
			continue
		}
		into := &root
		if k.provider != "" {
			into = &providers[len(providers)-1]
		}
		into.add(k.field, e.show(k).Value)
	}
	return append(root, member{"providers", providers})
}

// add appends a field's value, one with a dot to the mapping that it names.
func (m *members) add(field string, value any) {
	head, tail, nested := strings.Cut(field, ".")
	if !nested {
		*m = append(*m, member{field, value})
		return
	}
	if n := len(*m); n > 0 && (*m)[n-1].key == head {
		last := &(*m)[n-1]
		last.value = append(last.value.(members), member{tail, value})
		return
	}
	*m = append(*m, member{head, members{{tail, value}}})
}

// MarshalJSON writes the members in their order.
func (m members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(e.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// MarshalYAML writes the members in their order.
func (m members) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range m {
		key, value := &yaml.Node{}, &yaml.Node{}
		if err := key.Encode(e.key); err != nil {
			return nil, err
		}
		if err := value.Encode(e.value); err != nil {
			return nil, err
		}
		if _, list := e.value.([]any); list {
			value.Style = yaml.FlowStyle
		}
		n.Content = append(n.Content, key, value)
	}
	return n, nil
}

// show is the entry as a Value.
func (e entry) show(k key) Value {
	if k.field == "num_ctx" && e.value == WindowAuto {
		e.value = "auto"
	}
	return Value{Key: k.String(), Value: plain(e.value), Origin: e.origin(), Note: e.ignored}
}

// plain is a value as a file has it. Texts that may be keys, which someone has
// put in the wrong place, are masked.
func plain(v any) any {
	switch v := v.(type) {
	case string:
		return hide(v)
	case Ref:
		return string(v)
	case Duration:
		return v.String()
	case Size:
		return v.String()
	case Age:
		return v.String()
	case []string:
		texts := make([]any, len(v))
		for i, s := range v {
			texts[i] = hide(s)
		}
		return texts
	case []netip.Prefix:
		texts := make([]any, len(v))
		for i, p := range v {
			texts[i] = p.String()
		}
		return texts
	case []Host:
		return plainHosts(v)
	case []MCPServer:
		servers := make([]members, len(v))
		for i := range v {
			servers[i] = v[i].members()
		}
		return servers
	case Aliases:
		return texts(v)
	case Headers:
		m := make(map[string]any, len(v))
		for name, text := range v {
			m[name] = text
			if !IsRef(text) {
				m[name] = hide(text)
			}
		}
		return m
	case Compat:
		return v.plain()
	case Options:
		return plain(map[string]any(v))
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[hide(k)] = plain(x)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = plain(x)
		}
		return list
	}
	return v
}

func hide(text string) string {
	if LooksLikeKey(text) {
		return mask
	}
	return text
}
