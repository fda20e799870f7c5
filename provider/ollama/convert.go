package ollama

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// convert turns a request into Ollama's. The second result is members that
// api's structs cannot say whole: the tools' JSON Schemas, of which they keep
// only a part (see httpx.Call.Prepend).
func (p *Provider) convert(req *provider.Request, model string) (*api.ChatRequest, []byte, error) {
	out := &api.ChatRequest{
		Model: model, Messages: make([]api.Message, len(req.Messages)),
		Stream: provider.Ptr(!req.NoStream), Truncate: provider.Ptr(false), Shift: provider.Ptr(false),
		Think: think(req.Think), KeepAlive: p.keepAlive(),
	}
	if err := p.checkCompletion(req, model); err != nil {
		return nil, nil, err
	}
	for i := range req.Messages {
		m, err := p.message(&req.Messages[i], model)
		if err != nil {
			return nil, nil, err
		}
		out.Messages[i] = m
	}
	for i := range req.Messages {
		if m := &req.Messages[i]; m.ReturnsTo(p.cfg.Name) {
			out.Messages[i].Thinking = m.Thinking
		}
	}
	options, err := p.options(req, model)
	if err != nil {
		return nil, nil, err
	}
	out.Options = options
	if req.Schema != nil {
		if err := p.constrain(out, req.Schema); err != nil {
			return nil, nil, err
		}
	}
	switch req.ToolChoice {
	case "", "auto":
	case "none":
		return out, nil, nil
	default:
		return nil, nil, p.unsupportedMember(model, "tool_choice", "Ollama cannot be made to call a tool (tool_choice %q); use auto", req.ToolChoice)
	}
	tools, err := tools(req.Tools)
	return out, tools, err
}

// constrain has the answer follow a schema: lowered to what Ollama makes a
// grammar of and, since Ollama shows the model nothing of it, as it was given
// in the system message.
func (p *Provider) constrain(out *api.ChatRequest, want *provider.Schema) error {
	s, err := p.schemas.Compile(want.JSON)
	if err != nil {
		return provider.Errorf(provider.Invalid, p.cfg.Name, out.Model, "%w", err)
	}
	if out.Format, err = s.Lower(); err != nil {
		return p.unsupportedMember(out.Model, "response_format", "Ollama cannot use the schema: %w", err)
	}
	shown := schema.Shown(s.Text())
	if len(out.Messages) > 0 && out.Messages[0].Role == string(provider.RoleSystem) {
		out.Messages[0].Content += "\n\n" + shown
		return nil
	}
	out.Messages = slices.Insert(out.Messages, 0, api.Message{Role: string(provider.RoleSystem), Content: shown})
	return nil
}

// think is always said: a model that can think does so unless told not to.
func think(t provider.Thinking) *api.ThinkValue {
	switch t {
	case provider.ThinkDefault, provider.ThinkOff:
		return &api.ThinkValue{Value: false}
	case provider.ThinkOn:
		return &api.ThinkValue{Value: true}
	}
	return &api.ThinkValue{Value: string(t)}
}

func (p *Provider) message(m *provider.Message, model string) (api.Message, error) {
	out := api.Message{Role: string(m.Role), Content: m.Text, ToolName: m.ToolName, ToolCallID: m.ToolCallID}
	for _, im := range m.Images {
		if im.URL != "" {
			return out, p.unsupported(model, "Ollama does not fetch images; send the image itself, not its URL")
		}
		out.Images = append(out.Images, im.Data)
	}
	for i, c := range m.ToolCalls {
		call := api.ToolCall{ID: c.ID, Function: api.ToolCallFunction{Index: i, Name: c.Name}}
		if err := json.Unmarshal(c.Arguments, &call.Function.Arguments); err != nil {
			return out, provider.Errorf(provider.Invalid, p.cfg.Name, model, "arguments of tool %q: %w", c.Name, err)
		}
		out.ToolCalls = append(out.ToolCalls, call)
	}
	return out, nil
}

func tools(list []provider.Tool) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	}
	type tool struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}
	out := make([]tool, len(list))
	for i, t := range list {
		out[i] = tool{"function", function{t.Name, t.Description, t.Parameters}}
	}
	var b bytes.Buffer
	b.WriteString(`"tools":`)
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(out)
	b.WriteByte(',')
	return b.Bytes(), err
}

// options merges configuration and request; the request's named fields win.
func (p *Provider) options(req *provider.Request, model string) (map[string]any, error) {
	if err := p.checkOptions(req.Options, model); err != nil {
		return nil, err
	}
	o := make(map[string]any, len(p.cfg.Options)+len(req.Options)+6)
	for k, v := range p.cfg.Options {
		o[k] = v
	}
	if p.cfg.NumCtx > 0 {
		o["num_ctx"] = p.cfg.NumCtx
	}
	for k, v := range req.Options {
		o[k] = v
	}
	if req.Temperature != nil {
		o["temperature"] = *req.Temperature
	}
	if req.TopP != nil {
		o["top_p"] = *req.TopP
	}
	if req.Seed != nil {
		o["seed"] = *req.Seed
	}
	if req.MaxTokens != nil {
		o["num_predict"] = *req.MaxTokens
	}
	if req.Stop != nil {
		o["stop"] = req.Stop
	}
	return o, nil
}

// checkOptions refuses what Ollama would only write into its log.
func (p *Provider) checkOptions(options map[string]any, model string) error {
	names := make([]string, 0, len(options))
	for k := range options {
		names = append(names, k)
	}
	sort.Strings(names)
	known := knownOptions()
	for _, k := range names {
		if !known[k] {
			return p.unsupportedMember(model, k, "Ollama has no option %q", k)
		}
	}
	return nil
}

// knownOptions are the JSON names of api.Options.
func knownOptions() map[string]bool {
	known := map[string]bool{}
	for _, t := range []reflect.Type{reflect.TypeFor[api.Options](), reflect.TypeFor[api.Runner]()} {
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
				known[name] = true
			}
		}
	}
	return known
}

func (p *Provider) unsupported(model, format string, args ...any) error {
	return &provider.Error{Kind: provider.Unsupported, Provider: p.cfg.Name, Model: model, Err: fmt.Errorf(format, args...)}
}

// unsupportedMember is unsupported, about a member of the request.
func (p *Provider) unsupportedMember(model, member, format string, args ...any) error {
	return p.unsupported(model, "%w", failure.About(fmt.Errorf(format, args...), member))
}
