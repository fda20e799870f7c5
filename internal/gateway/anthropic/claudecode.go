package anthropic

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// isClaudeCode reports whether Claude Code asks.
func isClaudeCode(r *http.Request) bool {
	return r.Header.Get("X-Claude-Code-Session-Id") != "" || strings.HasPrefix(r.UserAgent(), "claude-cli/") || strings.HasPrefix(r.UserAgent(), "claude-code/")
}

// billingLine begins the first line of Claude Code's system prompt, which says its
// version and a mark that differs from conversation to conversation, and in some
// versions from request to request. It is for Anthropic's servers; before any other
// model it makes the engine read the whole prompt again.
const billingLine = "x-anthropic-billing-header:"

// budgetLine is a line in which Claude Code says how much of a budget is left (versions
// 2.0 and 2.1). It differs in every request, and the window that it counts is not the
// one of the model that answers.
var budgetLine = regexp.MustCompile(`(?m)^[ \t]*(?:<total_tokens>[^<\n]{1,40}</total_tokens>|Token usage: \d+/\d+; -?\d+ remaining|USD budget: \$[\d.]+/\$[\d.]+; \$-?[\d.]+ remaining|Output tokens — turn: [^\n]{1,80})[ \t]*\r?(?:\n|$)`)

const (
	billingNote = "Claude Code's billing line was taken out of the prompt"
	budgetNote  = "Claude Code's count of the tokens left was taken out of the prompt"
)

// steady is a text of the system's without what Claude Code changes in it with every
// request, so that the prompt keeps its prefix.
func (d *decoder) steady(text string) string {
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), billingLine) {
		_, text, _ = strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
		d.note(billingNote)
	}
	if d.claude && budgetLine.MatchString(text) {
		text = strings.Trim(budgetLine.ReplaceAllString(text, ""), "\n")
		d.note(budgetNote)
	}
	return text
}

// reminderOpen and reminderClose are around what Claude Code itself says in a message of
// the user's.
const (
	reminderOpen  = "<system-reminder>"
	reminderClose = "</system-reminder>"
)

// steadyReminder is a text of the user's or a tool's without reminders that hold nothing
// but the tokens left. What else there is stays as it is.
func (d *decoder) steadyReminder(text string) string {
	if !d.claude || !budgetLine.MatchString(text) {
		return text
	}
	rest := text
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(rest, reminderOpen)
		inner, behind, closed := strings.Cut(after, reminderClose)
		if !ok || !closed {
			break
		}
		rest = behind
		if budgetLine.MatchString(inner) && strings.TrimSpace(budgetLine.ReplaceAllString(inner, "")) == "" {
			out.WriteString(strings.TrimRight(before, "\n"))
			d.note(budgetNote)
			continue
		}
		out.WriteString(before + reminderOpen + inner + reminderClose)
	}
	return out.String() + rest
}

// isBackground reports whether Claude Code asks for itself, and nobody waits for the
// answer: for the title of a conversation, or to see whether it may ask at all.
func isBackground(req *provider.Request) bool {
	if len(req.Tools) > 0 {
		return false
	}
	if req.MaxTokens != nil && *req.MaxTokens == 1 {
		return true
	}
	if req.Schema == nil {
		return false
	}
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(req.Schema.JSON, &schema) // another schema is another question
	_, titled := schema.Properties["title"]
	_, topic := schema.Properties["isNewTopic"]
	return topic || titled && len(schema.Properties) == 1
}
