package normalize

import (
	"encoding/json"
	"fmt"
	"strings"
)

// What go-openai decodes.

var (
	textNode     = &node{kind: text}
	maybeText    = &node{kind: text, optional: true}
	maybeInteger = &node{kind: integer, optional: true}
	unread       = &node{kind: nothing}
)

// usageNode is what a server counted. A number that says nothing plausible is
// left out, and a usage without it is none.
var usageNode = func() *node {
	n := &node{kind: object, optional: true, rebuild: renameUsage, members: usageMembers}
	n.required, n.exclude = n.bits("prompt_tokens"), []uint64{n.bits("cache_read_input_tokens")}
	return n
}()

var usageMembers = []member{
	{name: "cache_read_input_tokens", node: maybeInteger},
	{name: "prompt_tokens", node: maybeInteger},
	{name: "completion_tokens", node: maybeInteger},
	{name: "total_tokens", node: maybeInteger},
	{name: "prompt_tokens_details", node: &node{kind: object, optional: true, members: []member{
		{name: "cached_tokens", node: maybeInteger}, {name: "audio_tokens", node: unread},
	}}},
	{name: "completion_tokens_details", node: &node{kind: object, optional: true, members: []member{
		{name: "reasoning_tokens", node: maybeInteger},
		{name: "audio_tokens", node: unread},
		{name: "accepted_prediction_tokens", node: unread},
		{name: "rejected_prediction_tokens", node: unread},
	}}},
}

// renameUsage takes the counts by the names that Anthropic and OpenAI's
// /responses give them. A part of the prompt that came from a cache and is not
// counted in it makes a usage that cannot be.
func renameUsage(o map[string]json.RawMessage) (changed bool, err error) {
	cached := o["cache_read_input_tokens"]
	delete(o, "cache_read_input_tokens")
	if cached != nil && !says(o["prompt_tokens_details"]) && !says(o["input_tokens_details"]) {
		o["prompt_tokens_details"] = fmt.Appendf(nil, `{"cached_tokens":%s}`, cached)
	}
	if cached == nil && !says(o["input_tokens"]) {
		return false, nil
	}
	for _, n := range [][2]string{
		{"input_tokens", "prompt_tokens"},
		{"output_tokens", "completion_tokens"},
		{"input_tokens_details", "prompt_tokens_details"},
		{"output_tokens_details", "completion_tokens_details"},
	} {
		if says(o[n[0]]) && !says(o[n[1]]) {
			o[n[1]] = o[n[0]]
		}
	}
	return true, nil
}

// functionNode is what is called, and with what.
var functionNode = func() *node {
	n := &node{kind: object, mend: orNone(asObject), rebuild: renameArguments, members: []member{
		{name: "name", node: textNode}, {name: "arguments", node: &node{kind: text, mend: asArguments}},
	}}
	n.required = n.bits("arguments")
	return n
}()

// argumentsNames are the other names of arguments: Llama's, Anthropic's, Gemini's.
var argumentsNames = []string{"parameters", "input", "args"}

func renameArguments(o map[string]json.RawMessage) (changed bool, err error) {
	for _, name := range argumentsNames {
		if says(o[name]) && !says(o["arguments"]) {
			o["arguments"], changed = o[name], true
			delete(o, name)
		}
	}
	return changed, nil
}

// callNode is a tool call, or a fragment of one.
var callNode = func() *node {
	n := &node{kind: object, rebuild: wrapFunction, members: []member{
		{name: "function", node: functionNode},
		{name: "index", node: maybeInteger},
		{name: "id", node: maybeText},
		{name: "type", node: maybeText},
	}}
	n.required = n.bits("function")
	return n
}()

// wrapFunction takes a call whose name and arguments have no function around them.
func wrapFunction(o map[string]json.RawMessage) (changed bool, err error) {
	function := map[string]json.RawMessage{}
	for _, name := range append([]string{"name", "arguments"}, argumentsNames...) {
		if v := o[name]; v != nil {
			function[name] = v
			delete(o, name)
		}
	}
	if len(function) == 0 {
		return false, nil
	}
	o["function"], err = json.Marshal(function)
	return true, err
}

// asArguments takes arguments that are no text for their JSON.
func asArguments(raw []byte) ([]byte, error) {
	if raw[0] == '[' && isEmpty(raw) { // PHP's empty object
		raw = []byte("{}")
	}
	return quoteJSON(raw), nil
}

var messageNode = func() *node {
	n := &node{kind: object, rebuild: rebuildMessage, members: []member{
		{name: "content", node: &node{kind: text, mend: asContent}},
		{name: "role", node: maybeText},
		{name: "tool_calls", node: &node{kind: list, mend: orNone(asList), each: callNode}},
		{name: "refusal", node: &node{kind: text, optional: true, mend: orNone(asText)}},
		{name: "reasoning_content", node: &node{kind: text, mend: asContent}},
		{name: "reasoning", as: "reasoning_content", node: textNode},
		{name: "function_call", node: functionNode},
		{name: "name", node: unread},
		{name: "tool_call_id", node: unread},
		{name: "MultiContent", node: unread},
	}}
	n.exclude = []uint64{n.bits("reasoning_content", "reasoning")}
	return n
}()

// asContent has a message with a content in parts written anew.
func asContent(raw []byte) ([]byte, error) {
	if raw[0] == '{' || raw[0] == '[' {
		return nil, errRebuild
	}
	return asText(raw)
}

// choiceNode is one answer: its message is the member called name. Servers call it
// by the other of message and delta, too. Where there are both, one is left out:
// what a server sends of the whole message beside the last piece of a stream, or an
// empty piece beside a message.
func choiceNode(name, without string) *node {
	other := "message"
	if name == other {
		other = "delta"
	}
	n := &node{kind: object, members: []member{
		{name: name, node: messageNode},
		{name: other, as: name, node: messageNode},
		{name: "index", node: maybeInteger},
		{name: "finish_reason", node: &node{kind: text, mend: asFinish}},
		{name: "logprobs", node: unread},
		{name: "content_filter_results", node: unread},
		{name: "usage", node: &node{kind: nothing, mend: func([]byte) ([]byte, error) { return nil, errRebuild }}},
	}}
	n.required, n.exclude = n.bits("delta", "message"), []uint64{n.bits("delta", "message")}
	n.rebuild = func(o map[string]json.RawMessage) (changed bool, err error) {
		switch text := o["text"]; {
		case says(o["usage"]):
			return false, errRebuild // by the answer that has this choice
		case says(o["delta"]) && says(o["message"]):
			delete(o, without)
		case len(text) > 0 && text[0] == '"' && !says(o["delta"]) && !says(o["message"]): // as /completions has it
			o[name] = fmt.Appendf(nil, `{"content":%s}`, text)
		default:
			return false, nil
		}
		return true, nil
	}
	return n
}

func says(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] != 'n' }

// asFinish takes any finish_reason: one that is unknown is named.
func asFinish(raw []byte) ([]byte, error) {
	switch raw[0] {
	case 'f': // not finished
		return null, nil
	case '{':
		var o struct{ Type, Reason json.RawMessage }
		if json.Unmarshal(raw, &o) == nil {
			for _, s := range []json.RawMessage{o.Type, o.Reason} {
				if len(s) > 0 && s[0] == '"' {
					return s, nil
				}
			}
		}
	case '[':
		var l []json.RawMessage
		if json.Unmarshal(raw, &l) == nil && len(l) == 1 && l[0][0] == '"' {
			return l[0], nil
		}
	}
	return quoteJSON(raw), nil
}

func chatNode(name, without string) node {
	n := node{kind: object, mend: asOnlyElement, rebuild: unwrapChat, members: []member{
		{name: "choices", node: &node{kind: list, each: choiceNode(name, without)}},
		{name: "usage", node: usageNode},
		{name: "model", node: maybeText},
		{name: "id", node: maybeText},
		{name: "created", node: maybeInteger},
		{name: "object", node: maybeText},
		{name: "system_fingerprint", node: maybeText},
		{name: "service_tier", node: maybeText},
		{name: "prompt_annotations", node: unread},
		{name: "prompt_filter_results", node: unread},
	}}
	n.required = n.bits("choices")
	return n
}

// OpenAIChat is an answer of /chat/completions.
var OpenAIChat = &Form{event: chatNode("delta", "message"), document: chatNode("message", "delta"), inEvent: chatNode("delta", "delta")}

// asOnlyElement takes a list of one thing for that.
func asOnlyElement(raw []byte) ([]byte, error) {
	var l []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &l) != nil || len(l) != 1 {
		return nil, errOther
	}
	return l[0], nil
}

// listed is raw as a list, where it is one thing.
func listed(raw json.RawMessage) json.RawMessage {
	if len(raw) > 0 && raw[0] == '{' {
		return fmt.Appendf(nil, "[%s]", raw)
	}
	return raw
}

// wrappers are the members that gateways put an answer into.
var wrappers = []string{"data", "result", "response", "output", "body"}

// unwrapChat takes a usage out of the choice that it is in (Moonshot), or an
// answer out of the object that a gateway put it into. What else is in that
// stays: it may tell who has answered.
func unwrapChat(outer map[string]json.RawMessage) (changed bool, err error) {
	var choices []map[string]json.RawMessage
	if json.Unmarshal(listed(outer["choices"]), &choices) == nil {
		for _, c := range choices {
			for name, usage := range c {
				if !strings.EqualFold(name, "usage") {
					continue
				}
				if delete(c, name); !says(outer["usage"]) {
					outer["usage"] = usage
				}
				changed = true
			}
		}
	}
	if changed {
		outer["choices"], err = json.Marshal(choices)
		return true, err
	}
	for _, name := range wrappers {
		var inner map[string]json.RawMessage
		if json.Unmarshal(outer[name], &inner) != nil || inner["choices"] == nil {
			continue
		}
		delete(outer, name)
		for k, v := range inner {
			outer[k] = v
		}
		return true, nil
	}
	return false, nil
}
