package ollama

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// answer writes chats and generations: lines of JSON, or one object.
type answer struct {
	generate bool
	calls    int // tool calls so far
}

var _ exchange.Answerer = (*answer)(nil)

// reply is an answer, or a piece of it.
type reply struct {
	Model      string    `json:"model"`
	CreatedAt  time.Time `json:"created_at"`
	Message    *message  `json:"message,omitempty"`  // of a chat
	Response   *string   `json:"response,omitempty"` // of a generation
	Thinking   string    `json:"thinking,omitempty"` // of a generation
	Done       bool      `json:"done"`
	DoneReason string    `json:"done_reason,omitempty"`
	metrics
	Tandem *exchange.Call `json:"tandem,omitempty"`
}

// metrics come with the end. What nobody counted is left out.
type metrics struct {
	TotalDuration         time.Duration `json:"total_duration,omitempty"` // in ns, as all
	LoadDuration          time.Duration `json:"load_duration,omitempty"`
	PromptEvalCount       *int          `json:"prompt_eval_count,omitempty"`
	PromptEvalCachedCount *int          `json:"prompt_eval_cached_count,omitempty"`
	PromptEvalDuration    time.Duration `json:"prompt_eval_duration,omitempty"`
	EvalCount             *int          `json:"eval_count,omitempty"`
	EvalDuration          time.Duration `json:"eval_duration,omitempty"`
}

type message struct {
	Role      string     `json:"role"`
	Content   string     `json:"content"`
	Thinking  string     `json:"thinking,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	ID       string   `json:"id,omitempty"`
	Function function `json:"function"`
}

type function struct {
	Index     int             `json:"index"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

func now() time.Time { return time.Now().UTC() }

// ContentType is that of a stream.
func (*answer) ContentType() string { return "application/x-ndjson" }

// piece is a reply with a piece of the answer.
func (w *answer) piece(a *exchange.Answer, text, thinking string, calls []provider.ToolCall) reply {
	r := reply{Model: a.Model, CreatedAt: now()}
	if w.generate {
		r.Response, r.Thinking = &text, thinking
		return r
	}
	r.Message = &message{Role: "assistant", Content: text, Thinking: thinking}
	for _, c := range calls {
		r.Message.ToolCalls = append(r.Message.ToolCalls, toolCall{c.ID, function{w.calls, c.Name, c.Arguments}})
		w.calls++
	}
	return r
}

// Beat is an empty message.
func (w *answer) Beat(to io.Writer, a *exchange.Answer) error {
	return writeLine(to, w.piece(a, "", "", nil))
}

// Chunk writes a piece.
func (w *answer) Chunk(to io.Writer, a *exchange.Answer, c *provider.Chunk) error {
	return writeLine(to, w.piece(a, c.Text, c.Thinking, c.ToolCalls))
}

// End writes why the answer ended, what it took, and the call.
func (w *answer) End(to io.Writer, a *exchange.Answer) error {
	r := w.piece(a, "", "", nil)
	r.end(a)
	return writeLine(to, r)
}

// FailStream writes the error, which clients look for in each line.
func (*answer) FailStream(to io.Writer, _ *exchange.Answer, f *exchange.Failure) error {
	return writeLine(to, errorBody{f.Message})
}

// Whole writes the answer as one object.
func (w *answer) Whole(to http.ResponseWriter, a *exchange.Answer) {
	r := w.piece(a, a.Text, a.Thinking, a.ToolCalls)
	r.end(a)
	writeJSON(to, http.StatusOK, r)
}

// Fail writes a failure.
func (*answer) Fail(w http.ResponseWriter, f *exchange.Failure) { Fail(w, f) }

// end adds what is known at the end.
func (r *reply) end(a *exchange.Answer) {
	r.Done, r.DoneReason, r.Tandem = true, "stop", &a.Call
	if a.Finish == provider.FinishLength {
		r.DoneReason = "length"
	}
	r.TotalDuration = time.Since(a.Began)
	if rt := a.Route; rt != nil {
		r.LoadDuration = rt.Load
		r.PromptEvalDuration = max(rt.FirstToken-rt.Load, 0) // as it was seen from here
		r.EvalDuration = max(rt.Total-rt.FirstToken, 0)
	}
	if u := a.Usage; u != nil {
		r.PromptEvalCount, r.EvalCount = &u.InputTokens, &u.OutputTokens
		if u.CachedTokens > 0 {
			r.PromptEvalCachedCount = &u.CachedTokens
		}
	}
}
