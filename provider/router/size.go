package router

import (
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// size is a prompt's size in tokens, before anybody has counted it.
type size struct {
	atLeast  int // no fewer: a tokenizer never joins two words
	estimate int // as tokens.Request has it, and no less than that
}

// measurePrompt sizes what of req is sent as prompt.
func measurePrompt(req *provider.Request) size {
	var s size
	for i := range req.Messages {
		if req.Completion != nil && req.Completion.Template != "" {
			break // which may leave any of it out
		}
		s.atLeast += countWords(req.Messages[i].Text)
	}
	s.estimate = max(tokens.Request(req), s.atLeast)
	return s
}

// countWords counts what white space separates.
func countWords(text string) (n int) {
	in := false
	for i := range len(text) {
		switch text[i] {
		case ' ', '\n', '\t', '\r':
			in = false
		default:
			if !in {
				n++
			}
			in = true
		}
	}
	return n
}
