// Package tokens estimates how many tokens a prompt has, without a tokenizer.
package tokens

import (
	"bytes"
	"encoding/json"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/provider"
)

// What surrounds the texts of a request, in tokens.
const (
	tokensPerMessage = 8   // role and marks, as templates write them
	tokensPerTool    = 40  // of the JSON around a tool's description
	tokensPerImage   = 800 // models differ: 256 to several thousand
	tokensPerSchema  = 30  // of what is said around a schema
)

// Request estimates the tokens of req's prompt: its messages, tools and
// schema, which models are shown.
// See [Text] for how far off it may be.
func Request(req *provider.Request) int {
	n := 3 // what asks for the answer
	for i := range req.Messages {
		m := &req.Messages[i]
		n += tokensPerMessage + Text(m.Text) + tokensPerImage*len(m.Images)
		for _, c := range m.ToolCalls {
			n += tokensPerMessage + Text(c.Name) + Text(string(c.Arguments))
		}
	}
	if req.ToolChoice != "none" {
		for _, t := range req.Tools {
			n += tokensPerTool + Text(t.Name) + Text(t.Description) + Text(string(t.Parameters))
		}
	}
	if c := req.Completion; c != nil {
		n += Text(c.Suffix) + Text(c.Template)
	}
	if req.Schema != nil {
		n += tokensPerSchema + Text(compact(req.Schema.JSON))
	}
	return n
}

// AtLeast is how many tokens req's prompt has at the very least, whatever the
// tokenizer and the template: one for two words of what the user and the system
// say. No vocabulary in use joins words to that extent. Where a script has no
// blanks between words, eight letters count as a word.
func AtLeast(req *provider.Request) int {
	n := 0
	if c := req.Completion; c != nil {
		if c.Template != "" {
			return 0 // it may leave any of it out
		}
		if !c.Raw {
			n += words(c.Suffix)
		}
	}
	for i := range req.Messages {
		if m := &req.Messages[i]; m.Role == provider.RoleUser || m.Role == provider.RoleSystem {
			n += words(m.Text)
		}
	}
	return n / 2
}

// words counts runs of letters and digits between blanks.
func words(text string) (n int) {
	inside, unspaced := false, 0
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			inside = false
		case r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			unspaced++
		case !inside && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			inside, n = true, n+1
		}
	}
	return n + unspaced/8
}

// compact is JSON without white space, as it is sent.
func compact(data []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return string(data)
	}
	return b.String()
}

// Text estimates how many tokens text has, without a tokenizer, by
// the scripts it is written in: short words and long ones, digits, signs, and
// what each rune of a script costs. It is made for small English-centred
// vocabularies such as SmolLM2's 49,152 tokens, which split other languages
// more finely than most: there it is within 20 % for the prose of eleven
// languages, code and tables that the test holds; other texts may be further
// off. A larger vocabulary needs fewer tokens, for Hindi or Chinese down to a
// third, so that the estimate then errs on the high side. No estimate is more
// than the text has bytes.
func Text(text string) int {
	s := scan{text: text}
	for s.at < len(s.text) {
		s.piece()
	}
	words := s.plain
	if s.known*8 < s.words && s.other < s.split/2 { // neither English nor code: prose of another language
		words = s.split
	}
	tenths := words + s.other
	return min((tenths+9)/10, len(text))
}

// scan adds up what the pieces of a text cost, in tenths of a token.
type scan struct {
	text         string
	at           int
	words, known int // Latin words, and those among the commonest English ones
	plain, split int // cost of the Latin words, if English and if not
	other        int // cost of the rest
}

// piece takes the next word, number, run of blanks or sign.
func (s *scan) piece() {
	r, size := utf8.DecodeRuneInString(s.text[s.at:])
	switch {
	case latin(r):
		s.word()
	case r >= '0' && r <= '9':
		s.at, s.other = s.at+1, s.other+10
	case r == ' ':
		n := s.run(' ')
		if n > 1 || s.at >= len(s.text) || isDigit(s.text[s.at]) {
			s.other += 10 // else the next word has it
		}
	case r == '\n' || r == '\t' || r == '\r':
		s.other += 8 + 2*s.run(s.text[s.at])
	case r < utf8.RuneSelf:
		n := s.run(s.text[s.at])
		s.other += 9 + 2*(n-1)
	default:
		s.at, s.other = s.at+size, s.other+tenthsOf(r, size)
	}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// run steps over equal bytes and returns how many there were.
func (s *scan) run(b byte) int {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] == b {
		s.at++
	}
	return s.at - from
}

func latin(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0xC0 && r <= 0x24F && r != 0xD7 && r != 0xF7
}

// word takes a run of Latin letters up to the next hump of a camelCase name.
func (s *scan) word() {
	from, letters, marked, lower := s.at, 0, 0, false
	for s.at < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		upper := r < utf8.RuneSelf && r >= 'A' && r <= 'Z'
		if !latin(r) || upper && lower {
			break
		}
		lower = !upper
		letters++
		if r >= utf8.RuneSelf {
			marked++
		}
		s.at += size
	}
	s.words++
	s.plain += 10 + 10*((letters-1)/9) + 10*marked
	s.split += 10 + 10*((letters-1)/3) + 4*marked
	if common(s.text[from:s.at]) {
		s.known++
	}
}

// common reports whether a word is among the commonest English ones.
func common(w string) bool {
	switch w {
	case "the", "The", "of", "and", "to", "a", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he", "I",
		"this", "are", "or", "his", "from", "at", "which", "but", "have", "an", "had", "they", "you", "You", "were", "their", "one", "all", "we", "can", "her", "has", "there",
		"been", "if", "If", "more", "when", "will", "would", "who", "so", "no", "she", "do", "your", "what", "What", "how", "How", "me":
		return true
	}
	return false
}

// tenthsOf is the cost of a rune beyond ASCII, in tenths of a token.
func tenthsOf(r rune, size int) int {
	switch {
	case unicode.Is(unicode.Han, r), unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
		return 18
	case unicode.In(r, unicode.Cyrillic, unicode.Greek):
		return 9
	case unicode.In(r, unicode.Arabic, unicode.Hebrew):
		return 11
	case unicode.Is(unicode.Devanagari, r):
		return 13
	case unicode.IsLetter(r), unicode.IsMark(r):
		return 5 * size
	case size == 4:
		return 25
	}
	return 6 * size
}
