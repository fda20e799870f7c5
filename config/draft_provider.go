package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// WithProvider is the draft's text with an entry for one more provider of
// [KindOpenAI], behind the others; comments and order stay. Where the list of
// providers is written in one line, that is an error with what to write.
func (d *Draft) WithProvider(p Provider) ([]byte, error) {
	entry := []string{
		"- name: " + p.Name,
		"  kind: " + p.Kind,
		fmt.Sprintf("  base_url: %q", p.BaseURL),
		fmt.Sprintf("  model: %q", p.Model),
	}
	if p.Local {
		entry = append(entry, "  local: true # your word that this server runs its models itself, on this machine")
	}
	root, err := yamlx.Parse(d.Path, d.Text)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(d.Text), "\n"), "\n")
	list := valueOf(root, "providers")
	at, indent := len(lines), "  "
	switch {
	case list == nil:
		entry = append([]string{"", "providers:"}, indented(entry, indent)...)
	case list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 || len(list.Content) == 0:
		return nil, &diag.Error{File: d.Path, Message: "the providers are not a list of lines that one more can be added to", Remedy: "run `tandem config edit` and add: " + strings.Join(entry[:4], ", ") + ", local: true"}
	default:
		first := lines[list.Content[0].Line-1]
		indent = first[:len(first)-len(strings.TrimLeft(first, " "))]
		at = lastLine(list)
		entry = indented(entry, indent)
	}
	return insertLines(lines, at, entry), nil
}

// WithModel is the draft's text with another model for a provider: in the place of
// the old one, or behind the provider's name. Comments and order stay. A provider
// that the draft does not have gets an entry, for the built-in ones need no kind.
// Where its entry is written in one line, that is an error with what to write.
func (d *Draft) WithModel(provider, model string) ([]byte, error) {
	root, err := yamlx.Parse(d.Path, d.Text)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(d.Text), "\n"), "\n")
	set := fmt.Sprintf("model: %q", model)
	list := valueOf(root, "providers")
	if list == nil {
		lines = append(lines, "", "providers:", "  - name: "+provider, "    "+set)
		return []byte(strings.Join(lines, "\n") + "\n"), nil
	}
	oneLine := &diag.Error{File: d.Path, Line: list.Line, Message: "the provider " + provider + " is not written over several lines", Remedy: "run `tandem config edit` and give it " + set}
	if list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 || len(list.Content) == 0 {
		return nil, oneLine
	}
	for _, entry := range list.Content {
		name := valueOf(entry, "name")
		if name == nil || name.Value != provider {
			continue
		}
		if entry.Style&yaml.FlowStyle != 0 {
			return nil, oneLine
		}
		indent := strings.Repeat(" ", entry.Column-1)
		if old := valueOf(entry, "model"); old != nil {
			if old.Kind != yaml.ScalarNode || old.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
				return nil, oneLine
			}
			at := old.Line - 1
			before, after := lines[at][:old.Column-1], lines[at][old.Column-1:]
			end := len(after)
			if i := strings.Index(after, " #"); i >= 0 {
				end = i
			}
			lines[at] = before + fmt.Sprintf("%q", model) + after[end:]
			return []byte(strings.Join(lines, "\n") + "\n"), nil
		}
		return insertLines(lines, name.Line, []string{indent + set}), nil
	}
	indent := strings.Repeat(" ", list.Column-1)
	return insertLines(lines, lastLine(list), indented([]string{"- name: " + provider, "  " + set}, indent)), nil
}

// insertLines is the text with lines more behind its first n.
func insertLines(lines []string, n int, more []string) []byte {
	out := append(append(append([]string{}, lines[:n]...), more...), lines[n:]...)
	return []byte(strings.Join(out, "\n") + "\n")
}

func indented(lines []string, by string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = by + l
	}
	return out
}

// lastLine is the last line on which a node of the tree starts.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// valueOf is the value of a mapping's key; nil: it has none.
func valueOf(root *yaml.Node, name string) *yaml.Node {
	if root == nil || root.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == name {
			return root.Content[i+1]
		}
	}
	return nil
}
