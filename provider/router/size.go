package router

import "github.com/tandem-llm/tandem/provider"

// size is a prompt's size in tokens, before anybody has counted it.
type size struct {
	least int // no fewer: a tokenizer never joins two words
	about int // four bytes a token, and what a template adds
}

// What a template adds, and an image is, about, in tokens.
const (
	perMessage = 4
	perImage   = 256
)

// measure sizes what of req is sent as prompt.
func measure(req *provider.Request) size {
	var s size
	bytes := 0
	add := func(text string) {
		bytes += len(text)
		s.least += words(text)
	}
	for i := range req.Messages {
		m := &req.Messages[i]
		add(m.Text)
		s.about += perMessage + perImage*len(m.Images)
		for _, c := range m.ToolCalls {
			bytes += len(c.Name) + len(c.Arguments)
		}
	}
	for _, t := range req.Tools { // their form is the template's
		bytes += len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	s.about += max(bytes/4, s.least)
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
