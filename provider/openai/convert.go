package openai

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/provider"
)

// convert turns a request into go-openai's, and into the members that its
// structs cannot say (see httpx.Call.Prepend): temperature 0 would be left
// out, 0.7 would become 0.69999999, and max_tokens would be refused on models
// whose names it knows.
func (p *Provider) convert(req *provider.Request, w *wire) (goopenai.ChatCompletionRequest, []byte, error) {
	model := p.model(req.Model)
	out := goopenai.ChatCompletionRequest{
		Model: model, Messages: make([]goopenai.ChatCompletionMessage, len(req.Messages)), Stop: req.Stop,
	}
	if c := req.Completion; c != nil {
		return out, nil, p.unsupportedMember(model, c.Member(), "its API answers chats, and cannot complete text (%s); use a model that Ollama runs", c.Member())
	}
	if !req.NoStream && !w.omits(compat.StreamOptions) {
		out.StreamOptions = &goopenai.StreamOptions{IncludeUsage: true}
	}
	var ids toolIDs
	for i := range req.Messages {
		out.Messages[i] = message(&req.Messages[i])
		if m := &req.Messages[i]; m.ReturnsTo(p.cfg.Name) && !w.omits(compat.ReasoningContent) && w.thinking == longThinking {
			out.Messages[i].ReasoningContent = m.Thinking
		}
		if err := ids.assignIDs(&req.Messages[i], &out.Messages[i]); err != nil {
			return out, nil, provider.Errorf(provider.Invalid, p.cfg.Name, model, "message %d: %w", i+1, err)
		}
	}
	if req.Schema != nil {
		if err := p.constrain(&out, req.Schema, w.schema); err != nil {
			return out, nil, err
		}
	}
	if w.shortIDs {
		shortenIDs(out.Messages)
	}
	tools(req, &out)
	if err := p.think(req, &out, w); err != nil {
		return out, nil, err
	}
	extra, err := p.extraMembers(req, model, w)
	return out, extra, err
}

// constrain has the answer follow a schema, in the form that strict mode takes
// or in that which compatible servers make a grammar of. A server that takes none is
// told of it in the prompt.
func (p *Provider) constrain(out *goopenai.ChatCompletionRequest, want *provider.Schema, as string) error {
	s, err := p.schemas.Compile(want.JSON)
	if err != nil {
		return provider.Errorf(provider.Invalid, p.cfg.Name, out.Model, "%w", err)
	}
	if as != compat.JSONSchema {
		if want.Strict || !want.Checked {
			return p.unsupportedMember(out.Model, "response_format", "the server does not support schemas (compat: %s)", as)
		}
		if as == compat.JSONObject {
			out.ResponseFormat = &goopenai.ChatCompletionResponseFormat{Type: goopenai.ChatCompletionResponseFormatTypeJSONObject}
		}
		showSchema(out, s)
		return nil
	}
	form := s.Lower
	if want.Strict {
		form = s.Strict
	}
	text, err := form()
	if err != nil {
		return p.unsupportedMember(out.Model, "response_format", "the server cannot use the schema: %w", err)
	}
	name := want.Name
	if name == "" {
		name = "answer"
	}
	out.ResponseFormat = &goopenai.ChatCompletionResponseFormat{
		Type:       goopenai.ChatCompletionResponseFormatTypeJSONSchema,
		JSONSchema: &goopenai.ChatCompletionResponseFormatJSONSchema{Name: name, Schema: json.RawMessage(text), Strict: want.Strict},
	}
	return nil
}

func message(m *provider.Message) goopenai.ChatCompletionMessage {
	out := goopenai.ChatCompletionMessage{Role: string(m.Role), Content: m.Text, ToolCallID: m.ToolCallID}
	for _, c := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, goopenai.ToolCall{
			ID: c.ID, Type: goopenai.ToolTypeFunction,
			Function: goopenai.FunctionCall{Name: c.Name, Arguments: string(c.Arguments)},
		})
	}
	if len(m.Images) == 0 {
		return out
	}
	out.Content = ""
	if m.Text != "" {
		out.MultiContent = append(out.MultiContent, goopenai.ChatMessagePart{Type: goopenai.ChatMessagePartTypeText, Text: m.Text})
	}
	for _, im := range m.Images {
		out.MultiContent = append(out.MultiContent, goopenai.ChatMessagePart{
			Type: goopenai.ChatMessagePartTypeImageURL, ImageURL: &goopenai.ChatMessageImageURL{URL: imageURL(im)},
		})
	}
	return out
}

// toolIDs gives IDs to tool calls that have none, as those of an older Ollama,
// and finds the call that a result without an ID answers: the first of that
// tool that is still open or, where the result names no tool, the first of all.
type toolIDs struct {
	made int
	open []goopenai.ToolCall
}

func (t *toolIDs) assignIDs(m *provider.Message, out *goopenai.ChatCompletionMessage) error {
	for i := range out.ToolCalls {
		if out.ToolCalls[i].ID == "" {
			t.made++
			out.ToolCalls[i].ID = "call_" + strconv.Itoa(t.made)
		}
	}
	t.open = append(t.open, out.ToolCalls...)
	if m.Role != provider.RoleTool {
		return nil
	}
	if out.Content == "" {
		out.Content = " " // go-openai would leave it out, and the API wants one
	}
	i := slices.IndexFunc(t.open, func(c goopenai.ToolCall) bool {
		if m.ToolCallID != "" {
			return c.ID == m.ToolCallID
		}
		return m.ToolName == "" || c.Function.Name == m.ToolName
	})
	switch {
	case i >= 0:
		out.ToolCallID = t.open[i].ID
		t.open = slices.Delete(t.open, i, i+1)
	case m.ToolCallID == "":
		return fmt.Errorf("the tool result has no ToolCallID, and answers no call before it")
	}
	return nil
}

func imageURL(im provider.Image) string {
	if im.URL != "" {
		return im.URL
	}
	mime := im.MIME
	if mime == "" {
		mime = http.DetectContentType(im.Data)
	}
	return "data:" + mime + ";base64," + base64.StdEncoding.EncodeToString(im.Data)
}

func tools(req *provider.Request, out *goopenai.ChatCompletionRequest) {
	for _, t := range req.Tools {
		out.Tools = append(out.Tools, goopenai.Tool{Type: goopenai.ToolTypeFunction, Function: &goopenai.FunctionDefinition{
			Name: t.Name, Description: t.Description, Parameters: t.Parameters,
		}})
	}
	switch req.ToolChoice {
	case "":
	case "auto", "none", "required":
		out.ToolChoice = req.ToolChoice
	default:
		out.ToolChoice = goopenai.ToolChoice{Type: goopenai.ToolTypeFunction, Function: goopenai.ToolFunction{Name: req.ToolChoice}}
	}
}

// think says how much the model thinks. Where the request leaves that open and has what
// the model takes only without thinking, it is turned off. What OpenAI's models are
// known not to take is Unsupported: go-openai would send nothing either.
func (p *Provider) think(req *provider.Request, out *goopenai.ChatCompletionRequest, w *wire) error {
	refused := func() error { return goopenai.NewReasoningValidator().Validate(*out) }
	switch req.Think {
	case provider.ThinkDefault:
		err := refused()
		if !wantsNoThinking(req, out.Model) || err == nil && w.effort != effortNone {
			break
		}
		out.ReasoningEffort = goopenai.ReasoningEffortNone
		if refused() != nil && err != nil {
			return p.unsupported(out.Model, "%w", err)
		}
	case provider.ThinkOff:
		out.ReasoningEffort = goopenai.ReasoningEffortNone
	case provider.ThinkOn:
		out.ReasoningEffort = goopenai.ReasoningEffortMedium
	default:
		out.ReasoningEffort = string(req.Think)
	}
	if err := refused(); err != nil {
		return p.unsupported(out.Model, "%w", err)
	}
	return nil
}

// extraMembers writes the JSON members that go around go-openai's structs.
func (p *Provider) extraMembers(req *provider.Request, model string, w *wire) ([]byte, error) {
	b := appendNumber(nil, "temperature", req.Temperature)
	b = appendNumber(b, "top_p", req.TopP)
	if req.Seed != nil { // go-openai's is an int, which may have 32 bits
		b = fmt.Appendf(b, `"seed":%d,`, *req.Seed)
	}
	if req.MaxTokens != nil {
		b = fmt.Appendf(b, "%q:%d,", p.maxTokensField(model, w), *req.MaxTokens)
	}
	return p.options(b, req, model)
}

func appendNumber(b []byte, name string, v *float64) []byte {
	if v == nil {
		return b
	}
	return fmt.Appendf(b, "%q:%s,", name, strconv.FormatFloat(*v, 'g', -1, 64))
}

// maxTokensField is the member that limits the answer: o-series and gpt-5
// models refuse max_tokens, and compatible servers may not know the new name.
func (p *Provider) maxTokensField(model string, w *wire) string {
	if p.cfg.MaxTokensField != "" {
		return p.cfg.MaxTokensField
	}
	newer := slices.ContainsFunc([]string{"o1", "o3", "o4", "gpt-5", "gpt-6"}, func(prefix string) bool { return strings.HasPrefix(model, prefix) })
	if newer != w.otherLimit {
		return "max_completion_tokens"
	}
	return "max_tokens"
}

// passed are the option names that are sent as they are: OpenAI's own, then
// those that vLLM, llama.cpp and SGLang share.
var passed = map[string]bool{
	"frequency_penalty": true, "presence_penalty": true, "logit_bias": true, "user": true,
	"service_tier": true, "verbosity": true, "safety_identifier": true, "metadata": true,
	"store": true, "prediction": true, "parallel_tool_calls": true, "prompt_cache_key": true,
	"top_k": true, "min_p": true, "repetition_penalty": true, "repeat_penalty": true,
	"min_tokens": true, "ignore_eos": true, "chat_template_kwargs": true, "grammar": true, "cache_prompt": true,
}

// onlyCompatible are the passed names that OpenAI itself does not know.
var onlyCompatible = map[string]bool{
	"top_k": true, "min_p": true, "repetition_penalty": true, "repeat_penalty": true,
	"min_tokens": true, "ignore_eos": true, "chat_template_kwargs": true, "grammar": true, "cache_prompt": true,
}

// options appends the engine's own options to b.
func (p *Provider) options(b []byte, req *provider.Request, model string) ([]byte, error) {
	if len(req.Options) == 0 && len(p.cfg.Options) == 0 {
		return b, nil
	}
	all := make(map[string]any, len(req.Options)+len(p.cfg.Options))
	for k, v := range p.cfg.Options {
		all[k] = v
	}
	for k, v := range req.Options {
		all[k] = v
	}
	delete(all, "num_ctx") // how an Ollama loads a model: a server of this kind has its window
	names := make([]string, 0, len(all))
	for k := range all {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		if !passed[k] {
			return nil, p.unsupportedMember(model, k, "option %q is not known to any OpenAI-compatible server", k)
		}
		if onlyCompatible[k] && p.endpoint == "https://api.openai.com" {
			return nil, p.unsupportedMember(model, k, "option %q is known to compatible servers, but not to OpenAI", k)
		}
		v, err := json.Marshal(all[k])
		if err != nil {
			return nil, provider.Errorf(provider.Invalid, p.cfg.Name, model, "option %q: %w", k, err)
		}
		b = fmt.Appendf(b, "%q:%s,", k, v)
	}
	return b, nil
}
