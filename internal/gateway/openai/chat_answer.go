package openai

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// chatAnswer writes chat completions.
type chatAnswer struct {
	includeUsage bool
	begun        bool
	calls        int // tool calls so far
	texts        exchange.Frame
	piece        struct { // the chunk that is written: one piece of memory for all of them
		completion
		choice [1]choice
		delta  delta
	}
}

var _ exchange.Answerer = (*chatAnswer)(nil)

type completion struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Choices []choice       `json:"choices"`
	Usage   *usage         `json:"usage,omitempty"`
	Tandem  *exchange.Call `json:"tandem,omitempty"`
}

type choice struct {
	Index        int      `json:"index"`
	Message      *message `json:"message,omitempty"`
	Delta        *delta   `json:"delta,omitempty"`
	Logprobs     *int     `json:"logprobs"`
	FinishReason *string  `json:"finish_reason"`
}

type message struct {
	Role             string     `json:"role"`
	Content          *string    `json:"content"`
	Refusal          *string    `json:"refusal"`
	Reasoning        string     `json:"reasoning,omitempty"`
	ReasoningContent string     `json:"reasoning_content,omitempty"`
	ToolCalls        []toolCall `json:"tool_calls,omitempty"`
}

type delta struct {
	Role             string     `json:"role,omitempty"`
	Content          *string    `json:"content,omitempty"`
	Reasoning        string     `json:"reasoning,omitempty"`
	ReasoningContent string     `json:"reasoning_content,omitempty"`
	ToolCalls        []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	Index    *int     `json:"index,omitempty"`
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Function function `json:"function"`
	// Extra is what Google's API has there, such as a signature of thoughts.
	Extra json.RawMessage `json:"extra_content,omitempty"`
}

type function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func usageOf(u *provider.Usage) *usage {
	if u == nil {
		return nil
	}
	out := &usage{PromptTokens: u.InputTokens, CompletionTokens: u.OutputTokens, TotalTokens: u.InputTokens + u.OutputTokens}
	out.PromptDetails.CachedTokens = u.CachedTokens
	out.CompletionDetails.ReasoningTokens = u.ThinkingTokens
	return out
}

func toolCalls(calls []provider.ToolCall, indexed bool, from int) []toolCall {
	var out []toolCall
	for i, c := range calls {
		t := toolCall{ID: c.ID, Type: "function", Function: function{c.Name, string(c.Arguments)}, Extra: extraContent(c)}
		if indexed {
			t.Index = provider.Ptr(from + i)
		}
		out = append(out, t)
	}
	return out
}

// extraContent is what came with a call, as Google's API has it; nil: nothing.
func extraContent(c provider.ToolCall) json.RawMessage {
	var extra struct {
		Content json.RawMessage `json:"extra_content"`
	}
	_ = json.Unmarshal(c.Extra, &extra) // without it there is none
	return extra.Content
}

// withExtra is a call of the history with the extra_content that came back with it.
func withExtra(c provider.ToolCall, o body.Object) provider.ToolCall {
	if _, ok := o.Object("extra_content"); ok {
		c.Extra, _ = json.Marshal(map[string]json.RawMessage{"extra_content": o.Raw("extra_content")}) // it was JSON
	}
	return c
}

// ContentType is that of a stream.
func (*chatAnswer) ContentType() string { return exchange.EventStream }

func (c *chatAnswer) frame(a *exchange.Answer) completion {
	return completion{ID: "chatcmpl-" + a.Call.ID, Object: "chat.completion.chunk", Created: a.Began.Unix(), Model: a.Model, Choices: []choice{}}
}

// Beat is a chunk with an empty delta: a comment keeps no client waiting.
func (c *chatAnswer) Beat(w io.Writer, a *exchange.Answer) error {
	f := c.frame(a)
	f.Choices = []choice{{Delta: &delta{}}}
	return exchange.WriteEvent(w, "", f)
}

// Chunk writes a delta.
func (c *chatAnswer) Chunk(w io.Writer, a *exchange.Answer, k *provider.Chunk) error {
	p := &c.piece
	d := &p.delta
	if c.begun && k.Thinking == "" && len(k.ToolCalls) == 0 {
		return c.text(w, k.Text)
	}
	*d = delta{Reasoning: k.Thinking, ReasoningContent: k.Thinking, ToolCalls: toolCalls(k.ToolCalls, true, c.calls)}
	c.calls += len(k.ToolCalls)
	if k.Text != "" {
		d.Content = &k.Text
	}
	if !c.begun {
		c.begun = true
		d.Role = "assistant"
		if d.Content == nil {
			d.Content = provider.Ptr("")
		}
		p.completion, p.choice = c.frame(a), [1]choice{{Delta: d}}
		p.Choices = p.choice[:]
	}
	return exchange.WriteEvent(w, "", &p.completion)
}

// text writes a delta that is a text and nothing else, as most are.
func (c *chatAnswer) text(w io.Writer, text string) error {
	if c.texts.IsZero() {
		c.piece.delta = delta{Content: provider.Ptr(exchange.FrameText)}
		var err error
		if c.texts, err = exchange.NewFrame("", &c.piece.completion); err != nil {
			return err
		}
	}
	return c.texts.Write(w, text)
}

// End writes why the answer ended, the usage, and [DONE].
func (c *chatAnswer) End(w io.Writer, a *exchange.Answer) error {
	f := c.frame(a)
	f.Choices = []choice{{Delta: &delta{}, FinishReason: provider.Ptr(string(a.Finish))}}
	if !c.begun {
		f.Choices[0].Delta = &delta{Role: "assistant", Content: provider.Ptr("")}
	}
	f.Tandem = &a.Call
	if err := exchange.WriteEvent(w, "", f); err != nil {
		return err
	}
	if u := usageOf(a.Usage); c.includeUsage && u != nil { // one that nobody counted is not made up
		f := c.frame(a)
		f.Usage = u
		if err := exchange.WriteEvent(w, "", f); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "data: [DONE]\n\n")
	return err
}

// FailStream writes an error object, which clients read as one, and no [DONE].
func (c *chatAnswer) FailStream(w io.Writer, _ *exchange.Answer, f *exchange.Failure) error {
	return exchange.WriteEvent(w, "", errorBody{errorOf(f)})
}

// Whole writes a completion.
func (c *chatAnswer) Whole(w http.ResponseWriter, a *exchange.Answer) {
	exchange.WriteJSON(w, http.StatusOK, c.whole(a))
}

func (c *chatAnswer) whole(a *exchange.Answer) completion {
	f := c.frame(a)
	f.Object, f.Usage = "chat.completion", usageOf(a.Usage)
	m := &message{Role: "assistant", Reasoning: a.Thinking, ReasoningContent: a.Thinking, ToolCalls: toolCalls(a.ToolCalls, false, 0)}
	if a.Text != "" || len(a.ToolCalls) == 0 {
		m.Content = &a.Text
	}
	f.Choices = []choice{{Message: m, FinishReason: provider.Ptr(string(a.Finish))}}
	return f
}

// Fail writes a failure.
func (*chatAnswer) Fail(w http.ResponseWriter, f *exchange.Failure) { Fail(w, f) }
