package requests

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/textx"
)

// parser checks a line and all of its body, and gathers what is wrong with them.
type parser struct {
	file     string
	line     int
	text     string
	mistakes []*Mistake
}

// wrong adds a mistake, with the offset of what is wrong.
func (p *parser) wrong(code, param string, at int, remedy, format string, args ...any) {
	p.mistakes = append(p.mistakes, &Mistake{code, param, &diag.Error{
		File: p.file, Line: p.line, Column: 1 + utf8.RuneCountInString(p.text[:max(0, min(at, len(p.text)))]), Message: fmt.Sprintf(format, args...), Remedy: remedy,
	}})
}

const example = `write {"custom_id": "1", "method": "POST", "url": "` + openai.ChatPath + `", "body": {…}} a line`

// request is the line's request, as far as it has been understood.
func (p *parser) request() (r Request) {
	begin := strings.IndexFunc(p.text, notSpace)
	if at := textx.InvalidUTF8(p.text); at >= 0 {
		p.wrong(CodeJSON, "", at, "convert the file to UTF-8 first", "the text is not UTF-8")
		return r
	}
	value, at, err := textx.DecodeJSON(p.text)
	if err != nil {
		p.wrong(CodeJSON, "", at, example, "this is not one JSON value: %v", err)
		return r
	}
	if _, ok := value.(map[string]any); !ok {
		p.wrong(CodeJSON, "", begin, example, "a request has to be a JSON object")
		return r
	}
	members, twice := membersOf(p.text)
	if twice != "" {
		p.wrong(CodeValue, twice, members[twice].at, "leave one of them out", "%s comes twice", diag.Quote(twice))
	}
	r.ID = p.member(members, "custom_id")
	if method := p.member(members, "method"); method != "" && method != "POST" {
		p.wrong(CodeMethod, "method", members["method"].at, "", "method has to be POST, not %q", textx.Brief(method, 40))
	}
	r.URL = p.member(members, "url")
	all := Endpoints()
	known := slices.Contains(all, r.URL)
	if r.URL != "" && !known {
		p.wrong(CodeURL, "url", members["url"].at, "", "requests to %q cannot be run in a batch; the url has to be %s", textx.Brief(r.URL, 80), strings.Join(all[:len(all)-1], ", ")+" or "+all[len(all)-1])
	}
	content, ok := members["body"]
	if r.Body = content.raw; !ok {
		p.wrong(CodeMissing, "body", begin, example, "the request has no body")
	} else if known {
		p.body(&r, content.at)
	}
	return r
}

// member is the text of a member that every request has; empty: it is wrong.
func (p *parser) member(members map[string]member, name string) (text string) {
	switch m, ok := members[name]; {
	case !ok:
		p.wrong(CodeMissing, name, strings.IndexFunc(p.text, notSpace), example, "the request has no %s", name)
	case json.Unmarshal([]byte(m.raw), &text) != nil || text == "":
		p.wrong(CodeValue, name, m.at, "", "%s has to be a string that is not empty", name)
		return ""
	}
	return text
}

// body checks the body of a request to a known url.
func (p *parser) body(r *Request, at int) {
	_, err := openai.DecodeRequest(r.URL, []byte(r.Body))
	if err == nil {
		return
	}
	if in := new(body.Error); errors.As(err, &in) && in.Param == "" {
		p.wrong(CodeBody, "body", at, "", "%v", err)
		return
	}
	p.wrong(CodeBody, "body."+exchange.FailureOf(err).Param, at, "", "body: %v", err)
}

func notSpace(r rune) bool { return !strings.ContainsRune(" \t\r\n", r) }

// member is a member of an object as it is written, and the offset of its value.
type member struct {
	raw string
	at  int
}

// membersOf takes apart a text that is one JSON object, and names a member that comes
// twice: readers differ about which one counts.
func membersOf(text string) (out map[string]member, twice string) {
	out = map[string]member{}
	d := json.NewDecoder(strings.NewReader(text))
	_, _ = d.Token() // the brace; the JSON is known to be whole
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var raw json.RawMessage
		if err != nil || !ok || d.Decode(&raw) != nil {
			break
		}
		if _, is := out[name]; is {
			twice = name
		}
		out[name] = member{string(raw), int(d.InputOffset()) - len(raw)}
	}
	return out, twice
}
