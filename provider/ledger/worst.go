package ledger

import (
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// DefaultMaxTokens is the longest answer that is paid for out of a budget
// where the request sets no limit of its own. It is sent along then: what was
// reserved holds only if the server keeps to it.
const DefaultMaxTokens = 4096

// What a prompt has besides its text, in tokens, at most.
const (
	perMessage = 16     // role and separators
	perImage   = 50_000 // the dearest picture of the dearest way to count them
)

// promptBound is the most tokens that a prompt can have: no tokenizer makes
// more tokens than bytes.
func promptBound(req *provider.Request) int {
	n := perMessage
	for i := range req.Messages {
		m := &req.Messages[i]
		n += perMessage + len(m.Text) + len(m.ToolCallID) + len(m.ToolName) + perImage*len(m.Images)
		for _, c := range m.ToolCalls {
			n += perMessage + len(c.ID) + len(c.Name) + len(c.Arguments)
		}
	}
	for _, t := range req.Tools {
		n += perMessage + len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	if c := req.Completion; c != nil {
		n += len(c.Suffix) + len(c.Template)
	}
	if req.Schema != nil {
		n += perMessage + len(req.Schema.Name) + schema.Longest(req.Schema.JSON)
	}
	return n
}

// Worst is the most that a request can cost at p, in US dollars. A request
// without MaxTokens counts with [DefaultMaxTokens].
func (p Price) Worst(req *provider.Request) float64 { return Priced{Price: p}.Worst(req) }

// Worst is [Price.Worst]; a prompt that may be a long one counts as such.
func (p Priced) Worst(req *provider.Request) float64 {
	in, out := promptBound(req), DefaultMaxTokens
	if req.MaxTokens != nil {
		out = *req.MaxTokens
	}
	price := p.of(in)
	return (float64(in)*price.dearestInput() + float64(out)*price.Output) / 1e6
}
