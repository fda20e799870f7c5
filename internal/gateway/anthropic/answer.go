package anthropic

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// messageAnswer writes messages.
type messageAnswer struct {
	requestID string
	thinks    bool // the client wants to see thinking
	begun     bool
	open      string         // the type of the block that is open; empty: none is
	texts     exchange.Frame // of the pieces of a block of text
	blocks    int            // begun so far
	// taken are the ids of calls in the conversation: some engines begin again with each
	// answer, and clients tell calls apart by them.
	taken map[string]string
}

var _ exchange.Answerer = (*messageAnswer)(nil)

type messageBody struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Role         string         `json:"role"`
	Model        string         `json:"model"`
	Content      []block        `json:"content"`
	StopReason   *string        `json:"stop_reason"`
	StopSequence *string        `json:"stop_sequence"`
	Usage        usage          `json:"usage"`
	Tandem       *exchange.Call `json:"tandem,omitempty"`
}

// block is a content block, of which each type has members of its own.
type block struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text,omitempty"`
	Thinking  *string         `json:"thinking,omitempty"`
	Signature *string         `json:"signature,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
}

// usage counts tokens as Anthropic does: those from a cache are not among the input's.
type usage struct {
	InputTokens         int `json:"input_tokens"`
	CacheCreationTokens int `json:"cache_creation_input_tokens"`
	CacheReadTokens     int `json:"cache_read_input_tokens"`
	OutputTokens        int `json:"output_tokens"`
}

// usageOf is u as Anthropic's clients need it: they take no answer without one, so that
// it is zeros where the engine did not count. The member tandem then has none.
func usageOf(u *provider.Usage) usage {
	if u == nil {
		return usage{}
	}
	return usage{InputTokens: u.InputTokens - u.CachedTokens, CacheReadTokens: u.CachedTokens, OutputTokens: u.OutputTokens}
}

// stopReasons are Anthropic's names for how an answer ends.
var stopReasons = map[provider.Finish]string{
	provider.FinishStop: "end_turn", provider.FinishLength: "max_tokens", provider.FinishToolCalls: "tool_use",
}

func stopReason(f provider.Finish) *string { return provider.Ptr(stopReasons[f]) }

// ContentType is that of a stream.
func (*messageAnswer) ContentType() string { return exchange.EventStream }

func ping(w io.Writer) error {
	_, err := io.WriteString(w, "event: ping\ndata: {\"type\":\"ping\"}\n\n")
	return err
}

// Beat is a ping, which binds to nothing.
func (*messageAnswer) Beat(w io.Writer, _ *exchange.Answer) error { return ping(w) }

type startEvent struct {
	Type    string      `json:"type"`
	Message messageBody `json:"message"`
}

type blockStart struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
	Block block  `json:"content_block"`
}

type blockDelta struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
	Delta delta  `json:"delta"`
}

type delta struct {
	Type      string  `json:"type"`
	Text      *string `json:"text,omitempty"`
	Thinking  *string `json:"thinking,omitempty"`
	Signature *string `json:"signature,omitempty"`
	JSON      *string `json:"partial_json,omitempty"`
}

type blockStop struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
}

func (m *messageAnswer) body(a *exchange.Answer) messageBody {
	return messageBody{ID: "msg_" + a.Call.ID, Type: "message", Role: "assistant", Model: a.Model, Content: []block{}}
}

// start opens the message.
func (m *messageAnswer) start(w io.Writer, a *exchange.Answer) error {
	if m.begun {
		return nil
	}
	m.begun = true
	return exchange.WriteEvent(w, "message_start", startEvent{"message_start", m.body(a)})
}

// begin opens a block, and closes the one before it.
func (m *messageAnswer) begin(w io.Writer, a *exchange.Answer, b block) error {
	if err := m.start(w, a); err != nil {
		return err
	}
	if err := m.close(w, a); err != nil {
		return err
	}
	m.open, m.texts = b.Type, exchange.Frame{}
	m.blocks++
	return exchange.WriteEvent(w, "content_block_start", blockStart{"content_block_start", m.blocks - 1, b})
}

func (m *messageAnswer) delta(w io.Writer, d delta) error {
	return exchange.WriteEvent(w, "content_block_delta", blockDelta{"content_block_delta", m.blocks - 1, d})
}

// text writes a piece of a block of text.
func (m *messageAnswer) text(w io.Writer, text string) error {
	if m.texts.IsZero() {
		const kind = "content_block_delta"
		var err error
		if m.texts, err = exchange.NewFrame(kind, blockDelta{kind, m.blocks - 1, delta{Type: "text_delta", Text: provider.Ptr(exchange.FrameText)}}); err != nil {
			return err
		}
	}
	return m.texts.Write(w, text)
}

// close ends the block that is open. One of thinking is signed first, for clients send
// back no other.
func (m *messageAnswer) close(w io.Writer, a *exchange.Answer) error {
	if m.open == "" {
		return nil
	}
	if m.open == "thinking" {
		if err := m.delta(w, delta{Type: "signature_delta", Signature: provider.Ptr(signature(a.Call.Provider))}); err != nil {
			return err
		}
	}
	m.open = ""
	return exchange.WriteEvent(w, "content_block_stop", blockStop{"content_block_stop", m.blocks - 1})
}

// Chunk writes content.
func (m *messageAnswer) Chunk(w io.Writer, a *exchange.Answer, c *provider.Chunk) error {
	if c.Thinking != "" {
		if err := m.think(w, a, c.Thinking); err != nil {
			return err
		}
	}
	if c.Text != "" {
		if m.open != "text" {
			if err := m.begin(w, a, block{Type: "text", Text: provider.Ptr("")}); err != nil {
				return err
			}
		}
		if err := m.text(w, c.Text); err != nil {
			return err
		}
	}
	for _, call := range c.ToolCalls {
		if err := m.begin(w, a, block{Type: "tool_use", ID: m.callID(call), Name: call.Name, Input: json.RawMessage("{}")}); err != nil {
			return err
		}
		if err := m.delta(w, delta{Type: "input_json_delta", JSON: provider.Ptr(string(call.Arguments))}); err != nil {
			return err
		}
	}
	return nil
}

// callID is the id of a call, made one that no other call of the conversation has.
func (m *messageAnswer) callID(c provider.ToolCall) string {
	id := c.ID
	for n := 2; m.taken[id] != ""; n++ {
		id = c.ID + "_" + strconv.Itoa(n)
	}
	m.taken[id] = c.Name
	return id
}

// think writes thinking; a client that did not ask for it sees that the model is alive.
func (m *messageAnswer) think(w io.Writer, a *exchange.Answer, text string) error {
	if !m.thinks {
		return ping(w)
	}
	if m.open != "thinking" {
		if err := m.begin(w, a, block{Type: "thinking", Thinking: provider.Ptr(""), Signature: provider.Ptr("")}); err != nil {
			return err
		}
	}
	return m.delta(w, delta{Type: "thinking_delta", Thinking: &text})
}

type endEvent struct {
	Type  string `json:"type"`
	Delta struct {
		StopReason   *string  `json:"stop_reason"`
		StopSequence *string  `json:"stop_sequence"`
		StopDetails  *details `json:"stop_details,omitempty"`
	} `json:"delta"`
	Usage  usage          `json:"usage"`
	Tandem *exchange.Call `json:"tandem,omitempty"`
}

// details say why an answer was refused.
type details struct {
	Type        string  `json:"type"`
	Category    *string `json:"category"`
	Explanation string  `json:"explanation"`
}

// End writes why the answer ended, and its usage.
func (m *messageAnswer) End(w io.Writer, a *exchange.Answer) error {
	e := endEvent{Usage: usageOf(a.Usage), Tandem: &a.Call}
	e.Delta.StopReason = stopReason(a.Finish)
	return m.end(w, a, e)
}

func (m *messageAnswer) end(w io.Writer, a *exchange.Answer, e endEvent) error {
	if err := m.start(w, a); err != nil {
		return err
	}
	if err := m.close(w, a); err != nil {
		return err
	}
	e.Type = "message_delta"
	if err := exchange.WriteEvent(w, e.Type, e); err != nil {
		return err
	}
	_, err := io.WriteString(w, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	return err
}

// FailStream writes an error event, and no message_stop. What a filter stopped ends as
// Anthropic's own do: as a refusal, after which no client asks again.
func (m *messageAnswer) FailStream(w io.Writer, a *exchange.Answer, f *exchange.Failure) error {
	if m.begun && f.Kind == provider.Filtered {
		e := endEvent{Tandem: &a.Call}
		e.Delta.StopReason = provider.Ptr("refusal")
		e.Delta.StopDetails = &details{Type: "refusal", Explanation: f.Message}
		return m.end(w, a, e)
	}
	return exchange.WriteEvent(w, "error", errorOf(f, m.requestID))
}

// Whole writes a message.
func (m *messageAnswer) Whole(w http.ResponseWriter, a *exchange.Answer) {
	out := m.body(a)
	if a.Thinking != "" && m.thinks {
		out.Content = append(out.Content, block{Type: "thinking", Thinking: &a.Thinking, Signature: provider.Ptr(signature(a.Call.Provider))})
	}
	if a.Text != "" {
		out.Content = append(out.Content, block{Type: "text", Text: &a.Text})
	}
	for _, c := range a.ToolCalls {
		out.Content = append(out.Content, block{Type: "tool_use", ID: m.callID(c), Name: c.Name, Input: c.Arguments})
	}
	out.StopReason, out.Usage, out.Tandem = stopReason(a.Finish), usageOf(a.Usage), &a.Call
	exchange.WriteJSON(w, http.StatusOK, out)
}

// Fail writes a failure.
func (*messageAnswer) Fail(w http.ResponseWriter, f *exchange.Failure) { Fail(w, f) }
