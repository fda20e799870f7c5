package thinking

import "strings"

// prose is the text of an answer, as far as it says whether a closing tag in it
// ends thinking that the template had opened.
type prose struct {
	off   bool // it does not
	prev  byte // the last one; 0: none
	ticks int  // ` in a row at the end
	code  bool // a code block is open
}

var closings = [...]string{"</think>", "</thinking>"}

// begin takes in how the text begins.
func (t *prose) begin(rest string) {
	if rest != "" && strings.IndexByte("{[<`", rest[0]) >= 0 {
		t.off = true
	}
}

// end looks for the closing tag that ends thinking. If there is one, it is at n
// and tag long; otherwise the first n bytes are text, and the rest may yet be a
// tag.
func (t *prose) end(s string, last bool) (n, tag int, closed bool) {
	from := 0
	for !t.off {
		i := strings.IndexByte(s[from:], '<')
		if i < 0 {
			break
		}
		t.pass(s[from : from+i])
		from += i
		rest := s[from:]
		if !last && (cut(rest, "<think>") || cut(rest, "<thinking>")) {
			return from, 0, false
		}
		if strings.HasPrefix(rest, "<think>") || strings.HasPrefix(rest, "<thinking>") {
			t.off = true // it is about tags
			break
		}
		for _, tag := range closings {
			if !last && (cut(rest, tag) || rest == tag) {
				return from, 0, false
			}
			if strings.HasPrefix(rest, tag) && t.closes(rest[len(tag):]) {
				return from, len(tag), true
			}
		}
		t.pass("<")
		from++
	}
	t.pass(s[from:])
	return len(s), 0, false
}

// cut reports whether s is the beginning of a tag, and no more.
func cut(s, tag string) bool { return len(s) < len(tag) && strings.HasPrefix(tag, s) }

// closes reports whether a closing tag before after ends thinking.
func (t *prose) closes(after string) bool {
	if t.code || t.prev == 0 || strings.IndexByte(" \t`\"'(<[{=/|>*_", t.prev) >= 0 {
		return false
	}
	return after == "" || strings.IndexByte("`\"'*_", after[0]) < 0
}

// pass takes text in.
func (t *prose) pass(s string) {
	if s == "" || t.off {
		return
	}
	t.prev = s[len(s)-1]
	for {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			t.ticks = 0
			return
		}
		if i > 0 {
			t.ticks = 0
		}
		if t.ticks++; t.ticks == 3 {
			t.code, t.ticks = !t.code, 0
		}
		if s = s[i+1:]; s == "" {
			return
		}
	}
}
