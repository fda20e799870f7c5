package ollama

import (
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// GenerateParams are the parameters of /api/generate.
var GenerateParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "as in /api/chat"},
	{Name: "prompt", Class: exchange.Honoured, Note: "none: the model is loaded, or unloaded with a keep_alive of 0"},
	{Name: "system", Class: exchange.Honoured},
	{Name: "images", Class: exchange.Honoured, Note: "in base64"},
	{Name: "stream", Class: exchange.Honoured, Note: "true unless it is false"},
	{Name: "format", Class: exchange.Honoured, Note: "`json`, or a JSON Schema, which is enforced"},
	{Name: "think", Class: exchange.Honoured, Note: "as in /api/chat"},
	{Name: "options", Class: exchange.Honoured, Note: "see there"},
	{Name: "suffix", Class: exchange.Honoured, Note: "by models that can insert, where an Ollama runs them; it goes with no `system` and no `images`"},
	{Name: "raw", Class: exchange.Honoured, Note: "where an Ollama runs the model; it goes with no `system`, `template` and `format`"},
	{Name: "template", Class: exchange.Honoured, Note: "where an Ollama runs the model"},
	{Name: "context", Class: exchange.Refused, Note: "send the conversation to /api/chat", Unless: []string{"[]"}},
	{Name: "keep_alive", Class: exchange.Harmless, Note: "honoured without a prompt; else the configuration's `keep_alive` holds"},
	{Name: "truncate", Class: exchange.Harmless, Note: "nothing is ever cut: a prompt that is too long is an error"},
	{Name: "shift", Class: exchange.Harmless, Note: "an answer ends at the end of the window"},
	{Name: "logprobs", Class: exchange.Refused, Unless: []string{"false"}},
	{Name: "top_logprobs", Class: exchange.Refused, Unless: []string{"0"}},
	{Name: "_debug_render_only", Class: exchange.Refused, Unless: []string{"false"}},
}

func (a *API) generate(w http.ResponseWriter, r *http.Request) {
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	o := b.Object()
	if o.Text("prompt") == "" && b.Err() == nil {
		a.load(w, r, b, true)
		return
	}
	q, err := decodeGenerate(b, exchange.Strict(r))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.x.Answer(w, r, exchange.Asked{Dialect: "ollama", Body: data}, q, &answer{generate: true})
}

// decodeGenerate reads a request for a generation: a chat of one message, or a text to
// be continued.
func decodeGenerate(b *body.Reader, strict bool) (*exchange.Question, error) {
	o := b.Object()
	q := decodeCommon(o)
	if s := o.Text("system"); s != "" {
		q.Request.Messages = append(q.Request.Messages, provider.System(s))
	}
	m := provider.User(o.Text("prompt"))
	m.Images = decodeImages(o)
	q.Request.Messages = append(q.Request.Messages, m)
	decodeCompletion(o, &q.Request)
	return finish(b, q, GenerateParams, strict)
}

// decodeCompletion reads what makes a text of the prompt that is not answered as a chat.
func decodeCompletion(o body.Object, req *provider.Request) {
	c := provider.Completion{Raw: o.True("raw"), Suffix: o.Text("suffix"), Template: o.Text("template")}
	if c == (provider.Completion{}) {
		return
	}
	if c.Raw && (c.Template != "" || o.Text("system") != "") {
		o.Failf("raw", "raw mode does not support template, system, or context") // Ollama's words
	}
	if req.Schema != nil {
		o.Failf("format", "it does not go with suffix, raw and template")
	}
	req.Completion = &c
}

// load answers a request without a question: the model is loaded, or unloaded where it
// is to be kept for no time.
func (a *API) load(w http.ResponseWriter, r *http.Request, b *body.Reader, generate bool) {
	params := ChatParams
	if generate {
		params = GenerateParams
	}
	o := b.Object()
	q := decodeCommon(o)
	keep, said := keepAlive(o)
	err := b.Err()
	if err == nil {
		_, err = checkParams(o, params, exchange.Strict(r))
	}
	unload := said && keep == 0
	if err == nil {
		err = a.x.Load(r, q.Model, unload)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	done := reply{Model: q.Model, CreatedAt: now(), Done: true, DoneReason: "load"}
	if unload {
		done.DoneReason = "unload"
	}
	if generate {
		done.Response = provider.Ptr("")
	} else {
		done.Message = &message{Role: "assistant"}
	}
	writeJSON(w, http.StatusOK, done)
}
