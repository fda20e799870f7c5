package record

import (
	"encoding/json"
	"slices"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// scrubber takes secrets out of what is about to be written.
type scrubber struct {
	secrets *redact.Redactor
	suspect func(string) bool // nil: nothing is suspected
	found   int
}

func newScrubber(secrets []string, suspect func(string) bool) *scrubber {
	s := &scrubber{secrets: &redact.Redactor{}, suspect: suspect}
	s.secrets.Add(secrets...)
	return s
}

func (s *scrubber) scrubText(text *string, prose bool) { s.pieces([]*string{text}, prose) }

// pieces scrubs a text that came in pieces: a secret may lie over two. What is
// prose may hold digests, and a text that merely looks random is left in it;
// elsewhere suspect decides.
func (s *scrubber) pieces(pieces []*string, prose bool) {
	suspect := s.suspect
	if prose {
		suspect = nil
	}
	s.found += s.secrets.Pieces(pieces, suspect)
}

// call scrubs everything that is written.
func (s *scrubber) call(c *call) {
	c.Request = s.request(c.Request)
	var text, thinking []*string
	for i := range c.Chunks {
		k := &c.Chunks[i]
		if k.Restart {
			s.pieces(text, true)
			s.pieces(thinking, true)
			text, thinking = nil, nil
		}
		text, thinking = append(text, &k.Text), append(thinking, &k.Thinking)
		s.calls(k.ToolCalls)
		if k.Route != nil {
			s.scrubText(&k.Route.Endpoint, true)
			s.scrubText(&k.Route.Model, true)
			s.scrubText(&k.Route.Request, true)
			s.scrubText(&k.Route.Reason, false)
			s.attempts(k.Route.Attempts)
		}
	}
	s.pieces(text, true)
	s.pieces(thinking, true)
	c.Chunks = slices.DeleteFunc(c.Chunks, func(k chunk) bool { return k.Empty() })
	if f := c.Error; f != nil {
		s.scrubText(&f.Text, false)
		f.Attempts = slices.Clone(f.Attempts)
		s.attempts(f.Attempts)
	}
	*c = redact.Strings(*c, s.plain)
	c.Redacted = s.found
}

// plain scrubs a text of which nothing is known, also a part of one.
func (s *scrubber) plain(text string) string {
	s.scrubText(&text, true)
	return text
}

func (s *scrubber) attempts(attempts []provider.Attempt) {
	for i := range attempts {
		s.scrubText(&attempts[i].Reason, false)
		s.scrubText(&attempts[i].SentTo, true)
	}
}

func (s *scrubber) calls(calls []provider.ToolCall) {
	for i := range calls {
		c := &calls[i]
		if json.Valid(c.Arguments) {
			clean, n := s.secrets.JSONWith(c.Arguments, s.suspect)
			s.found += n
			c.Arguments = clean
		} else {
			text := string(c.Arguments)
			s.scrubText(&text, false)
			c.Arguments = json.RawMessage(text)
		}
		c.Extra = s.raw(c.Extra) // a signature looks like a key
	}
}

// request returns r scrubbed; what r points to stays as it is, for it is the
// caller's.
func (s *scrubber) request(r question) question {
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		m := &r.Messages[i]
		s.scrubText(&m.Text, true)
		s.scrubText(&m.Thinking, true)
		m.ToolCalls = slices.Clone(m.ToolCalls)
		s.calls(m.ToolCalls)
		m.Images = slices.Clone(m.Images)
		for j := range m.Images {
			s.scrubText(&m.Images[j].URL, false)
		}
	}
	if r.Completion != nil {
		c := *r.Completion
		s.scrubText(&c.Suffix, true)
		s.scrubText(&c.Template, true)
		r.Completion = &c
	}
	r.Stop = slices.Clone(r.Stop)
	for i := range r.Stop {
		s.scrubText(&r.Stop[i], true)
	}
	r.Options = s.options(r.Options)
	r.Targets = slices.Clone(r.Targets)
	for i := range r.Targets {
		r.Targets[i].Options = s.options(r.Targets[i].Options)
	}
	r.Tools = slices.Clone(r.Tools)
	for i := range r.Tools {
		s.scrubText(&r.Tools[i].Description, true)
		r.Tools[i].Parameters = s.raw(r.Tools[i].Parameters)
	}
	if r.Schema != nil {
		schema := *r.Schema
		schema.JSON = s.raw(schema.JSON)
		r.Schema = &schema
	}
	return redact.Strings(r, s.plain)
}

// raw scrubs a JSON text, which stays one.
func (s *scrubber) raw(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	clean, n := s.secrets.JSONWith(data, nil)
	s.found += n
	return clean
}

// options scrubs what options say, however deep.
func (s *scrubber) options(o provider.Options) provider.Options {
	if len(o) == 0 {
		return o
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil // a request with such options has no key, and is not recorded
	}
	data, n := s.secrets.JSONWith(data, s.suspect)
	if n == 0 {
		return o
	}
	s.found += n
	var clean provider.Options
	if json.Unmarshal(data, &clean) != nil {
		return provider.Options{redact.Mask: true}
	}
	return clean
}
