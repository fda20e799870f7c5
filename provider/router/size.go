package router

import "github.com/tandem-llm/tandem/provider"

// size is a prompt's size in tokens, before anybody has counted it.
type size struct {
	least int // no fewer: a tokenizer never joins two words
	about int // as provider.EstimateRequest has it, and no less than that
}

// measure sizes what of req is sent as prompt.
func measure(req *provider.Request) size {
	var s size
	for i := range req.Messages {
		s.least += words(req.Messages[i].Text)
	}
	s.about = max(provider.EstimateRequest(req), s.least)
	return s
}

// words counts what white space separates.
func words(text string) (n int) {
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
