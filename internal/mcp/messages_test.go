package mcp

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// What servers write to their standard output besides messages: lines of logs of
// every kind, before the first message and between them.
func TestMessagesBetweenNoise(t *testing.T) {
	const one, two = `{"jsonrpc":"2.0","id":1,"result":{}}` + "\n", `{"id":2,"result":{"text":"[x]"},"jsonrpc":"2.0"}` + "\r\n"
	noise := []string{
		"Server running on stdio", "", "   ", "[INFO] got a request", "[1] 12345", "{not json", `{"level":30,"msg":"a line of pino's"}`,
		"2026-01-01T00:00:00Z INFO  start", "Debugger attached.", "\x1b[32mready\x1b[0m", "npm warn deprecated x", `"text"`, "null", "[]", `[{"level":1}]`,
		"(node:1) Warning: {}", "\xff\xfe", strings.Repeat("x", 100_000),
	}
	for _, line := range noise {
		for name, text := range map[string]string{"at the start": line + "\n" + one + two, "between": one + line + "\n" + line + "\n" + two, "at the end": one + two + line} {
			for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
				var told []string
				m := newMessages(io.NopCloser(r))
				m.noise = func(line string) { told = append(told, line) }
				got, err := io.ReadAll(m)
				if string(got) != one+two || err != nil || m.notMCP.Load() && name != "at the end" {
					t.Errorf("%.40q %s: %.60q, %v, not MCP: %v", line, name, got, err, m.notMCP.Load())
				}
				if blank := strings.TrimSpace(line) == ""; blank != (len(told) == 0) || len(told) > 1 {
					t.Errorf("%.40q %s: told %.60q", line, name, told)
				}
			}
		}
	}
	batch := "[" + strings.TrimSpace(one) + "," + strings.TrimSpace(two) + "]\n"
	if got, err := io.ReadAll(newMessages(io.NopCloser(strings.NewReader("\ufeff" + batch + one)))); string(got) != batch+one || err != nil {
		t.Errorf("a byte order mark and a batch: %q, %v", got, err)
	}
}

func TestNothingButNoise(t *testing.T) {
	m := newMessages(io.NopCloser(strings.NewReader(strings.Repeat("log\n", mostNoise/2))))
	if got, err := io.ReadAll(m); len(got) > 0 || !errors.Is(err, errNoise) || !m.notMCP.Load() {
		t.Errorf("%.20q, %v", got, err)
	}
	m = newMessages(io.NopCloser(strings.NewReader("log\n")))
	if _, err := io.ReadAll(m); err != nil || !m.notMCP.Load() {
		t.Errorf("one line: %v, not MCP: %v", err, m.notMCP.Load())
	}
	// A server that works may log without end, if it answers now and then.
	one := `{"jsonrpc":"2.0","method":"x"}` + "\n"
	m = newMessages(io.NopCloser(strings.NewReader(strings.Repeat(strings.Repeat("x", mostNoise/2)+"\n"+one, 5))))
	if got, err := io.ReadAll(m); string(got) != strings.Repeat(one, 5) || err != nil {
		t.Errorf("%.20q, %v", got, err)
	}
	m = newMessages(io.NopCloser(strings.NewReader(`{"jsonrpc":"` + strings.Repeat("x", mostFrame))))
	if _, err := io.ReadAll(m); err == nil || !m.tooLarge.Load() {
		t.Errorf("a message that is too large: %v", err)
	}
}

func TestAServerThatLogsToStandardOutput(t *testing.T) {
	for _, manner := range []string{"logs", "logs first"} {
		cfg := ours(manner)
		told := make(chan string, 10)
		cfg.Warn = func(text string) { told <- text }
		s := connect(t, cfg)
		if r, err := call(t.Context(), find(t, s, "weather"), `{"city":"Rome"}`); err != nil || r.Text != "sunny in Rome" {
			t.Errorf("%s: %q, %v", manner, r.Text, err)
		}
		if text := <-told; text != `the MCP server test wrote a line to standard output that is not MCP, which is ignored: "[INFO] a line of its log"; servers must log to standard error` || len(told) > 0 {
			t.Errorf("%s: warned %q, and %d more", manner, text, len(told))
		}
	}
}

// The structured content of a result reaches the model once: as it is, unless the
// texts mirror it. Of real servers: see the sources.
func TestStructuredContent(t *testing.T) {
	data := map[string]any{"projects": []any{map[string]any{"id": 1.0, "name": "alpha"}}}
	const written = `{"projects":[{"id":1,"name":"alpha"}]}`
	for name, tt := range map[string]struct {
		texts      []string
		structured any
		want       string
	}{
		"a summary (memos 6226)":           {[]string{"list_projects returned 1 item(s)."}, data, "list_projects returned 1 item(s).\n" + written},
		"mirrored":                         {[]string{written}, data, written},
		"mirrored, written in another way": {[]string{"{\n  \"projects\": [{\"name\": \"alpha\", \"id\": 1.0}]\n}"}, data, "{\n  \"projects\": [{\"name\": \"alpha\", \"id\": 1.0}]\n}"},
		"mirrored beside a summary":        {[]string{"1 item", written}, data, "1 item\n" + written},
		"none":                             {[]string{"text"}, nil, "text"},
		"no text":                          {nil, data, written},
		"FastMCP: a number":                {[]string{"5"}, map[string]any{"result": 5.0}, "5"},
		"FastMCP: a text":                  {[]string{"sunny"}, map[string]any{"result": "sunny"}, "sunny"},
		"FastMCP: a list, a text each":     {[]string{"a", "b"}, map[string]any{"result": []any{"a", "b"}}, "a\nb"},
		"FastMCP: objects, a text each":    {[]string{`{"n": 1}`, `{"n": 2}`}, map[string]any{"result": []any{map[string]any{"n": 1.0}, map[string]any{"n": 2.0}}}, "{\"n\": 1}\n{\"n\": 2}"},
		"FastMCP: a list of one summary":   {[]string{"two"}, map[string]any{"result": []any{"a", "b"}}, "two\n" + `{"result":["a","b"]}`},
		"an empty text (kimi 2554)":        {[]string{""}, data, written},
		"a part of it only":                {[]string{`{"projects":[]}`}, data, `{"projects":[]}` + "\n" + written},
		"a list":                           {[]string{"2 rows"}, []any{1.0, 2.0}, "2 rows\n[1,2]"},
	} {
		r := &sdk.CallToolResult{StructuredContent: tt.structured}
		for _, text := range tt.texts {
			r.Content = append(r.Content, &sdk.TextContent{Text: text})
		}
		if got := resultText(r); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
