package exchange

import (
	"encoding/json"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/provider"
)

// FunctionTools reads the tools of a request as OpenAI and Ollama have them: functions.
func FunctionTools(o body.Object) (tools []provider.Tool) {
	for _, item := range o.List("tools") {
		t := item.Object()
		if kind := t.Text("type"); kind != "function" && kind != "" {
			t.Failf("type", "a tool has to be of type function, not %q; leave it out", kind)
			return tools
		}
		f, ok := t.Object("function")
		if !ok {
			t.Missing("function", "")
			return tools
		}
		tools = append(tools, FunctionTool(f))
	}
	return tools
}

// noParameters are those of a function that has none.
var noParameters = json.RawMessage(`{"type":"object","properties":{}}`)

// FunctionTool reads a function: its name, what it does, and its parameters.
func FunctionTool(f body.Object) provider.Tool {
	t := provider.Tool{Name: f.Text("name"), Description: f.Text("description"), Parameters: noParameters}
	if t.Name == "" {
		f.Missing("name", "")
	}
	if p, ok := f.Object("parameters"); ok && len(p.Names()) > 0 {
		t.Parameters = f.Raw("parameters")
	}
	return t
}
