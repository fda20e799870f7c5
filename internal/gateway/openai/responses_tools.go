package openai

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// spaced is a function of a namespace.
type spaced struct{ namespace, name string }

// flat is the name that a model has for a function of a namespace: models know of no
// namespaces.
func flat(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return strings.TrimSuffix(namespace, "__") + "__" + name
}

// decodeTools reads tools and tool_choice, and returns the tools that are left out,
// because they do not run here.
func (q *responseQuestion) decodeTools(o body.Object) (left []string) {
	q.spaces = map[string]spaced{}
	for _, item := range o.List("tools") {
		t := item.Object()
		switch kind := t.Text("type"); kind {
		case "function":
			q.tool(t, "")
		case "namespace":
			space := t.Text("name")
			if space == "" {
				t.Missing("name", "")
			}
			for _, inner := range t.List("tools") {
				f := inner.Object()
				if kind := f.Text("type"); kind != "function" {
					left = append(left, leftOut(inner.Path(), kind, f.Text("name")))
					continue
				}
				q.tool(f, space)
			}
		case "":
			t.Missing("type", "")
		default:
			left = append(left, leftOut(item.Path(), kind, t.Text("name")))
		}
	}
	if len(left) > 0 {
		q.Notes = append(q.Notes, fmt.Sprintf("%d of the tools are left out, because they are not functions, and do not run here", len(left)))
	}
	q.decodeChoice(o)
	return left
}

func leftOut(path, kind, name string) string {
	if name != "" {
		kind += " " + name
	}
	return fmt.Sprintf("%s (%s)", path, kind)
}

// tool adds a function.
func (q *responseQuestion) tool(t body.Object, space string) {
	f := t
	if inner, ok := t.Object("function"); ok { // as chat completions have it
		f = inner
	}
	tool := exchange.FunctionTool(f)
	if space != "" {
		name := tool.Name
		tool.Name = flat(space, name)
		q.spaces[tool.Name] = spaced{space, name}
	}
	for _, have := range q.Request.Tools {
		if have.Name == tool.Name {
			t.Failf("name", "there are two tools named %q", tool.Name)
		}
	}
	q.Request.Tools = append(q.Request.Tools, tool)
}

// decodeChoice reads tool_choice.
func (q *responseQuestion) decodeChoice(o body.Object) {
	req := &q.Request
	switch o.Kind("tool_choice") {
	case "":
	case body.KindString:
		req.ToolChoice = o.Text("tool_choice")
		if c := req.ToolChoice; c != "auto" && c != "none" && c != "required" {
			o.Failf("tool_choice", "it has to be auto, none, required, or an object that names a function, not %q", c)
		}
	case body.KindObject:
		q.chooseOne(o)
	default:
		o.Failf("tool_choice", "it has to be a string or an object")
	}
	if len(req.Tools) > 0 {
		return
	}
	if req.ToolChoice == "required" {
		o.Failf("tool_choice", "it is required, and there is no function among the tools")
	}
	req.ToolChoice = ""
}

func (q *responseQuestion) chooseOne(o body.Object) {
	req := &q.Request
	c, _ := o.Object("tool_choice")
	switch kind := c.Text("type"); kind {
	case "function", "":
		f := c
		if inner, ok := c.Object("function"); ok {
			f = inner
		}
		if req.ToolChoice = flat(c.Text("namespace"), f.Text("name")); req.ToolChoice == "" {
			f.Missing("name", "")
		} else if !q.hasTool(req.ToolChoice) {
			f.Failf("name", "there is no function %q among the tools", req.ToolChoice)
		}
	case "allowed_tools":
		q.allow(c)
	default:
		c.Failf("type", "a tool of type %q does not run here; choose a function", kind)
	}
}

func (q *responseQuestion) hasTool(name string) bool {
	for _, t := range q.Request.Tools {
		if t.Name == name {
			return true
		}
	}
	return false
}

// allow leaves the tools that tool_choice allows.
func (q *responseQuestion) allow(c body.Object) {
	allowed := map[string]bool{}
	for _, item := range c.List("tools") {
		t := item.Object()
		allowed[flat(t.Text("namespace"), t.Text("name"))] = true
	}
	kept := q.Request.Tools[:0]
	for _, t := range q.Request.Tools {
		if allowed[t.Name] {
			kept = append(kept, t)
		}
	}
	q.Request.Tools = kept
	switch mode := c.Text("mode"); mode {
	case "", "auto", "required":
		q.Request.ToolChoice = mode
	default:
		c.Failf("mode", "it has to be auto or required, not %q", mode)
	}
}
