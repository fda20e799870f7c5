package ollama

import (
	"math"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// EmbedParams are the parameters of /api/embed.
var EmbedParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "an embedding model of /api/tags; `tandem`, or none: the first that is known to embed"},
	{Name: "input", Class: exchange.Honoured, Note: "a text or a list of texts"},
	{Name: "dimensions", Class: exchange.Honoured, Note: "where the model can"},
	{Name: "truncate", Class: exchange.Harmless, Note: "nothing is ever cut: a text that is too long is an error"},
	{Name: "keep_alive", Class: exchange.Harmless, Note: "the configuration's holds"},
	{Name: "options", Class: exchange.Harmless, Note: "the configuration's hold, so that nothing reloads the model"},
}

// EmbeddingsParams are the parameters of /api/embeddings, the older path.
var EmbeddingsParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "as in /api/embed"},
	{Name: "prompt", Class: exchange.Honoured, Note: "a text"},
	{Name: "keep_alive", Class: exchange.Harmless, Note: "the configuration's holds"},
	{Name: "options", Class: exchange.Harmless, Note: "the configuration's hold, so that nothing reloads the model"},
}

type embedded struct {
	Model           string         `json:"model"`
	Embeddings      [][]float32    `json:"embeddings"`
	TotalDuration   time.Duration  `json:"total_duration,omitempty"`
	LoadDuration    time.Duration  `json:"load_duration,omitempty"`
	PromptEvalCount *int           `json:"prompt_eval_count,omitempty"`
	Tandem          *exchange.Call `json:"tandem,omitempty"`
}

// embed makes vectors.
func (a *API) embed(w http.ResponseWriter, r *http.Request) {
	out, in := a.vectors(w, r, "input", EmbedParams)
	if in == nil {
		return
	}
	reply := embedded{Model: in.Model, Embeddings: [][]float32{}}
	if out != nil {
		reply.Model, reply.Embeddings, reply.Tandem = out.Model, out.Vectors, &out.Call
		if rt := out.Route; rt != nil {
			reply.TotalDuration, reply.LoadDuration = rt.Total, rt.Load
		}
		if u := out.Usage; u != nil {
			reply.PromptEvalCount = &u.InputTokens
		}
	}
	writeJSON(w, http.StatusOK, reply)
}

// embeddings makes one vector.
func (a *API) embeddings(w http.ResponseWriter, r *http.Request) {
	out, in := a.vectors(w, r, "prompt", EmbeddingsParams)
	if in == nil {
		return
	}
	vector := []float32{}
	if out != nil {
		vector = out.Vectors[0]
	}
	writeJSON(w, http.StatusOK, map[string]any{"embedding": vector})
}

// vectors reads a request for vectors, and asks for them. Without a text nobody is
// asked, and out is nil. In is nil where a failure has been written.
func (a *API) vectors(w http.ResponseWriter, r *http.Request, text string, params exchange.Params) (out *exchange.Embedded, in *exchange.Embedding) {
	data, b, err := exchange.ReadBody(r)
	if err == nil {
		in, err = decodeEmbed(b, text, params, exchange.Strict(r))
	}
	if err != nil {
		a.fail(w, err)
		return nil, nil
	}
	if len(in.Request.Input) == 0 {
		return nil, in
	}
	out, failure := a.x.Embed(w, r, exchange.Asked{Dialect: "ollama", Body: data}, in)
	if failure != nil {
		Fail(w, failure)
		return nil, nil
	}
	return out, in
}

func decodeEmbed(b *body.Reader, text string, params exchange.Params, strict bool) (*exchange.Embedding, error) {
	o := b.Object()
	in := &exchange.Embedding{Model: modelName(o)}
	if text == "prompt" {
		if s := o.Text(text); s != "" {
			in.Request.Input = []string{s}
		}
	} else {
		in.Request.Input = inputs(o)
		if n := o.Int("dimensions", 0, math.MaxInt32); n != nil {
			in.Request.Dimensions = int(*n)
		}
	}
	keepAlive(o)
	if err := b.Err(); err != nil {
		return nil, err
	}
	var err error
	in.Ignored, err = params.Check(o, strict)
	return in, err
}

// inputs are the texts, none of them empty.
func inputs(o body.Object) []string {
	if o.Kind("input") == body.KindString {
		if s := o.Text("input"); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for _, item := range o.List("input") {
		s := item.Text()
		if s == "" && item.Kind() == body.KindString {
			item.Failf("it is empty")
		}
		out = append(out, s)
	}
	return out
}
