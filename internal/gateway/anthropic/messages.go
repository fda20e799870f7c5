package anthropic

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

func (a *API) messages(w http.ResponseWriter, r *http.Request) {
	id := identify(w)
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	d, err := a.decode(b, r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	a.x.Answer(w, r, exchange.Asked{Dialect: "anthropic", Body: data}, &d.q, &messageAnswer{requestID: id, thinks: d.thinks, taken: d.names})
}

// decoder reads a request for a message.
type decoder struct {
	q       exchange.Question
	ignored []string
	names   map[string]string // of tool calls, by their ids
	claude  bool              // Claude Code asks
	thinks  bool              // the client wants to see thinking
	adapts  bool              // the model may think if it can
}

// note says once that something was changed.
func (d *decoder) note(text string) {
	if !slices.Contains(d.q.Notes, text) {
		d.q.Notes = append(d.q.Notes, text)
	}
}

// ignore names, once, something that is not used.
func (d *decoder) ignore(name string) {
	if !slices.Contains(d.ignored, name) {
		d.ignored = append(d.ignored, name)
	}
}

// names are Anthropic's, of what a provider may refuse.
var names = map[string]string{"stop": "stop_sequences", "reasoning_effort": "thinking", "response_format": "output_config.format"}

// decode reads a request for a message, or for the count of its tokens.
func (a *API) decode(b *body.Reader, r *http.Request) (*decoder, error) {
	o := b.Object()
	d := &decoder{claude: isClaudeCode(r), names: map[string]string{}}
	d.q.Model, d.q.Stream, d.q.Names = a.modelName(r, o.Text("model")), o.True("stream"), names
	req := &d.q.Request
	req.Temperature, req.TopP = o.Float("temperature", 0, 1), o.Float("top_p", 0, 1)
	if k := o.Int("top_k", 0, math.MaxInt32); k != nil {
		req.Options = provider.Options{"top_k": float64(*k)}
	}
	if n := o.Int("max_tokens", 1, math.MaxInt32); n != nil {
		req.MaxTokens = provider.Ptr(int(*n))
	}
	for _, s := range o.Texts("stop_sequences") {
		if s != "" {
			req.Stop = append(req.Stop, s)
		}
	}
	d.tools(o)
	d.thinking(o)
	d.format(o)
	d.system(o)
	d.conversation(o)
	d.q.Session = session(o)
	d.q.Background = d.claude && isBackground(req)
	if err := b.Err(); err != nil {
		return nil, err
	}
	ignored, err := MessageParams.Check(o, exchange.Strict(r))
	if err != nil {
		return nil, err
	}
	d.q.Ignored = append(ignored, d.ignored...)
	if d.adapts && a.canThink(r, d.q.Model) {
		req.Think = provider.ThinkOn
	}
	return d, nil
}

// canThink reports whether the model that is asked first is known to think.
func (a *API) canThink(r *http.Request, name string) bool {
	if name == "" {
		name = exchange.Default
	}
	e, err := a.x.Find(r.Context(), name)
	if err != nil {
		return false
	}
	can, _ := e.Model.Can(provider.CanThink)
	return can
}

// session is the conversation as the body has it: Claude Code puts an object as text
// into user_id, whose session_id it is.
func session(o body.Object) string {
	if o.Kind("metadata") != body.KindObject {
		return ""
	}
	m, _ := o.Object("metadata")
	if m.Kind("user_id") != body.KindString {
		return ""
	}
	user := m.Text("user_id")
	var inner struct {
		SessionID string `json:"session_id"`
	}
	if json.Unmarshal([]byte(user), &inner) == nil && inner.SessionID != "" {
		return inner.SessionID
	}
	return user
}

// thinking reads whether the model is to think, and whether the client is to see it.
func (d *decoder) thinking(o body.Object) {
	t, ok := o.Object("thinking")
	if !ok {
		return
	}
	switch kind := t.Text("type"); kind {
	case "enabled":
		d.q.Request.Think, d.thinks = provider.ThinkOn, true
		if t.Int("budget_tokens", 1, math.MaxInt32) != nil {
			d.ignore("thinking.budget_tokens")
		}
	case "adaptive":
		d.adapts, d.thinks = true, true
	case "disabled":
		d.q.Request.Think = provider.ThinkOff
	default:
		t.Failf("type", "it has to be enabled, adaptive or disabled, not %q", kind)
	}
	switch display := t.Text("display"); display {
	case "", "summarized", "full":
	case "omitted":
		d.thinks = false
	default:
		d.ignore("thinking.display")
	}
}

// format reads output_config, and output_format as it was called before.
func (d *decoder) format(o body.Object) {
	f, ok := o.Object("output_format")
	if c, has := o.Object("output_config"); has {
		if c.Has("effort") {
			c.Text("effort")
			d.ignore("output_config.effort")
		}
		if c.Has("format") {
			f, ok = c.Object("format")
		}
		for _, name := range c.Names() {
			if name != "effort" && name != "format" && c.Has(name) {
				d.ignore("output_config." + name)
			}
		}
	}
	if !ok {
		return
	}
	if kind := f.Text("type"); kind != "json_schema" {
		f.Failf("type", "it has to be json_schema, not %q", kind)
		return
	}
	if _, ok := f.Object("schema"); !ok {
		f.Missing("schema", "")
		return
	}
	d.q.Request.Schema = &provider.Schema{JSON: f.Raw("schema")}
}
