package openai

import (
	"encoding/json"
	"math"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
	"github.com/tandem-llm/tandem/provider"
)

// ResponseParams are the parameters of responses.
var ResponseParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "as for chat completions"},
	{Name: "input", Class: exchange.Honoured, Note: "a text, or items: messages with texts and images, function calls and their outputs, reasoning, references to what is stored"},
	{Name: "instructions", Class: exchange.Honoured},
	{Name: "previous_response_id", Class: exchange.Honoured, Note: "of a response that is stored"},
	{Name: "store", Class: exchange.Honoured, Note: "true where it is left out; nothing is stored with `log: meta` or `off`"},
	{Name: "stream", Class: exchange.Honoured},
	{Name: "temperature", Class: exchange.Honoured},
	{Name: "top_p", Class: exchange.Honoured},
	{Name: "max_output_tokens", Class: exchange.Honoured},
	{Name: "tools", Class: exchange.Honoured, Note: "functions, and those of namespaces; others are left out and named, because they do not run here"},
	{Name: "tool_choice", Class: exchange.Honoured},
	{Name: "text", Class: exchange.Honoured, Note: "`format`: `text`, `json_object` and `json_schema`, which is enforced; `verbosity` is not used"},
	{Name: "reasoning", Class: exchange.Honoured, Note: "`effort`; what the model thinks is its summary"},
	{Name: "truncation", Class: exchange.Harmless, Note: "nothing is cut: what is too long is an error"},
	{Name: "stream_options", Class: exchange.Harmless},
	{Name: "include", Class: exchange.Harmless, Note: "nothing is encrypted here"},
	{Name: "parallel_tool_calls", Class: exchange.Harmless, Note: "the model decides"},
	{Name: "max_tool_calls", Class: exchange.Harmless, Note: "no tools run here"},
	{Name: "metadata", Class: exchange.Harmless, Note: "comes back with the response"},
	{Name: "user", Class: exchange.Harmless, Note: "also the session, where nothing else says it"},
	{Name: "safety_identifier", Class: exchange.Harmless, Note: "as user"},
	{Name: "prompt_cache_key", Class: exchange.Harmless, Note: "also the session, where nothing else says it"},
	{Name: "prompt_cache_retention", Class: exchange.Harmless},
	{Name: "service_tier", Class: exchange.Harmless},
	{Name: "client_metadata", Class: exchange.Harmless},
	{Name: "context_management", Class: exchange.Harmless, Note: "the client's own conversation stays as it is"},
	{Name: "background", Class: exchange.Refused, Note: "ask for a stream instead", Unless: []string{"false"}},
	{Name: "conversation", Class: exchange.Refused, Note: "use previous_response_id"},
	{Name: "prompt", Class: exchange.Refused, Note: "there are no stored prompts; send instructions and input"},
	{Name: "top_logprobs", Class: exchange.Refused, Unless: []string{"0"}},
}

// responseNames are the API's names of what a provider may refuse.
var responseNames = map[string]string{"response_format": "text.format", "reasoning_effort": "reasoning.effort"}

// responseQuestion is a request for a response as it was decoded.
type responseQuestion struct {
	*exchange.Question
	items    []json.RawMessage // the request's own input
	previous string
	store    bool
	echo     echo
	spaces   map[string]spaced // functions of namespaces, by the names that the model has for them
}

// echo is what a response repeats of its request.
type echo struct {
	Instructions    *string         `json:"instructions"`
	MaxOutputTokens *int64          `json:"max_output_tokens"`
	Metadata        json.RawMessage `json:"metadata"`
	Parallel        bool            `json:"parallel_tool_calls"`
	Previous        *string         `json:"previous_response_id"`
	Reasoning       json.RawMessage `json:"reasoning"`
	Temperature     *float64        `json:"temperature"`
	Text            json.RawMessage `json:"text"`
	ToolChoice      json.RawMessage `json:"tool_choice"`
	Tools           json.RawMessage `json:"tools"`
	TopP            *float64        `json:"top_p"`
	Truncation      string          `json:"truncation"`
}

func (a *API) responses(w http.ResponseWriter, r *http.Request) {
	data, q, err := a.readResponse(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	answer := &responseAnswer{in: q, keep: a.keeper(r, q), strict: r.Header.Get("X-Stainless-Lang") != ""}
	a.x.Answer(w, r, exchange.Asked{Dialect: "openai", Body: data}, q.Question, answer)
}

// readResponse reads a request, with what is stored of the conversation.
func (a *API) readResponse(r *http.Request) ([]byte, *responseQuestion, error) {
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		return nil, nil, err
	}
	q, err := decodeResponse(b, exchange.Strict(r), func(id string) (*responsestore.Response, error) { return a.find(r.Context(), id) })
	return data, q, err
}

// decodeResponse reads a request for a response. find finds stored ones.
func decodeResponse(b *body.Reader, strict bool, find func(id string) (*responsestore.Response, error)) (*responseQuestion, error) {
	o := b.Object()
	q := &responseQuestion{Question: &exchange.Question{Model: o.Text("model"), Stream: o.True("stream"), Names: responseNames}}
	req := &q.Request
	req.Temperature, req.TopP = o.Float("temperature", 0, 2), o.Float("top_p", 0, 1)
	limit := o.Int("max_output_tokens", 1, math.MaxInt32)
	if limit != nil {
		req.MaxTokens = provider.Ptr(int(*limit))
	}
	if t, ok := o.Object("text"); ok {
		decodeTextFormat(t, req)
	}
	if think, ok := o.Object("reasoning"); ok {
		req.Think = effort(think, "effort")
	}
	left := q.decodeTools(o)
	instructions := o.Text("instructions")
	q.previous = o.Text("previous_response_id")
	store := o.Bool("store")
	q.store = store == nil || *store
	q.items = inputItems(o)
	q.Session = session(o)
	q.echo = echoOf(o, limit)
	if err := b.Err(); err != nil {
		return nil, err
	}
	var err error
	if q.Ignored, err = ResponseParams.Check(o, strict); err != nil {
		return nil, err
	}
	q.Ignored = append(q.Ignored, left...)
	h := &history{find: find, q: q, names: map[string]string{}}
	if instructions != "" {
		h.add(provider.System(instructions))
	}
	if err := h.before(q.previous); err != nil {
		return nil, err
	}
	if h.read(q.items, "input"); h.err != nil {
		return nil, h.err
	}
	req.Messages = h.end()
	return q, nil
}

func echoOf(o body.Object, limit *int64) echo {
	e := echo{
		MaxOutputTokens: limit, Metadata: o.Raw("metadata"), Reasoning: o.Raw("reasoning"), Text: o.Raw("text"),
		Temperature: o.Float("temperature", 0, 2), TopP: o.Float("top_p", 0, 1), ToolChoice: o.Raw("tool_choice"), Tools: o.Raw("tools"), Truncation: "disabled",
	}
	e.Parallel = o.Bool("parallel_tool_calls") == nil || o.True("parallel_tool_calls")
	if s := o.Text("instructions"); s != "" {
		e.Instructions = &s
	}
	if s := o.Text("previous_response_id"); s != "" {
		e.Previous = &s
	}
	for member, none := range map[*json.RawMessage]string{&e.Metadata: "{}", &e.Reasoning: "null", &e.Text: `{"format":{"type":"text"}}`, &e.ToolChoice: `"auto"`, &e.Tools: "[]"} {
		if *member == nil {
			*member = json.RawMessage(none)
		}
	}
	return e
}

// brief is the echo without what is long, for the events that say nothing new.
func (e echo) brief() echo {
	e.Instructions, e.Tools, e.Text = nil, json.RawMessage("[]"), json.RawMessage("{}")
	return e
}

// decodeTextFormat reads text.format.
func decodeTextFormat(t body.Object, req *provider.Request) {
	f, ok := t.Object("format")
	if !ok {
		return
	}
	switch kind := f.Text("type"); kind {
	case "text", "":
	case "json_object":
		req.Schema = &provider.Schema{JSON: []byte(`{"type":"object"}`)}
	case "json_schema":
		if _, ok := f.Object("schema"); !ok {
			f.Missing("schema", "")
			return
		}
		req.Schema = &provider.Schema{JSON: f.Raw("schema"), Name: f.Text("name"), Strict: f.True("strict")}
	default:
		f.Failf("type", "it has to be text, json_object or json_schema, not %q", kind)
	}
}

// inputItems are the items of input; a text is one message.
func inputItems(o body.Object) []json.RawMessage {
	switch o.Kind("input") {
	case "":
		if o.Text("previous_response_id") == "" {
			o.Missing("input", "send a string or an array of items")
		}
		return nil
	case body.KindString:
		if o.Text("input") == "" {
			o.Failf("input", "it is empty")
		}
		raw, _ := json.Marshal(map[string]any{"type": "message", "role": "user", "content": o.Text("input")}) // texts only
		return []json.RawMessage{raw}
	}
	items := o.List("input")
	if len(items) == 0 && o.Kind("input") == body.KindArray && o.Text("previous_response_id") == "" {
		o.Failf("input", "it is empty; send at least one item")
	}
	out := make([]json.RawMessage, len(items))
	for i, item := range items {
		out[i] = item.Raw()
	}
	return out
}
