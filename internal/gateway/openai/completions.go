package openai

import (
	"io"
	"math"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// CompletionParams are the parameters of completions, OpenAI's older API.
var CompletionParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured, Note: "as for chat completions"},
	{Name: "prompt", Class: exchange.Honoured, Note: "a text, or a list of one; it is asked as a message of the user, unless there is a suffix"},
	{Name: "stream", Class: exchange.Honoured},
	{Name: "stream_options", Class: exchange.Honoured, Note: "`include_usage`"},
	{Name: "temperature", Class: exchange.Honoured},
	{Name: "top_p", Class: exchange.Honoured},
	{Name: "seed", Class: exchange.Honoured},
	{Name: "max_tokens", Class: exchange.Honoured},
	{Name: "stop", Class: exchange.Honoured},
	{Name: "frequency_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "presence_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "top_k", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "min_p", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "logit_bias", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "suffix", Class: exchange.Honoured, Note: "by models that can insert, where an Ollama runs them: the prompt is what comes before"},
	{Name: "echo", Class: exchange.Refused, Note: "the prompt is not repeated", Unless: []string{"false"}},
	{Name: "best_of", Class: exchange.Refused, Note: "one answer per request; send several requests", Unless: []string{"1"}},
	{Name: "n", Class: exchange.Refused, Note: "one answer per request; send several requests", Unless: []string{"1"}},
	{Name: "logprobs", Class: exchange.Refused},
	{Name: "user", Class: exchange.Harmless, Note: "also the session, where nothing else says it"},
}

func (a *API) completions(w http.ResponseWriter, r *http.Request) {
	data, b, err := exchange.ReadBody(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	q, usage, err := decodeCompletion(b, exchange.Strict(r))
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	a.x.Answer(w, r, exchange.Asked{Dialect: "openai", Body: data}, q, &completionAnswer{includeUsage: usage})
}

// decodeCompletion reads a request for a completion.
func decodeCompletion(b *body.Reader, strict bool) (q *exchange.Question, includeUsage bool, err error) {
	o := b.Object()
	q = &exchange.Question{Model: o.Text("model"), Stream: o.True("stream")}
	decodeSampling(o, &q.Request)
	if n := o.Int("max_tokens", 1, math.MaxInt32); n != nil {
		q.Request.MaxTokens = provider.Ptr(int(*n))
	}
	if so, ok := o.Object("stream_options"); ok {
		includeUsage = so.True("include_usage")
	}
	q.Request.Messages = []provider.Message{provider.User(promptOf(o))}
	if s := o.Text("suffix"); s != "" {
		q.Request.Completion = &provider.Completion{Suffix: s}
	}
	q.Session = session(o)
	if err := b.Err(); err != nil {
		return nil, false, err
	}
	q.Ignored, err = CompletionParams.Check(o, strict)
	return q, includeUsage, err
}

// promptOf is the one text to complete.
func promptOf(o body.Object) string {
	switch o.Kind("prompt") {
	case "":
		o.Missing("prompt", "send a string")
		return ""
	case body.KindString:
		if o.Text("prompt") == "" {
			o.Failf("prompt", "it is empty")
		}
		return o.Text("prompt")
	}
	items := o.List("prompt")
	switch {
	case len(items) == 0:
		o.Failf("prompt", "it is empty")
		return ""
	case items[0].Kind() == body.KindNumber, items[0].Kind() == body.KindArray:
		o.Failf("prompt", "tokens are not accepted, because they differ from model to model; send a text")
		return ""
	case len(items) > 1:
		o.Failf("prompt", "it has %d texts; send one per request", len(items))
		return ""
	}
	text := items[0].Text()
	if text == "" {
		items[0].Failf("it is empty")
	}
	return text
}

// completionAnswer writes completions. Thinking has no place in them, and is left out.
type completionAnswer struct{ includeUsage bool }

var _ exchange.Answerer = (*completionAnswer)(nil)

type textCompletion struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Choices []textChoice   `json:"choices"`
	Usage   *usage         `json:"usage,omitempty"`
	Tandem  *exchange.Call `json:"tandem,omitempty"`
}

type textChoice struct {
	Text         string  `json:"text"`
	Index        int     `json:"index"`
	Logprobs     *int    `json:"logprobs"`
	FinishReason *string `json:"finish_reason"`
}

func frameOf(a *exchange.Answer, text string) textCompletion {
	return textCompletion{ID: "cmpl-" + a.Call.ID, Object: "text_completion", Created: a.Began.Unix(), Model: a.Model, Choices: []textChoice{{Text: text}}}
}

// ContentType is that of a stream.
func (*completionAnswer) ContentType() string { return exchange.EventStream }

// Beat is an empty text.
func (*completionAnswer) Beat(w io.Writer, a *exchange.Answer) error {
	return exchange.WriteEvent(w, "", frameOf(a, ""))
}

// Chunk writes text. Thinking is an empty text, so that the client knows of life.
func (*completionAnswer) Chunk(w io.Writer, a *exchange.Answer, c *provider.Chunk) error {
	return exchange.WriteEvent(w, "", frameOf(a, c.Text))
}

// End writes why the answer ended, the usage, and [DONE].
func (c *completionAnswer) End(w io.Writer, a *exchange.Answer) error {
	f := frameOf(a, "")
	f.Choices[0].FinishReason = provider.Ptr(string(a.Finish))
	f.Tandem = &a.Call
	if err := exchange.WriteEvent(w, "", f); err != nil {
		return err
	}
	if u := usageOf(a.Usage); c.includeUsage && u != nil {
		f := frameOf(a, "")
		f.Choices, f.Usage = []textChoice{}, u
		if err := exchange.WriteEvent(w, "", f); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "data: [DONE]\n\n")
	return err
}

// FailStream writes an error object, and no [DONE].
func (*completionAnswer) FailStream(w io.Writer, _ *exchange.Answer, f *exchange.Failure) error {
	return exchange.WriteEvent(w, "", errorBody{errorOf(f)})
}

// Whole writes a completion.
func (*completionAnswer) Whole(w http.ResponseWriter, a *exchange.Answer) {
	exchange.WriteJSON(w, http.StatusOK, wholeCompletion(a))
}

func wholeCompletion(a *exchange.Answer) textCompletion {
	f := frameOf(a, a.Text)
	f.Choices[0].FinishReason, f.Usage = provider.Ptr(string(a.Finish)), usageOf(a.Usage)
	return f
}

// Fail writes a failure.
func (*completionAnswer) Fail(w http.ResponseWriter, f *exchange.Failure) { Fail(w, f) }
