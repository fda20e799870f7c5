package requests

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Request is a line of OpenAI's batch format. Its members are the inputs of its row.
type Request struct {
	ID   string // custom_id
	URL  string
	Body string // JSON
}

// Endpoints are the paths whose requests can be answered in a batch.
func Endpoints() []string { return openai.RequestPaths() }

// Columns are the inputs of a row that is a request.
func Columns() []string { return []string{"custom_id", "url", "body"} }

func (r *Request) inputs() map[string]any {
	return map[string]any{"custom_id": r.ID, "url": r.URL, "body": r.Body}
}

// Of is the request whose members are a row's inputs.
func Of(inputs map[string]any) Request {
	text := func(name string) string { s, _ := inputs[name].(string); return s }
	return Request{text("custom_id"), text("url"), text("body")}
}

// IsFile reports whether a file holds requests in OpenAI's batch format: no chain
// is JSON lines, nor begins with an object that has two of the format's members.
func IsFile(name string) bool {
	st, err := os.Stat(name)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	if ext := strings.ToLower(filepath.Ext(name)); ext == ".jsonl" || ext == ".ndjson" {
		return true
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var first map[string]json.RawMessage
	if json.NewDecoder(io.LimitReader(f, table.MaxRow)).Decode(&first) != nil {
		return false
	}
	n := 0
	for _, member := range []string{"custom_id", "method", "url", "body"} {
		if _, ok := first[member]; ok {
			n++
		}
	}
	return n > 1
}

// Mistake is what is wrong with a line.
type Mistake struct {
	Code  string // what OpenAI calls it, where it does
	Param string // the member; empty: the line as a whole
	At    *diag.Error
}

// Error says what is wrong, and where.
func (m *Mistake) Error() string { return m.At.Error() }

// Unwrap returns the error with the place.
func (m *Mistake) Unwrap() error { return m.At }

// The codes of mistakes.
const (
	CodeJSON      = "invalid_json_line"
	CodeMissing   = "missing_required_parameter"
	CodeValue     = "invalid_value"
	CodeURL       = "invalid_url"
	CodeMethod    = "invalid_method"
	CodeBody      = "invalid_request"
	CodeDuplicate = "duplicate_custom_id"
	CodeLong      = "line_too_long"
)

// Rows reads the requests of a file, which open opens each time. What is wrong with a
// line is a *[Mistake], after which the sequence may be followed further; any other
// error is the last.
func Rows(ctx context.Context, name string, open func() (io.ReadCloser, error)) iter.Seq2[table.Row, error] {
	return rows(ctx, name, open, func(int) bool { return true })
}

// Lines are the [Rows] of these lines of a file that was read before. No other is parsed.
func Lines(ctx context.Context, name string, open func() (io.ReadCloser, error), lines map[int]bool) iter.Seq2[table.Row, error] {
	return rows(ctx, name, open, func(line int) bool { return lines[line] })
}

func rows(ctx context.Context, name string, open func() (io.ReadCloser, error), wanted func(line int) bool) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		f, err := open()
		if err != nil {
			yield(table.Row{}, err)
			return
		}
		defer f.Close()
		lines := bufio.NewReaderSize(f, 64<<10)
		for line := 1; ; line++ {
			text, end := table.ReadLine(lines, errLongRow)
			switch {
			case end == io.EOF && len(text) == 0:
				return
			case end == nil, end == io.EOF:
				end = ctx.Err()
			}
			var r Request
			if end == nil {
				if text = bytes.TrimRight(text, "\r\n"); line == 1 {
					text = []byte(textx.TrimBOM(string(text)))
				}
				if len(bytes.TrimSpace(text)) == 0 || !wanted(line) {
					continue
				}
				r, end = parseRequest(name, line, string(text))
			} else if errors.Is(end, errLongRow) {
				yield(table.Row{Line: line}, &Mistake{CodeLong, "", &diag.Error{File: name, Line: line, Message: end.Error(), Remedy: "make it smaller"}})
				return
			}
			if !yield(table.Row{Number: line, Line: line, Inputs: r.inputs()}, end) || end != nil && !errors.As(end, new(*Mistake)) {
				return
			}
		}
	}
}

var errLongRow = fmt.Errorf("a request is larger than %d MiB", table.MaxRow>>20)

// parseRequest checks a line and all of its body. A mistake is a *[Mistake].
func parseRequest(file string, line int, text string) (Request, error) {
	fail := func(code, param string, at int, remedy, format string, args ...any) (Request, error) {
		return Request{}, &Mistake{code, param, &diag.Error{File: file, Line: line, Column: 1 + utf8.RuneCountInString(text[:min(at, len(text))]), Message: fmt.Sprintf(format, args...), Remedy: remedy}}
	}
	const example = `write {"custom_id": "1", "method": "POST", "url": "` + openai.ChatPath + `", "body": {…}} a line`
	if at := textx.InvalidUTF8(text); at >= 0 {
		return fail(CodeJSON, "", at, "convert the file to UTF-8 first", "the text is not UTF-8")
	}
	value, at, err := textx.DecodeJSON(text)
	if err != nil {
		return fail(CodeJSON, "", at, example, "this is not one JSON value: %v", err)
	}
	if _, ok := value.(map[string]any); !ok {
		return fail(CodeJSON, "", strings.IndexFunc(text, notSpace), example, "a request has to be a JSON object")
	}
	members, twice := membersOf(text)
	if twice != "" {
		return fail(CodeValue, twice, members[twice].at, "leave one of them out", "%s comes twice", diag.Quote(twice))
	}
	var r Request
	for _, name := range []string{"custom_id", "method", "url", "body"} {
		m, ok := members[name]
		if !ok {
			return fail(CodeMissing, name, strings.IndexFunc(text, notSpace), example, "the request has no %s", name)
		}
		if name == "body" {
			r.Body = m.raw
			continue
		}
		var s string
		if json.Unmarshal([]byte(m.raw), &s) != nil || s == "" {
			return fail(CodeValue, name, m.at, "", "%s has to be a string that is not empty", name)
		}
		switch name {
		case "custom_id":
			r.ID = s
		case "url":
			r.URL = s
		default:
			if s != "POST" {
				return fail(CodeMethod, name, m.at, "", "method has to be POST, not %q", textx.Brief(s, 40))
			}
		}
	}
	if all := Endpoints(); !slices.Contains(all, r.URL) {
		return fail(CodeURL, "url", members["url"].at, "", "requests to %q cannot be run in a batch; the url has to be %s", textx.Brief(r.URL, 80), strings.Join(all[:len(all)-1], ", ")+" or "+all[len(all)-1])
	}
	if _, err := openai.DecodeRequest(r.URL, []byte(r.Body)); err != nil {
		var in *body.Error
		if errors.As(err, &in) && in.Param == "" {
			return fail(CodeBody, "body", members["body"].at, "", "%v", err)
		}
		return fail(CodeBody, "body."+exchange.FailureOf(err).Param, members["body"].at, "", "body: %v", err)
	}
	return r, nil
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
