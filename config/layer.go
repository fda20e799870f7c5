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

// Role is what a layer of the configuration is.
type Role string

// The roles, each of which overrides those before it.
const (
	RoleDefault     Role = "default"
	RoleUser        Role = "user"
	RoleProject     Role = "project"
	RoleEnvironment Role = "environment"
	RoleCommandLine Role = "command line"
)

// layer is the values of one source.
type layer struct {
	role   Role
	values map[key]entry
	wrong  map[key]bool     // values that are not what is expected, as errs say
	lost   map[key]entry    // values that would loosen what is tight: they have no effect
	names  []string         // providers, in order of appearance
	places map[string]entry // where each starts; without a value
	errs   []error
}

// entry is one value and where it stands.
type entry struct {
	value   any
	node    *yaml.Node // nil: not from a file
	from    string     // file, or the name of a variable or flag
	ignored string     // why it has no effect; empty: it has
}

// origin is where a value comes from, for people.
func (e entry) origin() string { return e.at("", "").Position() }

// at makes an error at the entry's place.
func (e entry) at(message, remedy string) *diag.Error {
	return yamlx.NewDecoder(e.from).At(e.node, message, remedy)
}

func newLayer(role Role) *layer {
	return &layer{role: role, wrong: map[key]bool{}, values: map[key]entry{}, lost: map[key]entry{}, places: map[string]entry{}}
}

func (l *layer) set(k key, e entry) {
	l.values[k] = e
	if k.provider != "" {
		l.name(k.provider)
	}
}

// name notes that the layer speaks of a provider.
func (l *layer) name(provider string) {
	if !slices.Contains(l.names, provider) {
		l.names = append(l.names, provider)
	}
}

// readFile makes a layer of a file's text.
func readFile(role Role, file string, data []byte, r reader) *layer {
	l := newLayer(role)
	root, err := yamlx.Parse(file, data)
	if err != nil || root == nil {
		l.errs = diag.Split(err)
		return l
	}
	d := yamlx.NewDecoder(file)
	if role == RoleProject && foreign(root) {
		d.Fail(root, "this is not a Tandem configuration: it has none of its keys",
			"if another tool owns the file, set TANDEM_CONFIG=none or name yours with --config")
		l.errs = diag.Split(d.Err())
		return l
	}
	l.read(d, root, r, file)
	l.errs = diag.Split(d.Err())
	return l
}

// foreign reports whether a file's root looks like another tool's: none of its
// keys is ours, or nearly so.
func foreign(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return true
	}
	known := fieldNames(topFields(), "providers")
	for i := 0; i < len(root.Content); i += 2 {
		if _, ok := diag.Nearest(root.Content[i].Value, known); ok {
			return false
		}
	}
	return len(root.Content) > 0
}

const userFileRemedy = "move it to the user file that `tandem config path` shows"

func (l *layer) read(d *yamlx.Decoder, root *yaml.Node, r reader, file string) {
	m, ok := d.Mapping(root, "the configuration", fieldNames(topFields(), "providers"))
	if !ok {
		return
	}
	l.readFields(m, topFields(), r, file)
	for _, own := range []struct{ name, what string }{
		{"aliases", "give models other names"},
		{"local_networks", "set which networks count as this machine"},
		{"log_keep", "have old runs removed from the log"},
		{"gateway", "configure the gateway"},
		{"cluster", "say which cluster of nodes gets rows of batches"},
		{"mcp_servers", "configure MCP servers, which are programs to run and addresses to call"},
	} {
		if n := m.Value(own.name); n != nil && l.role == RoleProject {
			d.Fail(n, "only your own file may "+own.what, userFileRemedy)
			maps.DeleteFunc(l.values, func(k key, _ entry) bool { return k.field == own.name || strings.HasPrefix(k.field, own.name+".") })
		}
	}
	lines := map[string]int{}
	for _, n := range m.List("providers", "providers, each as `- name: …`") {
		p, ok := d.Mapping(n, "a provider", fieldNames(providerFields(), "name"))
		if !ok || !p.Require("name", "a provider starts with `- name: …`") {
			continue
		}
		name := p.String("name")
		if !ValidName(name) {
			p.Fail("name", fmt.Sprintf("%s cannot be a provider's name", diag.Quote(name)), "use letters, digits, dots, dashes and underscores")
			continue
		}
		if lines[name] > 0 {
			p.Fail("name", fmt.Sprintf("the provider %q appears twice", name), fmt.Sprintf("it is already in line %d; merge the two", lines[name]))
			continue
		}
		lines[name] = p.Value("name").Line
		l.name(name)
		l.places[name] = entry{node: p.Value("name"), from: file}
		r.provider = name
		l.readFields(p, providerFields(), r, file)
		if l.role == RoleProject {
			l.refuseOwn(d, p, name)
		}
	}
}

// refuseOwn refuses what only the user's own file may say of a provider.
func (l *layer) refuseOwn(d *yamlx.Decoder, p yamlx.Map, name string) {
	for _, own := range []struct{ name, what string }{
		{"local", "set `local`, which says that a server runs its models on this machine"},
		{"headers", "set headers"},
		{"tls", "set certificates and keys"},
	} {
		if n := p.Value(own.name); n != nil {
			d.Fail(n, "only your own file may "+own.what, userFileRemedy)
		}
	}
	for _, field := range boundFields() {
		delete(l.values, key{name, field})
	}
	if hosts, ok := l.values[key{name, "hosts"}]; ok {
		for i, h := range hosts.value.([]Host) {
			if h.Wake != "" {
				d.Fail(p.Value("hosts").Content[i], "only your own file may have a machine woken (`wake`)", userFileRemedy)
			}
		}
	}
}

// readFields reads the values of a mapping's keys, and those of the mappings in
// it, which fields with a dot name: timeouts.connect.
func (l *layer) readFields(m yamlx.Map, fields []field, r reader, file string) {
	groups := map[string]yamlx.Map{}
	for _, f := range fields {
		in, name := m, f.name
		if head, tail, nested := strings.Cut(f.name, "."); nested {
			g, seen := groups[head]
			if !seen {
				g, _ = m.Map(head, head, membersOf(fields, head))
				groups[head] = g
			}
			in, name = g, tail
		}
		if !in.Has(name) {
			continue
		}
		if v := f.read(r, in, name); v != nil {
			l.set(key{r.provider, f.name}, entry{value: v, node: in.Value(name), from: file})
		} else {
			l.wrong[key{r.provider, f.name}] = true
		}
	}
}

// membersOf are the names that the fields below head have.
func membersOf(fields []field, head string) (names []string) {
	for _, f := range fields {
		if n, ok := strings.CutPrefix(f.name, head+"."); ok {
			names = append(names, n)
		}
	}
	return names
}

// setText reads a value that came as text, from a variable or a flag called
// from, by the rules of the file.
func (l *layer) setText(k key, f field, text, from string, r reader) {
	n := textNode(f, text)
	last := f.name[strings.LastIndex(f.name, ".")+1:]
	d := yamlx.NewDecoder(from)
	root := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: last}, n}}
	m, _ := d.Mapping(root, "", nil)
	r.provider = k.provider
	if v := f.read(r, m, last); v != nil {
		l.set(k, entry{value: v, from: from})
	} else {
		l.wrong[k] = true
	}
	l.errs = append(l.errs, diag.Split(d.Err())...)
}

// textNode is text as the YAML that it stands for: lists have commas.
func textNode(f field, text string) *yaml.Node {
	scalar := func(s string) *yaml.Node {
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(s)}
		n.Tag = n.ShortTag()
		return n
	}
	switch f.name {
	case "use", "local_networks":
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, s := range strings.Split(text, ",") {
			if strings.TrimSpace(s) != "" {
				list.Content = append(list.Content, scalar(s))
			}
		}
		return list
	case "offline", "managed", "local":
		if v, ok := map[string]string{"1": "true", "0": "false"}[text]; ok {
			text = v
		}
	}
	return scalar(text)
}
