package openai

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// EmbeddingParams are the parameters of embeddings.
var EmbeddingParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "an embedding model of /v1/models; `tandem`, or none: the first that is known to embed"},
	{Name: "input", Class: exchange.Honoured, Note: "a text or a list of texts; lists of tokens are refused, because each model has other tokens"},
	{Name: "encoding_format", Class: exchange.Honoured, Note: "`float` or `base64`"},
	{Name: "dimensions", Class: exchange.Honoured, Note: "where the model can"},
	{Name: "user", Class: exchange.Harmless},
	{Name: "safety_identifier", Class: exchange.Harmless},
}

// mostInputs is how many texts a request may have, as at OpenAI.
const mostInputs = 2048

type embeddingList struct {
	Object string         `json:"object"`
	Data   []embedding    `json:"data"`
	Model  string         `json:"model"`
	Usage  embeddingUsage `json:"usage"`
	Tandem *exchange.Call `json:"tandem,omitempty"`
}

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // []float32, or base64
}

type embeddingUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

func (a *API) embeddings(w http.ResponseWriter, r *http.Request) {
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	in, base64, err := decodeEmbedding(b, exchange.Strict(r))
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	out, failure := a.x.Embed(w, r, exchange.Asked{Dialect: "openai", Body: data}, in)
	if failure != nil {
		Fail(w, failure)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, embeddingListOf(out.EmbedResponse, out.Model, base64, &out.Call))
}

// embeddingListOf are vectors as they are told.
func embeddingListOf(r provider.EmbedResponse, model string, base64 bool, call *exchange.Call) *embeddingList {
	list := &embeddingList{Object: "list", Data: make([]embedding, len(r.Vectors)), Model: model, Tandem: call}
	for i, v := range r.Vectors {
		list.Data[i] = embedding{Object: "embedding", Index: i, Embedding: v}
		if base64 {
			list.Data[i].Embedding = littleEndian(v)
		}
	}
	if u := r.Usage; u != nil {
		list.Usage = embeddingUsage{PromptTokens: u.InputTokens, TotalTokens: u.InputTokens}
	}
	return list
}

// decodeEmbedding reads a request for vectors.
func decodeEmbedding(b *body.Reader, strict bool) (in *exchange.Embedding, base64 bool, err error) {
	o := b.Object()
	in = &exchange.Embedding{Model: o.Text("model")}
	in.Request.Input = inputs(o)
	if n := o.Int("dimensions", 1, math.MaxInt32); n != nil {
		in.Request.Dimensions = int(*n)
	}
	switch format := o.Text("encoding_format"); format {
	case "", "float":
	case "base64":
		base64 = true
	default:
		o.Failf("encoding_format", "it has to be float or base64, not %q", format)
	}
	if err := b.Err(); err != nil {
		return nil, false, err
	}
	in.Ignored, err = EmbeddingParams.Check(o, strict)
	return in, base64, err
}

// inputs are the texts.
func inputs(o body.Object) []string {
	switch o.Kind("input") {
	case "":
		o.Missing("input", "send a string or an array of strings")
		return nil
	case body.KindString:
		if o.Text("input") == "" {
			o.Failf("input", "it is empty")
		}
		return []string{o.Text("input")}
	}
	items := o.List("input")
	if len(items) == 0 {
		o.Failf("input", "it is empty; send at least one text")
	}
	if len(items) > mostInputs {
		o.Failf("input", "it has %d texts, and the limit is %d; send several requests", len(items), mostInputs)
		return nil
	}
	var out []string
	for _, item := range items {
		if k := item.Kind(); k == body.KindNumber || k == body.KindArray {
			item.Failf("tokens are not accepted, because they differ from model to model; send texts (LangChain: check_embedding_ctx_length=False)")
			return nil
		}
		text := item.Text()
		if text == "" {
			item.Failf("it is empty")
		}
		out = append(out, text)
	}
	return out
}

// littleEndian is a vector as OpenAI writes it in base64: float32, the lowest byte first.
func littleEndian(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
