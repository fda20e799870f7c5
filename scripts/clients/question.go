package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// said is what the engine answers.
const said = "The answer is forty-two."

// question is a request for a chat as it reaches the engine.
type question struct {
	Model          string
	Stream         bool
	Messages       []message
	Tools          []tool
	ToolChoice     json.RawMessage `json:"tool_choice"` // "none", "auto", "required", or an object with a name
	ResponseFormat struct {
		Type       string
		JSONSchema struct{ Schema *schema } `json:"json_schema"`
	} `json:"response_format"`
	Stop stops
}

type message struct {
	Role    string
	Content content
}

type tool struct {
	Function struct {
		Name       string
		Parameters *schema
	}
}

// content is a message's text, of a string or of parts.
type content string

// UnmarshalJSON takes both forms.
func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct{ Text string }
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

// stops are the texts at which an answer ends, of a string or of a list.
type stops []string

// UnmarshalJSON takes both forms.
func (s *stops) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = stops{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// isTitle reports whether a client asks for the title of a conversation, which is no
// question of the user's.
func (q *question) isTitle() bool {
	if len(q.Tools) > 0 || len(q.Messages) == 0 || q.Messages[0].Role != "system" {
		return false
	}
	text := string(q.Messages[0].Content)
	return strings.Contains(strings.ToLower(text[:min(len(text), 300)]), "title")
}

// String is a line about a question, for -v.
func (q *question) String() string {
	var roles []string
	for _, m := range q.Messages {
		roles = append(roles, m.Role)
	}
	kind := "question"
	if q.isTitle() {
		kind = "title"
	}
	return fmt.Sprintf("%s: %d tools, %s %s", kind, len(q.Tools), q.ResponseFormat.Type, strings.Join(roles, " "))
}

// words are the prompt's.
func (q *question) words() (n int) {
	for _, m := range q.Messages {
		n += len(strings.Fields(string(m.Content)))
	}
	return n
}

// answer is a text, or a call of a tool.
type answer struct {
	text            string
	call, arguments string
}

// answer is what a capable model would say: it calls the tool that it has to, or one
// that it is offered, until there is a result; it keeps to a schema; it stops where it
// is told to.
func (q *question) answer() answer {
	if t := q.toolToCall(); t != nil {
		if known, ok := agentCalls[t.Function.Name]; ok {
			return answer{call: t.Function.Name, arguments: known}
		}
		return answer{call: t.Function.Name, arguments: t.Function.Parameters.example(q.lastOfUser())}
	}
	switch q.ResponseFormat.Type {
	case "json_schema":
		return answer{text: q.ResponseFormat.JSONSchema.Schema.example(q.lastOfUser())}
	case "json_object":
		return answer{text: (&schema{Type: "object"}).example(q.lastOfUser())}
	}
	text := said
	for _, s := range q.Stop {
		text, _, _ = strings.Cut(text, s)
	}
	return answer{text: text}
}

// agentCalls are calls that the agents' own tools take, by their names.
var agentCalls = map[string]string{
	"exec_command": `{"cmd":"echo canary"}`,
	"shell":        `{"command":["echo","canary"]}`,
	"Bash":         `{"command":"echo canary","description":"says canary"}`,
	"bash":         `{"command":"echo canary","description":"says canary"}`,
	"run_commands": `{"commands":["echo canary"]}`,
}

// toolToCall is the tool to call, or nil.
func (q *question) toolToCall() *tool {
	if len(q.Tools) == 0 {
		return nil
	}
	var choice string
	var named struct{ Function struct{ Name string } }
	if json.Unmarshal(q.ToolChoice, &choice) != nil {
		_ = json.Unmarshal(q.ToolChoice, &named) // absent: no name
	}
	byName := func(name string) *tool {
		i := slices.IndexFunc(q.Tools, func(t tool) bool { return t.Function.Name == name })
		if i < 0 {
			return nil
		}
		return &q.Tools[i]
	}
	switch {
	case named.Function.Name != "":
		return byName(named.Function.Name)
	case choice == "none", choice != "required" && (q.Model == casePrompt || q.Model == caseCut || q.hasResult()):
		return nil
	}
	for _, t := range q.Tools { // an agent has many, of which few are harmless
		if _, ok := agentCalls[t.Function.Name]; ok {
			return byName(t.Function.Name)
		}
	}
	return &q.Tools[0]
}

// hasResult reports whether a tool's result came after the user's last message.
func (q *question) hasResult() bool {
	for _, m := range slices.Backward(q.Messages) {
		switch m.Role {
		case "tool":
			return true
		case "user":
			return false
		}
	}
	return false
}

func (q *question) lastOfUser() string {
	for _, m := range slices.Backward(q.Messages) {
		if m.Role == "user" {
			return string(m.Content)
		}
	}
	return ""
}
