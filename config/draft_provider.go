package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Setting is a key of a provider with its value, as YAML writes it in a line.
type Setting struct{ Key, Value string }

// Quoted is a setting whose value is a text.
func Quoted(key, value string) Setting { return Setting{key, fmt.Sprintf("%q", value)} }

// WithModel is the draft's text with another model for a provider; see
// [Draft.WithSettings].
func (d *Draft) WithModel(provider, model string) ([]byte, error) {
	return d.WithSettings(provider, Quoted("model", model))
}

// Settings are the keys of a provider's entry in the draft, with their values; one that
// is a list or mapping has "". ok is false where the draft has no such entry, or is
// no YAML.
func (d *Draft) Settings(provider string) (settings map[string]string, ok bool) {
	root, err := yamlx.Parse(d.Path, d.Text)
	if err != nil {
		return nil, false
	}
	list := valueOf(root, "providers")
	if list == nil {
		return nil, false
	}
	for _, entry := range list.Content {
		name := valueOf(entry, "name")
		if name == nil || name.Value != provider {
			continue
		}
		settings = map[string]string{}
		for i := 0; i+1 < len(entry.Content); i += 2 {
			settings[entry.Content[i].Value] = entry.Content[i+1].Value
		}
		return settings, true
	}
	return nil, false
}

// WithProvider is the draft's text with the fields of a provider of [KindOpenAI] that
// are set; see [Draft.WithSettings].
func (d *Draft) WithProvider(p Provider) ([]byte, error) {
	var settings []Setting
	if p.Kind != "" {
		settings = append(settings, Setting{"kind", p.Kind})
	}
	if p.BaseURL != "" {
		settings = append(settings, Quoted("base_url", p.BaseURL))
	}
	if p.Model != "" {
		settings = append(settings, Quoted("model", p.Model))
	}
	if p.APIKey != "" {
		settings = append(settings, Setting{"api_key", string(p.APIKey)})
	}
	if p.Compat.Preset != "" {
		settings = append(settings, Setting{"compat", p.Compat.Preset})
	}
	if p.Local {
		settings = append(settings, Setting{"local", "true # your word that this server runs its models itself, on this machine"})
	}
	return d.WithSettings(p.Name, settings...)
}

// WithSettings is the draft's text with settings of a provider: each in the place of
// the old value, or of the template's comment that shows the key, or behind the provider's name and
// kind. Other comments and the order stay. A
// provider that the draft does not have gets an entry behind the others; the built-in
// ones need no kind. Where its entry is written in one line, or a value over several,
// that is an error with what to write.
func (d *Draft) WithSettings(provider string, settings ...Setting) ([]byte, error) {
	text := d.Text
	for _, s := range settings {
		var err error
		if text, err = withSetting(d.Path, text, provider, s); err != nil {
			return nil, err
		}
	}
	return text, nil
}

func withSetting(path string, text []byte, provider string, s Setting) ([]byte, error) {
	root, err := yamlx.Parse(path, text)
	if err != nil {
		return nil, err
	}
	lines := linesOf(text)
	set := s.Key + ": " + s.Value
	list := valueOf(root, "providers")
	if list == nil {
		return joined(append(lines, "", "providers:", "  - name: "+provider, "    "+set)), nil
	}
	oneLine := &diag.Error{File: path, Line: list.Line, Message: "the provider " + provider + " is not written over several lines", Remedy: "run `tandem config edit` and give it " + set}
	if !inLines(list) || len(list.Content) == 0 {
		return nil, oneLine
	}
	for _, entry := range list.Content {
		name := valueOf(entry, "name")
		switch {
		case name == nil || name.Value != provider:
			continue
		case !inLines(entry):
			return nil, oneLine
		}
		if old := valueOf(entry, s.Key); old != nil {
			if !replaceScalar(lines, old, s.Value) {
				return nil, oneLine
			}
			return joined(lines), nil
		}
		if at, ok := shownIn(lines, entry, s.Key); ok {
			lines[at] = uncommented(lines[at], s)
			return joined(lines), nil
		}
		return insertLines(lines, lastBefore(entry, s.Key), []string{strings.Repeat(" ", entry.Column-1) + set}), nil
	}
	indent, end := strings.Repeat(" ", list.Column-1), lastLine(list)
	for end < len(lines) && commentAt(lines[end], list.Column+1) { // of the last entry
		end++
	}
	return insertLines(lines, end, []string{indent + "- name: " + provider, indent + "  " + set}), nil
}

// shownIn finds the line of an entry on which a comment shows a key, as it stands in the
// template. Other comments are the user's.
func shownIn(lines []string, entry *yaml.Node, key string) (at int, ok bool) {
	indent := strings.Repeat(" ", entry.Column-1)
	for at = entry.Line; at < len(lines); at++ {
		if strings.TrimSpace(lines[at]) != "" && !strings.HasPrefix(lines[at], indent) {
			return 0, false // below the entry
		}
		if shown := strings.TrimLeft(lines[at], " "); strings.HasPrefix(shown, "#"+key+":") && bytes.Contains(template, []byte(" "+shown+"\n")) {
			return at, true
		}
	}
	return 0, false
}

// uncommented is the line of a setting in the place of the comment that shows its key.
// What the comment says of the key stays where it is.
func uncommented(line string, s Setting) string {
	set := line[:strings.Index(line, "#")] + s.Key + ": " + s.Value
	i := strings.LastIndex(line, " #")
	if i < strings.Index(line, ":") || strings.Contains(s.Value, " #") {
		return set
	}
	return fmt.Sprintf("%-*s %s", i, set, line[i+1:])
}

// commentAt reports whether a line is a comment that begins at a column or behind it.
func commentAt(line string, column int) bool {
	text := strings.TrimLeft(line, " ")
	return strings.HasPrefix(text, "#") && len(line)-len(text) >= column-1
}

// lastBefore is the last of an entry's lines from its name on whose keys are commonly
// written before key.
func lastBefore(entry *yaml.Node, key string) int {
	last := valueOf(entry, "name").Line
	order := []string{"kind", "base_url", "model", "num_ctx", "api_key", "compat", "local"}
	before := order[:max(slices.Index(order, key), 0)]
	for i := 0; i+1 < len(entry.Content); i += 2 {
		k, v := entry.Content[i], entry.Content[i+1]
		if k.Line == last+1 && v.Line == k.Line && slices.Contains(before, k.Value) {
			last = k.Line
		}
	}
	return last
}

// WithUse is the draft's text with another `use`, in the place of the old one or as
// its first line. Comments stay. Where it is written in a way that cannot be
// replaced, that is an error with what to write.
func (d *Draft) WithUse(names []string) ([]byte, error) {
	root, err := yamlx.Parse(d.Path, d.Text)
	if err != nil {
		return nil, err
	}
	value := "[" + strings.Join(names, ", ") + "]"
	if len(names) == 1 {
		value = names[0]
	}
	lines := linesOf(d.Text)
	old := valueOf(root, "use")
	if old == nil {
		return joined(append([]string{"use: " + value}, lines...)), nil
	}
	at := old.Line - 1
	switch {
	case old.Kind == yaml.SequenceNode && inLines(old) && len(old.Content) > 0: // the key's line, and one for each name
		key := keyOf(root, "use").Line - 1
		line := lines[key]
		colon := strings.Index(line, ":") + 1
		lines[key] = line[:colon] + " " + value + line[colon:]
		return joined(append(lines[:at:at], lines[lastLine(old):]...)), nil
	case old.Kind == yaml.SequenceNode && lastLine(old) == old.Line && strings.Contains(lines[at][old.Column-1:], "]"):
		rest := lines[at][old.Column-1:]
		lines[at] = lines[at][:old.Column-1] + value + rest[strings.Index(rest, "]")+1:]
	case !replaceScalar(lines, old, value):
		return nil, &diag.Error{File: d.Path, Line: old.Line, Message: "use is not written in one line", Remedy: "run `tandem config edit` and write use: " + value}
	}
	return joined(lines), nil
}

// replaceScalar writes another value in the place of a scalar's, in its line, and
// reports whether it could.
func replaceScalar(lines []string, old *yaml.Node, value string) bool {
	if old.Kind != yaml.ScalarNode || old.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return false
	}
	at := old.Line - 1
	before, after := lines[at][:old.Column-1], lines[at][old.Column-1:]
	end := len(after)
	if i := strings.Index(after, " #"); i >= 0 && !strings.Contains(value, " #") {
		end = len(strings.TrimRight(after[:i], " "))
	}
	lines[at] = before + value + after[end:]
	return true
}

// inLines reports whether a list or mapping has lines of its own for its parts.
func inLines(n *yaml.Node) bool {
	return (n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode) && n.Style&yaml.FlowStyle == 0
}

func linesOf(text []byte) []string { return strings.Split(strings.TrimRight(string(text), "\n"), "\n") }

func joined(lines []string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

// insertLines is the text with lines more behind its first n.
func insertLines(lines []string, n int, more []string) []byte {
	return joined(append(append(append([]string{}, lines[:n]...), more...), lines[n:]...))
}

// lastLine is the last line on which a node of the tree starts.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// keyOf is the node of a mapping's key, and valueOf that of its value; nil: there is
// none.
func keyOf(root *yaml.Node, name string) *yaml.Node {
	if root == nil || root.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == name {
			return root.Content[i]
		}
	}
	return nil
}

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
