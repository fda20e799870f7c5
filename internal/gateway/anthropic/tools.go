package anthropic

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// tools reads tools and tool_choice. Tools that Anthropic defines, such as its web
// search, are left out: no model here knows them, and no server here runs them. The
// rest are sent in the order of their names, so that the same tools are the same
// prompt.
func (d *decoder) tools(o body.Object) {
	req := &d.q.Request
	left := map[string]string{} // out: types by name
	for _, item := range o.List("tools") {
		t := item.Object()
		name, kind := t.Text("name"), t.Text("type")
		if kind != "" && kind != "custom" {
			if name == "" {
				name = kind
			}
			left[name] = kind
			d.ignore(item.Path() + " (" + exchange.Brief(kind) + ")")
			d.note("the tool " + exchange.Brief(name) + " was left out: tools of Anthropic's own are not run here")
			continue
		}
		if name == "" {
			t.Missing("name", "")
			return
		}
		if _, ok := t.Object("input_schema"); !ok {
			t.Missing("input_schema", "")
			return
		}
		if slices.ContainsFunc(req.Tools, func(other provider.Tool) bool { return other.Name == name }) {
			t.Failf("name", "there are two tools named %q", exchange.Brief(name))
			return
		}
		req.Tools = append(req.Tools, provider.Tool{Name: name, Description: t.Text("description"), Parameters: t.Raw("input_schema")})
	}
	slices.SortStableFunc(req.Tools, func(a, b provider.Tool) int { return strings.Compare(a.Name, b.Name) })
	d.toolChoice(o, left)
}

// toolChoice reads tool_choice. left are the tools that were left out.
func (d *decoder) toolChoice(o body.Object, left map[string]string) {
	c, ok := o.Object("tool_choice")
	if !ok {
		return
	}
	req := &d.q.Request
	switch kind := c.Text("type"); kind {
	case "auto", "none":
		req.ToolChoice = kind
	case "any":
		if len(req.Tools) == 0 {
			c.Failf("type", "it is any, and there is no tool that can be called here")
		}
		req.ToolChoice = "required"
	case "tool":
		req.ToolChoice = c.Text("name")
		switch {
		case req.ToolChoice == "":
			c.Missing("name", "")
		case left[req.ToolChoice] != "":
			c.Failf("name", "the tool %q is one of Anthropic's own, which are not run here; leave it out", exchange.Brief(req.ToolChoice))
		case !slices.ContainsFunc(req.Tools, func(t provider.Tool) bool { return t.Name == req.ToolChoice }):
			c.Failf("name", "there is no tool %q in tools", exchange.Brief(req.ToolChoice))
		}
	default:
		c.Failf("type", "it has to be auto, any, none or tool, not %q", exchange.Brief(kind))
	}
	if c.True("disable_parallel_tool_use") {
		d.ignore("tool_choice.disable_parallel_tool_use")
	}
	if len(req.Tools) == 0 { // without tools there is nothing to choose
		req.ToolChoice = ""
	}
}
