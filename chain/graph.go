package chain

import (
	"fmt"
	"slices"
	"strings"
)

// Mermaid returns the chain as a flowchart in Mermaid's language
// (https://mermaid.js.org): its inputs and steps, an arrow from each value to
// where it is used, and boxes around steps that lie in others.
func (c *Chain) Mermaid() string {
	d := &drawing{}
	d.line("flowchart TD")
	names := &drawn{at: map[string]string{}}
	for _, in := range c.inputs {
		text := in.Name
		if in.Type != TypeAny {
			text += ": " + string(in.Type)
		}
		names.at[in.Name] = d.node(`([%s])`, text)
	}
	last := d.drawSteps(c.steps, names, c.pipe)
	answer := d.node(`([%s])`, "answer")
	d.edges = append(d.edges, edge{from: last, to: answer, arrow: "==>"})
	d.indent = "  "
	for _, e := range d.edges {
		label := ""
		if e.label != "" {
			label = "|" + quoted(e.label) + "|"
		}
		d.line("%s %s%s %s", e.from, e.arrow, label, e.to)
	}
	return d.text.String()
}

// drawing is a flowchart as it grows.
type drawing struct {
	text   strings.Builder
	nodes  int
	indent string
	edges  []edge
}

type edge struct{ from, to, arrow, label string }

// drawn is which node each name stands for, the nearest first.
type drawn struct {
	outer *drawn
	at    map[string]string
	pipe  string // the node that every name stands for
}

func (n *drawn) nodeOf(name string) string {
	for ; n != nil; n = n.outer {
		if n.pipe != "" {
			return n.pipe
		}
		if id, ok := n.at[name]; ok {
			return id
		}
	}
	return ""
}

func (d *drawing) line(format string, args ...any) {
	fmt.Fprintf(&d.text, d.indent+format+"\n", args...)
}

func (d *drawing) id() string {
	d.nodes++
	return fmt.Sprintf("n%d", d.nodes)
}

// node draws a node and returns its name.
func (d *drawing) node(shape, text string) string {
	id, was := d.id(), d.indent
	if d.indent == "" {
		d.indent = "  "
	}
	d.line("%s"+shape, id, quoted(text))
	d.indent = was
	return id
}

// box draws what content draws within a box.
func (d *drawing) box(title string, content func()) string {
	id, was := d.id(), d.indent
	if d.indent == "" {
		d.indent = "  "
	}
	d.line("subgraph %s[%s]", id, quoted(title))
	outer := d.indent
	d.indent += "  "
	content()
	d.indent = outer
	d.line("end")
	d.indent = was
	return id
}

// join draws an arrow from each of the names' nodes.
func (d *drawing) join(names *drawn, used []string, to string) {
	var from []string
	for _, name := range used {
		if id := names.nodeOf(name); id != "" && id != to && !slices.Contains(from, id) {
			from = append(from, id)
			d.edges = append(d.edges, edge{from: id, to: to, arrow: "-->"})
		}
	}
}

// drawSteps draws steps that run one after the other, and returns the last one's node.
func (d *drawing) drawSteps(steps []step, names *drawn, pipe bool) string {
	inner := &drawn{outer: names, at: map[string]string{}}
	last := ""
	for i := range steps {
		s := &steps[i]
		if pipe && i > 0 {
			inner = &drawn{pipe: last}
		}
		var branches map[string]string
		last, branches = d.step(s, inner)
		if pipe {
			continue
		}
		inner.at[s.name] = last
		for name, id := range branches {
			inner.at[name] = id
		}
	}
	return last
}

// step draws a step; branches are the names that it provides besides its own.
func (d *drawing) step(s *step, names *drawn) (id string, branches map[string]string) {
	title := strings.Join(append([]string{s.name}, s.traits()...), " · ")
	within := names
	if s.each != nil {
		within = &drawn{outer: within, at: map[string]string{s.each.as: ""}}
	}
	if s.repeat != nil {
		within = &drawn{outer: within, at: map[string]string{s.repeat.as: ""}}
	}
	content := func(title string) {
		switch b := s.body.(type) {
		case *group:
			id = d.box(title, func() { d.drawSteps(b.steps, within, false) })
		case *parallel:
			branches = map[string]string{}
			id = d.box(title+" · in parallel", func() {
				for i := range b.branches {
					branches[b.branches[i].name], _ = d.step(&b.branches[i], within)
				}
			})
		case *route:
			id = d.box(title, func() { d.route(b, within) })
		case *sub:
			id = d.box(title, func() { d.sub(b, within) })
		default:
			id = d.leaf(s, title, within)
		}
	}
	if _, isLeaf := s.uses(); isLeaf && (s.each != nil || s.repeat != nil) {
		id = d.box(title, func() { content(s.name) })
	} else {
		content(title)
	}
	d.join(names, s.controls(), id)
	if s.fallback != nil {
		instead, _ := d.step(s.fallback, within)
		d.edges = append(d.edges, edge{from: id, to: instead, arrow: "-.->", label: "if it fails"})
	}
	return id, branches
}

// leaf draws a step with no steps in it.
func (d *drawing) leaf(s *step, title string, names *drawn) string {
	shape := "[%s]"
	switch s.body.(type) {
	case *textBody:
		shape = "(%s)"
	case *transform:
		shape = "{{%s}}"
	case *lookup:
		shape = "[(%s)]"
	}
	id := d.node(shape, title)
	used, _ := s.uses()
	d.join(names, used, id)
	return id
}

func (d *drawing) route(b *route, names *drawn) {
	var choice string
	if b.ask != nil {
		choice = d.node("{%s}", "the model chooses")
		d.join(names, promptNames(b.ask.prompt), choice)
	} else {
		choice = d.node("{%s}", b.by.shown())
		d.join(names, b.by.variables(), choice)
	}
	for i := range b.branches {
		label := b.branches[i].name
		if i == b.fallback {
			label += ", or anything else"
		}
		id, _ := d.step(&b.branches[i], names)
		d.edges = append(d.edges, edge{from: choice, to: id, arrow: "-->", label: label})
	}
}

func (d *drawing) sub(b *sub, names *drawn) {
	inner := &drawn{at: map[string]string{}}
	for _, in := range b.chain.inputs {
		id := d.node(`([%s])`, in.Name)
		inner.at[in.Name] = id
		if e := b.with[in.Name]; e != nil {
			d.join(names, e.variables(), id)
		} else {
			d.join(names, []string{in.Name}, id)
		}
	}
	d.drawSteps(b.chain.steps, inner, b.chain.pipe)
}
