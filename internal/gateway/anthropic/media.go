package anthropic

import (
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// image reads a picture: its data, or its URL.
func image(b body.Object) provider.Image {
	s, ok := b.Object("source")
	if !ok {
		b.Missing("source", "")
		return provider.Image{}
	}
	switch kind := s.Text("type"); kind {
	case "base64":
		raw, ok := body.Base64(s.Text("data"))
		if !ok {
			s.Failf("data", "the picture's data is not base64")
		}
		return provider.Image{Data: raw, MIME: s.Text("media_type")}
	case "url":
		url := s.Text("url")
		if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
			s.Failf("url", "it has to be an https URL")
		}
		return provider.Image{URL: url}
	default:
		s.Failf("type", "a picture from %q is not supported here; send base64 or url", exchange.Brief(kind))
	}
	return provider.Image{}
}

// document is a document as text. One that has to be read by other means, such as a PDF,
// is refused: no engine here reads it.
func (d *decoder) document(b body.Object) string {
	s, ok := b.Object("source")
	if !ok {
		b.Missing("source", "")
		return ""
	}
	if c, ok := b.Object("citations"); ok && c.True("enabled") {
		c.Failf("enabled", "citations are not supported here; leave them out")
	}
	text := ""
	switch kind := s.Text("type"); {
	case kind == "text":
		text = s.Text("data")
	case kind == "content" && s.Kind("content") == body.KindString:
		text = s.Text("content")
	case kind == "content":
		var texts []string
		for _, item := range s.List("content") {
			part := item.Object()
			if kind := part.Text("type"); kind != "text" {
				part.Failf("type", "a document holds only text here, not %q", exchange.Brief(kind))
			}
			texts = append(texts, part.Text("text"))
		}
		text = strings.Join(texts, "\n")
	case s.Text("media_type") == "application/pdf":
		s.Failf("media_type", "PDF documents are not supported here; send their text")
	default:
		s.Failf("type", "a document from %q is not supported here; send its text", exchange.Brief(kind))
	}
	return joined("\n", b.Text("title"), b.Text("context"), text)
}
