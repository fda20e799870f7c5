// Package compat lists how OpenAI-compatible servers differ from OpenAI in what
// they take: which members, that Tandem adds to a request by itself, they refuse,
// and how they want to be told of an answer's schema.
package compat

import (
	"slices"
	"strings"
)

// The members of a request that nobody asked for, which a server may be spared.
const (
	StreamOptions    = "stream_options"    // asks for the usage of a stream
	ReasoningContent = "reasoning_content" // a model's thinking, sent back with its tool calls
	ExtraContent     = "extra_content"     // whatever else a server sent with a tool call, sent back with it
	EncodingFormat   = "encoding_format"   // asks for embeddings as numbers
)

// Members returns their names.
func Members() []string {
	return []string{StreamOptions, ReasoningContent, ExtraContent, EncodingFormat}
}

// How a server is told of the schema of an answer.
const (
	JSONSchema = "json_schema" // as response_format, with the schema
	JSONObject = "json_object" // as response_format, with the schema in the prompt
	Prompt     = "prompt"      // in the prompt alone
)

// SchemaForms returns their names.
func SchemaForms() []string { return []string{JSONSchema, JSONObject, Prompt} }

// Preset is what is known of one sort of server.
type Preset struct {
	Name   string
	Hosts  []string // where it is at home; one with a dot before it: and all below it
	Omit   []string // of Members
	Schema string   // of SchemaForms; empty: JSONSchema
	// ShortIDs says that the ids of tool calls have nine letters and digits.
	ShortIDs bool
	// BatchAPI says that the server has a Batch API like OpenAI's, at half of the price.
	BatchAPI bool
}

// Presets returns all. Where a server takes all that is sent, its name says so.
func Presets() []Preset {
	return []Preset{
		// OpenAI and Azure refuse what they do not know ("Unrecognized request argument supplied").
		{Name: "openai", Hosts: []string{"api.openai.com"}, Omit: []string{ReasoningContent, ExtraContent}, BatchAPI: true},
		{Name: "azure", Hosts: []string{".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"}, Omit: []string{ReasoningContent, ExtraContent}, BatchAPI: true},
		// Mistral: 422 extra_forbidden (openai/openai-agents-python#442); the usage comes anyway. 400 "Tool call id was
		// call_1 but must be a-z, A-Z, 0-9, with a length of 9."
		{Name: "mistral", Hosts: []string{"api.mistral.ai", "codestral.mistral.ai"}, Omit: []string{StreamOptions, ReasoningContent, ExtraContent}, ShortIDs: true},
		// Groq: 400 "property 'reasoning_content' is unsupported" (janhq/jan#8136).
		{Name: "groq", Hosts: []string{"api.groq.com"}, Omit: []string{ReasoningContent, ExtraContent}, BatchAPI: true},
		// DeepSeek: 400 "This response_format type is unavailable now" (langchain-ai/langchain#29282);
		// it wants the thinking of a tool call back.
		{Name: "deepseek", Hosts: []string{"api.deepseek.com"}, Schema: JSONObject},
		// Gemini: 400 'Unknown name "reasoning_content": Cannot find field'; it wants extra_content back.
		{Name: "gemini", Hosts: []string{"generativelanguage.googleapis.com"}, Omit: []string{ReasoningContent}},
		{Name: "openrouter", Hosts: []string{"openrouter.ai"}},
		{Name: "together", Hosts: []string{"api.together.xyz", "api.together.ai"}},
		{Name: "lmstudio"},
		{Name: "llamacpp"},
		{Name: "vllm"},
		// TGI: to 3.0 its response_format is another one ({"type":"json","value":…}).
		{Name: "tgi", Schema: Prompt},
	}
}

// Names returns the names of the presets.
func Names() []string {
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
	}
	return names
}

// Named returns the preset of that name.
func Named(name string) (Preset, bool) {
	for _, p := range Presets() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// ForHost returns the preset of the server at that host; its Name is empty where
// none is known.
func ForHost(host string) Preset {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, p := range Presets() {
		if slices.ContainsFunc(p.Hosts, func(h string) bool { return h == host || h[0] == '.' && strings.HasSuffix(host, h) }) {
			return p
		}
	}
	return Preset{}
}
