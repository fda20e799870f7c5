package chains

import (
	"net/http"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// schema writes a JSON Schema of a chain.
func (l *LangServe) schema(of func(*chain.Chain) map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _, err := l.chains.Find(r.PathValue("name"))
		if err != nil {
			Fail(w, l.x.FailureOf(err))
			return
		}
		exchange.WriteJSON(w, http.StatusOK, of(c))
	}
}

// jsonTypes are the types of JSON of a chain's inputs; none: any value.
var jsonTypes = map[chain.Type]string{
	chain.TypeText: "string", chain.TypeList: "array", chain.TypeMap: "object", chain.TypeBool: "boolean", chain.TypeNumber: "number", chain.TypeTime: "string",
}

// property is an input as a JSON Schema.
func property(c *chain.Chain, name string) map[string]any {
	p := map[string]any{"title": name}
	in, ok := c.Input(name)
	if !ok {
		p["type"] = "string"
		return p
	}
	if t := jsonTypes[in.Type]; t != "" {
		p["type"] = t
	}
	if in.Description != "" {
		p["description"] = in.Description
	}
	if in.Default != nil {
		p["default"] = in.Default
	}
	return p
}

// InputSchema is what a chain takes.
func InputSchema(c *chain.Chain) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, name := range c.Inputs() {
		properties[name] = property(c, name)
		if in, ok := c.Input(name); !ok || in.Default == nil && !in.Optional {
			required = append(required, name)
		}
	}
	return map[string]any{"title": c.Name() + "Input", "type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// outputSchema is what it gives.
func outputSchema(c *chain.Chain) map[string]any {
	return map[string]any{"title": c.Name() + "Output", "description": "the text of the last step, or the value that it parses"}
}

// configSchema is what can be configured of it: nothing.
func configSchema(c *chain.Chain) map[string]any {
	return map[string]any{"title": c.Name() + "Config", "type": "object", "properties": map[string]any{}}
}
