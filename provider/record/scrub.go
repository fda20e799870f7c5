package record

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/canon"
	"github.com/tandem-llm/tandem/provider"
)

// mask stands where a secret was.
const mask = "[redacted]"

// shortest is the length, in bytes, below which a configured key is not looked
// for: "test" is a word, too.
const shortest = 8

// known are the keys of well-known services, by how they begin, and the
// credentials of a header or a URL.
var known = regexp.MustCompile(`\b(?:sk-|sk_|gsk_|xai-|hf_|nvapi-|r8_|AIza|pplx-|ghp_|github_pat_)[A-Za-z0-9_-]{12,}` +
	`|Bearer [A-Za-z0-9+/=._~-]{20,}|://[^\s/@:]+:[^\s/@]+@|AKIA[A-Z0-9]{16}\b` +
	`|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}`)

// words are what suspect is asked about.
var words = regexp.MustCompile(`[A-Za-z0-9_+/=-]{32,}`)

// scrubber takes secrets out of what is about to be written.
type scrubber struct {
	secrets []string          // the longest first
	suspect func(string) bool // nil: nothing is suspected
	found   int
}

func newScrubber(secrets []string, suspect func(string) bool) *scrubber {
	s := &scrubber{suspect: suspect}
	for _, v := range secrets {
		if len(v) >= shortest {
			s.secrets = append(s.secrets, v)
		}
	}
	slices.SortFunc(s.secrets, func(a, b string) int { return len(b) - len(a) })
	return s
}

// Redact returns text without secrets: those given, from 8 bytes on, and what
// has the form of a well-known service's key or of a credential.
func Redact(text string, secrets []string) string {
	newScrubber(secrets, nil).text(&text, true)
	return text
}

// spans finds the secrets in a text: their starts and ends, in order, none
// over another. What is prose may hold digests, and a text that merely looks
// random is left in it; elsewhere suspect decides.
func (s *scrubber) spans(text string, prose bool) [][2]int {
	var all [][2]int
	for _, v := range s.secrets {
		for from := 0; ; {
			i := strings.Index(text[from:], v)
			if i < 0 {
				break
			}
			all = append(all, [2]int{from + i, from + i + len(v)})
			from += i + len(v)
		}
	}
	for _, m := range known.FindAllStringIndex(text, -1) {
		all = append(all, [2]int{m[0], m[1]})
	}
	if !prose && s.suspect != nil {
		for _, m := range words.FindAllStringIndex(text, -1) {
			if s.suspect(text[m[0]:m[1]]) {
				all = append(all, [2]int{m[0], m[1]})
			}
		}
	}
	slices.SortFunc(all, func(a, b [2]int) int { return a[0] - b[0] })
	var out [][2]int
	for _, m := range all {
		if n := len(out); n > 0 && m[0] < out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], m[1])
			continue
		}
		out = append(out, m)
	}
	s.found += len(out)
	return out
}

func (s *scrubber) text(text *string, prose bool) { s.pieces([]*string{text}, prose) }

// pieces scrubs a text that came in pieces: a secret may lie over two.
func (s *scrubber) pieces(pieces []*string, prose bool) {
	var whole strings.Builder
	for _, p := range pieces {
		whole.WriteString(*p)
	}
	text := whole.String()
	spans := s.spans(text, prose)
	if len(spans) == 0 {
		return
	}
	start := 0
	for _, p := range pieces {
		end := start + len(*p)
		var out strings.Builder
		at := start
		for _, m := range spans {
			if m[1] <= at || m[0] >= end {
				continue
			}
			if m[0] >= at {
				out.WriteString(text[at:m[0]])
				out.WriteString(mask)
			}
			at = min(m[1], end)
		}
		out.WriteString(text[at:end])
		*p = out.String()
		start = end
	}
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
			s.text(&k.Route.Endpoint, true)
			s.text(&k.Route.Reason, false)
			s.attempts(k.Route.Attempts)
		}
	}
	s.pieces(text, true)
	s.pieces(thinking, true)
	c.Chunks = slices.DeleteFunc(c.Chunks, func(k chunk) bool { p := k.provider(); return p.Empty() })
	if f := c.Error; f != nil {
		s.text(&f.Text, false)
		f.Attempts = slices.Clone(f.Attempts)
		s.attempts(f.Attempts)
	}
	c.Redacted = s.found
}

func (s *scrubber) attempts(attempts []provider.Attempt) {
	for i := range attempts {
		s.text(&attempts[i].Reason, false)
		s.text(&attempts[i].SentTo, true)
	}
}

func (s *scrubber) calls(calls []canon.Call) {
	for i := range calls {
		s.text(&calls[i].Arguments, false)
	}
}

// request returns r scrubbed; what r points to stays as it is, for it is the
// caller's.
func (s *scrubber) request(r canon.Request) canon.Request {
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		m := &r.Messages[i]
		s.text(&m.Text, true)
		s.calls(m.ToolCalls) // made for r
		for j := range m.Images {
			s.text(&m.Images[j].URL, false)
		}
	}
	r.Stop = slices.Clone(r.Stop)
	for i := range r.Stop {
		s.text(&r.Stop[i], true)
	}
	r.Options = s.options(r.Options)
	r.Targets = slices.Clone(r.Targets)
	for i := range r.Targets {
		r.Targets[i].Options = s.options(r.Targets[i].Options)
	}
	r.Tools = slices.Clone(r.Tools)
	for i := range r.Tools {
		s.text(&r.Tools[i].Description, true)
		r.Tools[i].Parameters = s.raw(r.Tools[i].Parameters)
	}
	if r.Schema != nil {
		schema := *r.Schema
		schema.JSON = s.raw(schema.JSON)
		r.Schema = &schema
	}
	return r
}

func (s *scrubber) raw(data json.RawMessage) json.RawMessage {
	text := string(data)
	s.text(&text, true)
	return json.RawMessage(text)
}

// options scrubs what options say, however deep.
func (s *scrubber) options(o map[string]any) map[string]any {
	if len(o) == 0 {
		return o
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil // a request with such options has no key, and is not recorded
	}
	text := string(data)
	before := s.found
	s.text(&text, false)
	if s.found == before {
		return o
	}
	var clean map[string]any
	if json.Unmarshal([]byte(text), &clean) != nil {
		return map[string]any{mask: true}
	}
	return clean
}
