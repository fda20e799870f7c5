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
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
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

// Rows reads the requests of a file, which open opens each time. Each thing that is wrong
// with a line is a *[Mistake], with those of the line's members that are known, after which
// the sequence may be followed further. Any other error is the last.
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
			if errors.Is(end, errLongRow) {
				end = &Mistake{CodeLong, "", &diag.Error{File: name, Line: line, Message: end.Error(), Remedy: "make it smaller"}}
			}
			if end != nil {
				yield(table.Row{Number: line, Line: line}, end)
				return
			}
			if text = bytes.TrimRight(text, "\r\n"); line == 1 {
				text = []byte(textx.TrimBOM(string(text)))
			}
			if len(bytes.TrimSpace(text)) == 0 || !wanted(line) {
				continue
			}
			p := parser{file: name, line: line, text: string(text)}
			r := p.request()
			row := table.Row{Number: line, Line: line, Inputs: r.inputs()}
			if len(p.mistakes) == 0 && !yield(row, nil) {
				return
			}
			for _, m := range p.mistakes {
				if !yield(row, m) {
					return
				}
			}
		}
	}
}

var errLongRow = fmt.Errorf("a request is larger than %d MiB", table.MaxRow>>20)
