package openai

import (
	"math"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// ChatParams are the parameters of chat completions.
var ChatParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "a name of /v1/models; `tandem`, or none: the configuration's own choice"},
	{Name: "messages", Class: exchange.Honoured, Note: "texts, images as data or https URLs, tool calls and results"},
	{Name: "stream", Class: exchange.Honoured},
	{Name: "stream_options", Class: exchange.Honoured, Note: "`include_usage`"},
	{Name: "temperature", Class: exchange.Honoured},
	{Name: "top_p", Class: exchange.Honoured},
	{Name: "seed", Class: exchange.Honoured},
	{Name: "max_tokens", Class: exchange.Honoured},
	{Name: "max_completion_tokens", Class: exchange.Honoured},
	{Name: "stop", Class: exchange.Honoured},
	{Name: "tools", Class: exchange.Honoured, Note: "functions"},
	{Name: "tool_choice", Class: exchange.Honoured},
	{Name: "functions", Class: exchange.Refused, Note: "use tools instead"},
	{Name: "function_call", Class: exchange.Refused, Note: "use tool_choice instead", Unless: []string{`"none"`}},
	{Name: "response_format", Class: exchange.Honoured, Note: "`text`, `json_object` and `json_schema`, which is enforced"},
	{Name: "reasoning_effort", Class: exchange.Honoured, Note: "`none` is off"},
	{Name: "frequency_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "presence_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "top_k", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "min_p", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "logit_bias", Class: exchange.Honoured, Note: "where the engine can", Unless: []string{"{}"}},
	{Name: "n", Class: exchange.Refused, Note: "one answer per request; send several requests", Unless: []string{"1"}},
	{Name: "logprobs", Class: exchange.Refused, Unless: []string{"false"}},
	{Name: "top_logprobs", Class: exchange.Refused, Unless: []string{"0"}},
	{Name: "modalities", Class: exchange.Refused, Note: "text only", Unless: []string{`["text"]`}},
	{Name: "audio", Class: exchange.Refused, Note: "text only"},
	{Name: "web_search_options", Class: exchange.Refused},
	{Name: "parallel_tool_calls", Class: exchange.Harmless, Note: "the model decides"},
	{Name: "user", Class: exchange.Harmless, Note: "also the session, where nothing else says it"},
	{Name: "safety_identifier", Class: exchange.Harmless, Note: "as user"},
	{Name: "metadata", Class: exchange.Harmless},
	{Name: "store", Class: exchange.Harmless, Note: "chat completions are not stored"},
	{Name: "service_tier", Class: exchange.Harmless},
	{Name: "prompt_cache_key", Class: exchange.Harmless, Note: "also the session, where nothing else says it"},
	{Name: "prompt_cache_retention", Class: exchange.Harmless},
	{Name: "prediction", Class: exchange.Harmless, Note: "speeds an answer up, and does not change it"},
	{Name: "verbosity", Class: exchange.Refused, Unless: []string{`"medium"`}},
}

// options are parameters that go to the engine by their own names.
var options = []string{"frequency_penalty", "presence_penalty", "top_k", "min_p"}

func (a *API) chat(w http.ResponseWriter, r *http.Request) {
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	q, usage, err := decodeChat(b, exchange.Strict(r))
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	a.x.Answer(w, r, exchange.Asked{Dialect: "openai", Body: data}, q, &chatAnswer{includeUsage: usage})
}

// decodeChat reads a request for a chat completion.
func decodeChat(b *body.Reader, strict bool) (q *exchange.Question, includeUsage bool, err error) {
	o := b.Object()
	q = &exchange.Question{Model: o.Text("model"), Stream: o.True("stream")}
	req := &q.Request
	decodeSampling(o, req)
	if n := o.Int("max_completion_tokens", 1, math.MaxInt32); n != nil {
		req.MaxTokens = provider.Ptr(int(*n))
	} else if n := o.Int("max_tokens", 1, math.MaxInt32); n != nil {
		req.MaxTokens = provider.Ptr(int(*n))
	}
	if so, ok := o.Object("stream_options"); ok {
		includeUsage = so.True("include_usage")
	}
	decodeTools(o, req)
	decodeFormat(o, req)
	req.Think = effort(o, "reasoning_effort")
	decodeMessages(o, req)
	q.Session = session(o)
	if err := b.Err(); err != nil {
		return nil, false, err
	}
	q.Ignored, err = ChatParams.Check(o, strict)
	return q, includeUsage, err
}

// decodeSampling reads how tokens are chosen, and before what the answer ends.
func decodeSampling(o body.Object, req *provider.Request) {
	req.Temperature, req.TopP = o.Float("temperature", 0, 2), o.Float("top_p", 0, 1)
	req.Seed = o.Int("seed", math.MinInt64, math.MaxInt64)
	req.Stop = stops(o, "stop")
	for _, name := range options {
		if f := o.Float(name, -1000, 1000); f != nil {
			exchange.SetOption(req, name, *f)
		}
	}
	if bias, ok := o.Object("logit_bias"); ok && len(bias.Names()) > 0 {
		for _, token := range bias.Names() {
			if bias.Float(token, -100, 100) == nil && !bias.Has(token) {
				bias.Failf(token, "it has to be a number from -100 to 100, not null")
			}
		}
		exchange.SetOption(req, "logit_bias", o.Value("logit_bias"))
	}
}

// session is the conversation as the body has it.
func session(o body.Object) string {
	for _, name := range []string{"prompt_cache_key", "safety_identifier", "user"} {
		if o.Kind(name) == body.KindString {
			if v := o.Text(name); v != "" {
				return v
			}
		}
	}
	return ""
}

// stops are the texts before which generation ends. Empty ones are left out, as OpenAI
// takes them to be none.
func stops(o body.Object, name string) []string {
	var out []string
	for _, s := range o.OneOrMore(name) {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// effort is how much a model is to think.
func effort(o body.Object, name string) provider.Thinking {
	switch v := o.Text(name); v {
	case "":
		return provider.ThinkDefault
	case "none", "off":
		return provider.ThinkOff
	case "minimal", "low":
		return provider.ThinkLow
	case "medium":
		return provider.ThinkMedium
	case "high", "xhigh", "max":
		return provider.ThinkHigh
	default:
		o.Failf(name, "it has to be none, minimal, low, medium, high or xhigh, not %q", v)
		return ""
	}
}

// decodeTools reads tools and tool_choice.
func decodeTools(o body.Object, req *provider.Request) {
	req.Tools = append(req.Tools, exchange.FunctionTools(o)...)
	switch o.Kind("tool_choice") {
	case body.KindString:
		req.ToolChoice = o.Text("tool_choice")
		if c := req.ToolChoice; c != "auto" && c != "none" && c != "required" {
			o.Failf("tool_choice", "it has to be auto, none, required, or an object that names a function, not %q", c)
		}
	case body.KindObject:
		c, _ := o.Object("tool_choice")
		if c.Text("type") == "allowed_tools" {
			c.Failf("type", "allowed_tools is not supported; send only these tools")
			return
		}
		f, ok := c.Object("function")
		if !ok {
			f = c
		}
		if req.ToolChoice = f.Text("name"); req.ToolChoice == "" {
			f.Missing("name", "")
		}
	case "":
	default:
		o.Failf("tool_choice", "it has to be a string or an object")
	}
	if len(req.Tools) == 0 { // without tools there is nothing to choose
		req.ToolChoice = ""
	}
}

// decodeFormat reads response_format.
func decodeFormat(o body.Object, req *provider.Request) {
	f, ok := o.Object("response_format")
	if !ok {
		return
	}
	switch kind := f.Text("type"); kind {
	case "text":
	case "json_object":
		req.Schema = &provider.Schema{JSON: []byte(`{"type":"object"}`)}
	case "json_schema":
		s, ok := f.Object("json_schema")
		if !ok {
			f.Missing("json_schema", "")
			return
		}
		if !s.Has("schema") {
			s.Missing("schema", "")
			return
		}
		if _, ok := s.Object("schema"); !ok {
			return
		}
		req.Schema = &provider.Schema{JSON: s.Raw("schema"), Name: s.Text("name"), Strict: s.True("strict")}
	default:
		f.Failf("type", "it has to be text, json_object or json_schema, not %q", kind)
	}
}
