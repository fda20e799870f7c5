package provider

import "encoding/json"

// Request says everything about one chat call, once. The zero value of a field
// means "unset: the engine's default"; where unset differs from zero, the
// field is a pointer, so that temperature 0 and seed 0 arrive as 0.
type Request struct {
	// Model is the model's name as the engine knows it, such as
	// "smollm2:135m" or "gpt-4o-mini". Empty: the provider's own default.
	Model string
	// Use names the providers that may answer, in order. Empty: the router's
	// default order. A provider that is not a router answers only if Use is
	// empty or lists its Name.
	Use []string
	// Messages is the conversation, oldest first; at least one.
	Messages []Message

	Temperature *float64 // 0 (most likely token) to 2
	TopP        *float64 // 0 to 1, nucleus sampling
	Seed        *int64   // same seed, model, engine and options: same answer
	MaxTokens   *int     // most tokens to generate, at least 1, thinking included
	Stop        []string // generation ends before any of these, none of them empty

	// Schema constrains the answer to JSON that a JSON Schema accepts.
	Schema *Schema
	// Tools the model may call. ToolChoice is "" or "auto" (the model
	// decides), "none", "required", or the name of one of Tools.
	Tools      []Tool
	ToolChoice string
	// Think asks a reasoning model to think, or not to. See [Thinking].
	Think Thinking
	// Privacy [PrivacyLocal] forbids any provider that is not on this machine.
	Privacy Privacy
	// Options are the engine's own sampling options by the engine's own names
	// (Ollama: top_k, repeat_penalty, …; OpenAI: frequency_penalty, user, …).
	// A name that the engine does not know is Unsupported. num_ctx, the window with
	// which Ollama loads a model, is for Ollama alone: others leave it out.
	Options Options
	// Completion, if not nil, has a text continued, not a conversation answered: the
	// last of Messages is a user message, the text itself, and before it there is at
	// most one system message. There are no Tools and no Schema then.
	Completion *Completion
	// NoStream asks the engine for one whole answer rather than for tokens as
	// they come. The contract of Chat is the same; it has fewer chunks.
	NoStream bool
}

// Completion is how a text is continued. The zero value continues it with the model's
// own template around it.
type Completion struct {
	// Raw sends the text to the model as it is, with no template around it.
	Raw bool `json:"raw,omitempty"`
	// Suffix is what follows the text that is generated: the model fills in what is
	// between. It needs [CanInsert].
	Suffix string `json:"suffix,omitempty"`
	// Template is used in place of the model's own, in the engine's own language.
	Template string `json:"template,omitempty"`
}

// Member names what of c an engine has to be able to do, as Ollama names it.
func (c *Completion) Member() string {
	switch {
	case c.Suffix != "":
		return "suffix"
	case c.Raw:
		return "raw"
	case c.Template != "":
		return "template"
	}
	return "prompt"
}

// Role is who speaks a [Message].
type Role string

// The roles that both engines know.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Message is one turn of a conversation.
type Message struct {
	Role Role
	// Text is UTF-8. It may be empty only where Images or ToolCalls are not.
	Text string
	// Thinking is what the model thought before an assistant message. It goes
	// back to the model with the message's ToolCalls, and it never becomes Text.
	Thinking string
	// From is the provider that gave an assistant message: [Route].Provider.
	// Thinking, and the Extra of ToolCalls, go back to that provider only,
	// because others may refuse them. Empty: they go to any provider.
	From string
	// Images go with a user message, in order, after Text.
	Images []Image
	// ToolCalls are what an assistant message asked for.
	ToolCalls []ToolCall
	// ToolCallID and ToolName say which call a RoleTool message answers. Both
	// should be set: OpenAI goes by the ID, Ollama by the name.
	ToolCallID string
	ToolName   string
}

// ReturnsTo reports whether m's Thinking and the Extra of its ToolCalls go back
// to the provider of that name; see [Message].From.
func (m *Message) ReturnsTo(name string) bool {
	return m.Role == RoleAssistant && len(m.ToolCalls) > 0 && (m.From == "" || m.From == name)
}

// System makes a system message.
func System(text string) Message { return Message{Role: RoleSystem, Text: text} }

// User makes a user message.
func User(text string) Message { return Message{Role: RoleUser, Text: text} }

// Assistant makes an assistant message.
func Assistant(text string) Message { return Message{Role: RoleAssistant, Text: text} }

// ToolResult makes the message that answers call with text.
func ToolResult(call ToolCall, text string) Message {
	return Message{Role: RoleTool, Text: text, ToolCallID: call.ID, ToolName: call.Name}
}

// Image is a picture in a user message: either Data or URL is set. A record
// of a request has Bytes and SHA256 instead of Data, and adapters ignore them.
type Image struct {
	Bytes  int    `json:"bytes,omitempty"`  // the size of Data
	Data   []byte `json:"data,omitempty"`   // the encoded file: PNG, JPEG, WebP or GIF
	MIME   string `json:"mime,omitempty"`   // such as "image/png"; empty: sniffed from Data
	SHA256 string `json:"sha256,omitempty"` // of Data, in hexadecimal
	URL    string `json:"url,omitempty"`    // https URL that the server fetches itself; Ollama, and under PrivacyLocal: Unsupported
}

// Schema is a JSON Schema for the answer, of draft 2020-12 unless it names
// another. A $ref leads to a place in the same schema. An adapter makes its
// engine enforce it as far as the engine can; package structured checks the
// answer.
type Schema struct {
	JSON   json.RawMessage `json:"json"`             // a JSON object, the schema itself
	Name   string          `json:"name,omitempty"`   // letters, digits, _ and -; empty: "answer"
	Strict bool            `json:"strict,omitempty"` // OpenAI's strict mode; Ollama's constraint is always strict
	// Checked says that the caller checks the answer, as package structured
	// does. A server that cannot enforce a schema may then get it in the
	// prompt.
	Checked bool `json:"-"`
}

// Tool is a function that the model may ask to have called.
type Tool struct {
	Description string          `json:"description,omitempty"`
	Name        string          `json:"name"`
	Parameters  json.RawMessage `json:"parameters,omitempty"` // JSON Schema of the arguments object
}

// ToolCall is the model's wish to have a [Tool] called. It comes whole, never
// in fragments.
type ToolCall struct {
	ID        string          // the server's, or made up where it gave none
	Name      string          // of the Tool
	Arguments json.RawMessage // a JSON object, checked to be valid JSON
	// Extra is what the server sent with the call besides, such as Gemini's
	// extra_content: a JSON object whose members go back to it unread, with the
	// call. With an answer's first call it also has what came with the answer, such
	// as OpenRouter's reasoning_details. Empty: nothing.
	Extra json.RawMessage
}

// Thinking says whether a reasoning model thinks before it answers.
type Thinking string

// The levels of thinking. Which of low, medium and high a model knows is the
// model's affair; a refusal of the engine is Unsupported.
const (
	ThinkDefault Thinking = ""    // unset: off where the engine would think by default
	ThinkOff     Thinking = "off" // answer at once
	ThinkOn      Thinking = "on"
	ThinkLow     Thinking = "low"
	ThinkMedium  Thinking = "medium"
	ThinkHigh    Thinking = "high"
)

// Privacy says where a prompt may go. It can only be tightened on its way.
type Privacy string

// The privacy levels.
const (
	PrivacyAny   Privacy = ""      // wherever configuration says
	PrivacyLocal Privacy = "local" // this machine only, by resolved address
)

// Options are an engine's own settings by their names, with values that JSON can
// write. Read from JSON, a whole number that float64 does not hold exactly is a
// json.Number.
type Options map[string]any

// Int is an option that is a whole number, whether a program set it or JSON brought it; ok is
// false where there is none.
func (o Options) Int(name string) (n int, ok bool) {
	switch v := o[name].(type) {
	case int:
		return v, true
	case int64:
		return int(v), true
	case float64:
		return int(v), true
	}
	return 0, false
}

// Ptr returns a pointer to v, for the optional fields of [Request].
func Ptr[T any](v T) *T { return &v }

// Candidate is a provider that may answer a request, as far as its configuration
// shapes the answer. Recordings and caches make it part of their keys.
type Candidate struct {
	Endpoint string  `json:"endpoint,omitempty"` // scheme://host[:port]; empty: any
	Model    string  `json:"model,omitempty"`
	Name     string  `json:"name"`
	NumCtx   int     `json:"num_ctx,omitempty"` // context window in tokens; -1: as large as fits
	Options  Options `json:"options,omitempty"`
}
