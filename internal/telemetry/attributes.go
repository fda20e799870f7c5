package telemetry

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// schema is the version of the conventions that the names are from.
const schema = "https://opentelemetry.io/schemas/1.40.0"

// requestAttributes are the attributes that are known before the answer.
func requestAttributes(req *provider.Request, t System, run provider.Run) []attribute.KeyValue {
	out := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", t.ProviderName),
		attribute.String("gen_ai.request.model", t.Model),
	}
	if req.Temperature != nil {
		out = append(out, attribute.Float64("gen_ai.request.temperature", *req.Temperature))
	}
	if req.TopP != nil {
		out = append(out, attribute.Float64("gen_ai.request.top_p", *req.TopP))
	}
	if req.MaxTokens != nil {
		out = append(out, attribute.Int("gen_ai.request.max_tokens", *req.MaxTokens))
	}
	if req.Seed != nil {
		out = append(out, attribute.Int64("gen_ai.request.seed", *req.Seed))
	}
	if len(req.Stop) > 0 && req.Privacy != provider.PrivacyLocal { // they are texts of the prompt's author
		out = append(out, attribute.StringSlice("gen_ai.request.stop_sequences", req.Stop))
	}
	for _, name := range []string{"top_k", "frequency_penalty", "presence_penalty"} {
		switch v := req.Options[name].(type) {
		case int:
			out = append(out, attribute.Float64("gen_ai.request."+name, float64(v)))
		case int64:
			out = append(out, attribute.Float64("gen_ai.request."+name, float64(v)))
		case float64:
			out = append(out, attribute.Float64("gen_ai.request."+name, v))
		}
	}
	if req.Schema != nil {
		out = append(out, attribute.String("gen_ai.output.type", "json"))
	}
	if req.Privacy == provider.PrivacyLocal {
		out = append(out, attribute.String("tandem.privacy", "local"))
	}
	if run.ID != "" {
		out = append(out, attribute.String("tandem.run.id", run.ID))
	}
	return out
}

// runAttributes are those of a step.
func runAttributes(run provider.Run) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("tandem.run.id", run.ID), attribute.String("tandem.chain.name", run.Chain),
		attribute.String("tandem.step.name", run.Step), attribute.Int("tandem.step.index", run.Index),
	}
}

// responseAttributes are the attributes of an answer and its route. last is nil where
// there was none.
func responseAttributes(last *provider.Chunk, r *provider.Route) []attribute.KeyValue {
	out := serverAttributes(r.Endpoint)
	if r.Provider != "" {
		out = append(out, attribute.String("tandem.route.provider", r.Provider))
	}
	if last == nil {
		return out
	}
	reason, _, _ := strings.Cut(r.Reason, ":") // behind it may stand what a server wrote
	out = append(out,
		attribute.StringSlice("gen_ai.response.finish_reasons", []string{string(last.Finish)}),
		attribute.String("gen_ai.response.model", r.Model),
		attribute.String("tandem.route.endpoint", r.Endpoint),
		attribute.Bool("tandem.route.local", r.Local),
		attribute.String("tandem.route.reason", reason),
		attribute.Float64("tandem.route.first_token", r.FirstToken.Seconds()),
	)
	if r.Gateway != "" {
		out = append(out, attribute.String("tandem.route.gateway", r.Gateway))
	}
	if r.Load > 0 {
		out = append(out, attribute.Float64("tandem.route.load", r.Load.Seconds()))
	}
	if r.Cost != nil && r.Cost.USD != nil {
		out = append(out, attribute.Float64("tandem.cost.usd", *r.Cost.USD))
	}
	if u := last.Usage; u != nil {
		out = append(out, attribute.Int("gen_ai.usage.input_tokens", u.InputTokens), attribute.Int("gen_ai.usage.output_tokens", u.OutputTokens))
		if u.CachedTokens > 0 {
			out = append(out, attribute.Int("gen_ai.usage.cache_read.input_tokens", u.CachedTokens))
		}
	}
	return out
}

// serverAttributes are server.address and server.port of an endpoint, scheme://host[:port].
func serverAttributes(endpoint string) []attribute.KeyValue {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	return []attribute.KeyValue{attribute.String("server.address", u.Hostname()), attribute.Int("server.port", port)}
}

// attemptAttributes are the attributes of an attempt's event. Its Reason, which a server
// may have written, is not among them.
func attemptAttributes(a provider.Attempt) []attribute.KeyValue {
	out := []attribute.KeyValue{
		attribute.String("tandem.attempt.provider", a.Provider),
		attribute.String("tandem.attempt.outcome", string(a.Outcome)),
	}
	if a.Model != "" {
		out = append(out, attribute.String("tandem.attempt.model", a.Model))
	}
	if a.Kind != "" {
		out = append(out, attribute.String("error.type", string(a.Kind)))
	}
	if a.Took > 0 {
		out = append(out, attribute.Float64("tandem.attempt.duration", a.Took.Seconds()))
	}
	if a.Tries > 0 {
		out = append(out, attribute.Int("tandem.attempt.tries", a.Tries))
	}
	if a.SentTo != "" {
		out = append(out, attribute.String("tandem.attempt.sent_to", a.SentTo))
	}
	return out
}

// part and message are the conventions' form of what was said.
type part struct {
	Type      string          `json:"type"`
	Content   string          `json:"content,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Response  string          `json:"response,omitempty"`
}

type message struct {
	Role   string `json:"role"`
	Parts  []part `json:"parts"`
	Finish string `json:"finish_reason,omitempty"`
}

// promptAttributes is what was asked, images left out: system messages on their own, as
// the conventions have it.
func promptAttributes(messages []provider.Message) []attribute.KeyValue {
	var system []part
	var said []message
	for _, m := range messages {
		p := part{Type: "text", Content: m.Text}
		switch m.Role {
		case provider.RoleSystem:
			system = append(system, p)
			continue
		case provider.RoleTool:
			p = part{Type: "tool_call_response", ID: m.ToolCallID, Response: m.Text}
		}
		out := message{Role: string(m.Role)}
		if m.Text != "" {
			out.Parts = append(out.Parts, p)
		}
		for _, c := range m.ToolCalls {
			out.Parts = append(out.Parts, part{Type: "tool_call", ID: c.ID, Name: c.Name, Arguments: c.Arguments})
		}
		said = append(said, out)
	}
	out := []attribute.KeyValue{attribute.String("gen_ai.input.messages", toJSON(said))}
	if system != nil {
		out = append(out, attribute.String("gen_ai.system_instructions", toJSON(system)))
	}
	return out
}

// completionAttribute is what was answered.
func completionAttribute(text string, f provider.Finish) attribute.KeyValue {
	m := []message{{Role: "assistant", Parts: []part{{Type: "text", Content: text}}, Finish: string(f)}}
	return attribute.String("gen_ai.output.messages", toJSON(m))
}

// scrubAttributes is attributes without secrets.
func scrubAttributes(secrets *redact.Redactor, all []attribute.KeyValue) []attribute.KeyValue {
	for i := range all {
		kv := &all[i]
		switch kv.Value.Type() {
		case attribute.STRING:
			text := kv.Value.AsString()
			if strings.HasSuffix(string(kv.Key), "messages") || kv.Key == "gen_ai.system_instructions" {
				text = string(secrets.JSON(json.RawMessage(text)))
			} else {
				text = secrets.Text(text)
			}
			kv.Value = attribute.StringValue(text)
		case attribute.STRINGSLICE:
			texts := kv.Value.AsStringSlice()
			for j := range texts {
				texts[j] = secrets.Text(texts[j])
			}
			kv.Value = attribute.StringSliceValue(texts)
		}
	}
	return all
}

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "[]" // tool arguments are valid JSON, by the contract
	}
	return string(text)
}
