package normalize

import (
	"encoding/json"
	"strings"
)

// What Ollama's own client decodes.

var (
	maybeMoment = &node{kind: moment, optional: true}
	sayError    = member{name: "error", node: unread} // one that says something has been met before
)

// ollamaMetrics are the counts and times of an answer.
var ollamaMetrics = []member{
	{name: "prompt_eval_count", node: maybeInteger},
	{name: "prompt_eval_cached_count", node: maybeInteger},
	{name: "eval_count", node: maybeInteger},
	{name: "load_duration", node: maybeInteger},
	{name: "total_duration", node: maybeInteger},
	{name: "prompt_eval_duration", node: maybeInteger},
	{name: "eval_duration", node: maybeInteger},
}

// ollamaLine are the members that chat and generate share.
var ollamaLine = []member{
	{name: "model", node: maybeText},
	{name: "remote_model", node: maybeText},
	{name: "remote_host", node: maybeText},
	{name: "created_at", node: maybeMoment},
	{name: "done", node: &node{kind: boolean}},
	{name: "done_reason", node: &node{kind: text, mend: asFinish}},
	{name: "logprobs", node: unread},
	{name: "_debug_info", node: unread},
	sayError,
	{name: "signin_url", node: unread},
}

var ollamaMessage = &node{kind: object, rebuild: rebuildOllamaMessage, members: []member{
	{name: "content", node: &node{kind: text, mend: asContent}},
	{name: "thinking", node: &node{kind: text, mend: asContent}},
	{name: "role", node: maybeText},
	{name: "tool_calls", node: &node{kind: list, mend: orNone(asList), each: &node{kind: object, members: []member{
		{name: "function", node: &node{kind: object, members: []member{
			{name: "arguments", node: &node{kind: object, free: true, mend: asArgumentsObject}}, {name: "name", node: textNode}, {name: "index", node: maybeInteger},
		}}},
		{name: "id", node: maybeText},
	}}}},
	{name: "images", node: unread},
	{name: "tool_name", node: unread},
	{name: "tool_call_id", node: unread},
}}

// rebuildOllamaMessage writes a message anew that has its content in parts.
func rebuildOllamaMessage(o map[string]json.RawMessage) (changed bool, err error) {
	return rebuildOllamaText(o, "content")
}

// rebuildOllamaText is rebuildOllamaMessage with the text in the member of that name.
func rebuildOllamaText(o map[string]json.RawMessage, name string) (changed bool, err error) {
	var content, thinking said
	if err := content.add(o[name], "", 0); err != nil {
		return false, within(name, err)
	}
	if err := thinking.add(o["thinking"], "thinking", 0); err != nil {
		return false, within("thinking", err)
	}
	o[name] = quoted(append(content.text, content.refusal...))
	o["thinking"] = quoted(append(thinking.thinking, content.thinking...))
	return true, nil
}

// asArgumentsObject takes arguments that are the text of an object, be it
// quoted twice, and nothing for the empty object.
func asArgumentsObject(raw []byte) ([]byte, error) {
	if raw[0] == '[' && isEmpty(raw) {
		return []byte("{}"), nil
	}
	for range 3 {
		if raw[0] != '"' {
			break
		}
		s := inside(raw)
		if s == "" || s == "null" {
			return []byte("{}"), nil
		}
		if !json.Valid([]byte(s)) {
			return nil, &Error{Problem: "is a string that is not a JSON object"}
		}
		raw = []byte(s)
	}
	if raw[0] != '{' {
		return nil, errOther
	}
	return raw, nil
}

func ollamaNode(own ...member) node {
	return node{kind: object, members: append(append(own, ollamaLine...), ollamaMetrics...)}
}

// OllamaChat is an answer of /api/chat.
var OllamaChat = both(ollamaNode(member{name: "message", node: ollamaMessage}))

// OllamaGenerate is an answer of /api/generate.
var OllamaGenerate = both(func() node {
	n := ollamaNode(
		member{name: "response", node: &node{kind: text, mend: asContent}}, member{name: "thinking", node: &node{kind: text, mend: asContent}},
		member{name: "context", node: unread}, member{name: "tool_calls", node: unread})
	n.rebuild = func(o map[string]json.RawMessage) (changed bool, err error) { return rebuildOllamaText(o, "response") }
	return n
}())

// OllamaProgress is an answer of /api/pull.
var OllamaProgress = both(node{kind: object, members: []member{
	{name: "status", node: textNode},
	{name: "digest", node: maybeText},
	{name: "total", node: maybeInteger},
	{name: "completed", node: maybeInteger},
	sayError,
	{name: "signin_url", node: unread},
}})

func both(n node) *Form { return &Form{event: n, document: n} }

// OllamaEmbeddings is an answer of /api/embed.
var OllamaEmbeddings = &Form{document: func() node {
	n := node{kind: object, rebuild: rebuildOllamaEmbeddings, members: append([]member{
		{name: "embeddings", node: &node{kind: list, each: &node{kind: list, flat: true, mend: asVector, each: &node{kind: number, needed: true}}}},
		{name: "model", node: maybeText},
	}, ollamaMetrics...)}
	n.required = n.bits("embeddings")
	return n
}()}

// rebuildOllamaEmbeddings takes the one vector of the older /api/embeddings.
func rebuildOllamaEmbeddings(o map[string]json.RawMessage) (changed bool, err error) {
	v := o["embedding"]
	if !says(v) {
		return false, nil
	}
	delete(o, "embedding")
	o["embeddings"] = append(append([]byte{'['}, v...), ']')
	return true, nil
}

var ollamaDetails = &node{kind: object, optional: true, members: []member{
	{name: "parent_model", node: maybeText},
	{name: "family", node: maybeText},
	{name: "parameter_size", node: maybeText},
	{name: "quantization_level", node: maybeText},
	{name: "format", node: unread},
	{name: "families", node: unread},
	{name: "context_length", node: unread},
	{name: "embedding_length", node: unread},
}}

var capabilitiesNode = &node{kind: list, optional: true, each: textNode}

// OllamaTags is an answer of /api/tags.
var OllamaTags = &Form{document: node{kind: object, mend: asListing("models"), members: []member{
	{name: "models", node: &node{kind: list, each: &node{kind: object, members: []member{
		{name: "name", node: textNode},
		{name: "model", node: maybeText},
		{name: "remote_model", node: maybeText},
		{name: "remote_host", node: maybeText},
		{name: "modified_at", node: maybeMoment},
		{name: "size", node: maybeInteger},
		{name: "digest", node: maybeText},
		{name: "details", node: ollamaDetails},
		{name: "capabilities", node: capabilitiesNode},
	}}}},
}}}

// OllamaRunning is an answer of /api/ps.
var OllamaRunning = &Form{document: node{kind: object, mend: asListing("models"), members: []member{
	{name: "models", node: &node{kind: list, each: &node{kind: object, members: []member{
		{name: "name", node: textNode},
		{name: "model", node: maybeText},
		{name: "size", node: maybeInteger},
		{name: "size_vram", node: maybeInteger},
		{name: "context_length", node: maybeInteger},
		{name: "expires_at", node: maybeMoment},
		{name: "digest", node: maybeText},
		{name: "details", node: unread},
	}}}},
}}}

// OllamaShow is an answer of /api/show.
var OllamaShow = &Form{document: node{kind: object, members: []member{
	{name: "license", node: &node{kind: text, optional: true, mend: asLines}},
	{name: "template", node: maybeText},
	{name: "system", node: maybeText},
	{name: "parameters", node: &node{kind: text, optional: true, mend: asLines}},
	{name: "details", node: ollamaDetails},
	{name: "remote_model", node: maybeText},
	{name: "remote_host", node: maybeText},
	{name: "model_info", node: &node{kind: object, optional: true, free: true}},
	{name: "tensors", node: &node{kind: list, optional: true, each: &node{kind: object, members: []member{
		{name: "name", node: textNode}, {name: "type", node: maybeText}, {name: "shape", node: &node{kind: list, each: size}},
	}}}},
	{name: "capabilities", node: capabilitiesNode},
	{name: "modified_at", node: maybeMoment},
	{name: "modelfile", node: unread},
	{name: "renderer", node: unread},
	{name: "parser", node: unread},
	{name: "messages", node: unread},
	{name: "projector_info", node: unread},
	{name: "requires", node: unread},
}}}

// size is a number that is not negative.
var size = &node{kind: natural}

// OllamaVersion is an answer of /api/version.
var OllamaVersion = &Form{document: node{kind: object, members: []member{{name: "version", node: maybeText}}}}

// asLines takes a list of texts for a text of lines.
func asLines(raw []byte) ([]byte, error) {
	var l []string
	if raw[0] != '[' || json.Unmarshal(raw, &l) != nil {
		return nil, errOther
	}
	return json.Marshal(strings.Join(l, "\n"))
}
