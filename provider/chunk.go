package provider

import "strings"

// Chunk is one piece of an answer. Text, Thinking and ToolCalls are separate:
// thinking never mixes into text.
type Chunk struct {
	Text      string     `json:"text,omitempty"`       // whole runes only
	Thinking  string     `json:"thinking,omitempty"`   // whole runes only
	ToolCalls []ToolCall `json:"tool_calls,omitempty"` // whole calls only

	// Restart says that the answer starts again with this chunk. What came
	// before is void: it broke off, preceded a tool call, or was thinking
	// (Thought). Only a router that is configured to restart, a loop of tool
	// calls, and an adapter with Thought set yield such a chunk, and it carries
	// content or the end too. [Collect] drops what came before.
	Restart bool `json:"restart,omitempty"`
	// Thought says, with Restart, that the Text before was thinking: the server
	// sent only the tag that ends it. [Collect] makes it Thinking.
	Thought bool `json:"thought,omitempty"`

	// Finish, Usage and Route come with the last chunk only. Usage is nil when
	// the server reported none, or an impossible one (see [Usage.Plausible]).
	// It is never estimated here.
	Finish Finish `json:"finish,omitempty"`
	Usage  *Usage `json:"usage,omitempty"`
	Route  *Route `json:"route,omitempty"`
}

// Empty reports whether the chunk carries nothing. No provider yields one.
func (c *Chunk) Empty() bool {
	return c.Text == "" && c.Thinking == "" && len(c.ToolCalls) == 0 && c.Finish == ""
}

// AppendTo adds the chunk to the text and the thinking of the answer so far, which
// a Restart changes. [Collect] does so with all chunks.
func (c *Chunk) AppendTo(text, thinking *strings.Builder) {
	if c.Restart {
		if c.Thought {
			thinking.WriteString(text.String())
		} else {
			thinking.Reset()
		}
		text.Reset()
	}
	text.WriteString(c.Text)
	thinking.WriteString(c.Thinking)
}

// Finish is why an answer ended, in the engine's own judgement.
type Finish string

// The ways an answer ends. An answer that a filter withheld is not one of
// them: that is a [Filtered] error.
const (
	FinishStop      Finish = "stop"       // the model was done, or a stop string came
	FinishLength    Finish = "length"     // cut at MaxTokens or at the end of the window
	FinishToolCalls Finish = "tool_calls" // the model waits for tool results
)

// Usage counts tokens as the server counted them.
type Usage struct {
	InputTokens    int `json:"input_tokens"`    // the prompt, cached tokens included
	CachedTokens   int `json:"cached_tokens"`   // the part of InputTokens that came from a cache
	OutputTokens   int `json:"output_tokens"`   // the answer, thinking included
	ThinkingTokens int `json:"thinking_tokens"` // the part of OutputTokens that was thinking, where told
}

// Add returns the sum of u and v.
func (u Usage) Add(v Usage) Usage {
	u.InputTokens += v.InputTokens
	u.CachedTokens += v.CachedTokens
	u.OutputTokens += v.OutputTokens
	u.ThinkingTokens += v.ThinkingTokens
	return u
}

// What a plausible usage keeps to.
const (
	maxPlausible = 100_000_000 // tokens: ten times the largest context window there is
	maxPerToken  = 512         // bytes: no vocabulary has a longer token
)

// Plausible reports whether u can be what a server counted for a prompt and an
// answer of so many bytes, thinking and tool calls included. It cannot where a
// number is negative, a part is larger than its whole, the prompt or an answer
// that came has no tokens, or there are more than any model takes.
func (u Usage) Plausible(answer int) bool {
	return u.InputTokens > 0 && u.InputTokens <= maxPlausible &&
		u.OutputTokens >= 0 && u.OutputTokens <= maxPlausible && (answer+maxPerToken-1)/maxPerToken <= u.OutputTokens &&
		u.CachedTokens >= 0 && u.CachedTokens <= u.InputTokens &&
		u.ThinkingTokens >= 0 && u.ThinkingTokens <= u.OutputTokens
}
