package structured

import (
	"strings"

	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/thinking"
)

// takeApart separates what a model wrote where JSON was asked for: the thinking that
// its provider left in the text, and the JSON, without a code fence. What is not JSON
// comes back as it is.
func takeApart(text string) (thought, answer string) {
	thought, text = thinking.Split(text, false)
	answer, ok := schema.JSONIn(text)
	if ok || thought != "" {
		return strings.TrimSpace(thought), answer
	}
	// Where JSON belongs, prose before a closing tag was thinking wherever the tag
	// stands, unless it stands in a code fence.
	before, rest, found := thinking.CutClosing(text)
	if !found || strings.Contains(before, "```") {
		return "", answer
	}
	answer, _ = schema.JSONIn(rest)
	return strings.TrimSpace(before), answer
}
