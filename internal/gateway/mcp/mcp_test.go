package mcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/mcp"
)

const president = `name: president
description: Two steps.
steps:
  - {name: president, prompt: 'Who rules {country}?', model: echo}
  - {name: changes, prompt: 'Changes by {president}', model: echo}
`

type fixture struct {
	url, dir string
	engine   *gatewaytest.Engine
	x        *exchange.Exchange
}

// serve serves a folder of chains as tools.
func serve(t *testing.T, files map[string]string) fixture {
	t.Helper()
	f := fixture{dir: t.TempDir(), engine: gatewaytest.NewEngine(t)}
	for name, text := range files {
		f.write(t, name, text)
	}
	s := gatewaytest.Open(t, "use: [house, hosted]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '"+f.engine.URL+"/v1', model: ok, local: true}\n- {name: hosted, kind: openai, base_url: '"+f.engine.URL+"/v1', model: ok}\n")
	own := chains.New(chains.NewFolder(f.dir, nil))
	f.x = gatewaytest.Exchange(s, exchange.Config{Chains: own})
	mux := http.NewServeMux()
	mcp.New(own, f.x, "1.0").Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	f.url = srv.URL + mcp.Path
	return f
}

func (f fixture) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// headers sends the headers of a test with each request.
type headers map[string]string

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range h {
		r.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (f fixture) connect(t *testing.T, h headers, o *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	c := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, o)
	s, err := c.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: f.url, HTTPClient: &http.Client{Transport: h}, DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func text(r *sdk.CallToolResult) string {
	var b strings.Builder
	for _, c := range r.Content {
		if t, ok := c.(*sdk.TextContent); ok {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}

// Each chain is a tool with its inputs, and a file that is added becomes one.
func TestChainsAreTools(t *testing.T) {
	f := serve(t, map[string]string{"president.yaml": president, "a.b.yaml": "name: a.b\nprompt: hi\n"})
	s := f.connect(t, nil, nil)
	list := func() map[string]*sdk.Tool {
		out := map[string]*sdk.Tool{}
		for tool, err := range s.Tools(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			out[tool.Name] = tool
		}
		return out
	}
	tools := list()
	p := tools["president"]
	if len(tools) != 2 || p == nil || tools["a_b_2e7336dc"] == nil || p.Description != "Two steps." {
		t.Fatalf("tools %v", tools)
	}
	schema, _ := p.InputSchema.(map[string]any)
	if properties, _ := schema["properties"].(map[string]any); schema["type"] != "object" || properties["country"] == nil {
		t.Errorf("schema %v", p.InputSchema)
	}
	f.write(t, "late.yaml", "name: late\nprompt: hi\n")
	for deadline := time.Now().Add(20 * time.Second); list()["late"] == nil; {
		if time.Now().After(deadline) {
			t.Fatal("a chain that was added is no tool")
		}
	}
}

// What a chain gives is text, and structured where it parses a value; what goes wrong
// is an error that the caller's model can read, never an answer.
func TestResults(t *testing.T) {
	f := serve(t, map[string]string{
		"president.yaml": president,
		"list.yaml":      "name: list\nprompt: 'a, b'\nmodel: echo\nparse: list\n",
		"cut.yaml":       "name: cut\nprompt: x\nmodel: cut\n",
		"length.yaml":    "name: length\nprompt: x\nmodel: length\n",
		"down.yaml":      "name: down\nprompt: x\nmodel: down\n",
		"out.yaml":       "name: out\nprompt: x\nuse: [hosted]\n",
	})
	for _, c := range []struct {
		tool   string
		args   map[string]any
		header headers
		failed bool
		want   string
	}{
		{"president", map[string]any{"country": "India"}, nil, false, "Changes by Who rules India?"},
		{"president", nil, nil, true, `missing input "country" (used at president.yaml:4:`},
		{"president", map[string]any{"country": "India", "other": 1}, nil, true, "other"},
		{"list", nil, nil, false, "a"},
		{"cut", nil, nil, true, ""},
		{"length", nil, nil, true, ""},
		{"down", nil, nil, true, ""},
		{"out", nil, nil, false, "Hello there."},
		{"out", nil, headers{"X-Tandem-Use": "house"}, true, "house"},
		{"out", nil, headers{"X-Tandem-Privacy": "local"}, true, ""},
	} {
		r, err := f.connect(t, c.header, nil).CallTool(t.Context(), &sdk.CallToolParams{Name: c.tool, Arguments: c.args})
		if err != nil {
			t.Errorf("%s %v: %v", c.tool, c.args, err)
			continue
		}
		if got := text(r); r.IsError != c.failed || got == "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %v %v: failed %v, %q", c.tool, c.args, c.header, r.IsError, got)
		}
		if c.tool == "list" {
			if v, _ := r.StructuredContent.(map[string]any); len(v) != 1 || len(v["output"].([]any)) != 2 {
				t.Errorf("structured %v", r.StructuredContent)
			}
		}
	}
	if _, err := f.connect(t, nil, nil).CallTool(t.Context(), &sdk.CallToolParams{Name: "absent"}); err == nil {
		t.Error("a tool that there is not was called")
	}
}

// The steps are told to a client that wants to know, and the call is among the calls.
func TestProgress(t *testing.T) {
	f := serve(t, map[string]string{"president.yaml": president})
	steps := make(chan string, 8)
	s := f.connect(t, nil, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
		steps <- r.Params.Message
	}})
	params := &sdk.CallToolParams{Name: "president", Arguments: map[string]any{"country": "India"}}
	params.SetProgressToken("p")
	r, err := s.CallTool(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"president", "changes"} { // the client hands them on beside the result
		select {
		case got := <-steps:
			if got != want {
				t.Errorf("step %q, not %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("step %s is not told", want)
		}
	}
	id, _ := r.Meta["tandem/id"].(string)
	if c, ok := f.x.Lookup(id); !ok || c.Asked != "chain:president" || c.Dialect != "mcp" || c.State != exchange.Answered {
		t.Errorf("call %+v", c)
	}
}

// A client that gives up, or leaves, ends the run at the engine.
func TestLeaving(t *testing.T) {
	f := serve(t, map[string]string{"hang.yaml": "name: hang\nprompt: x\nmodel: hang\n"})
	s := f.connect(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.CallTool(ctx, &sdk.CallToolParams{Name: "hang"})
		ended <- err
	}()
	for f.engine.Chats("hang") == 0 && t.Context().Err() == nil {
		select {
		case err := <-ended:
			t.Fatalf("ended before it was asked: %v", err)
		default:
		}
	}
	cancel()
	f.engine.Left(t)
	if err := <-ended; err == nil {
		t.Error("a call that was given up succeeded")
	}
}

// A cancellation that comes as a notification of its own ends the call of its session
// that it means, and no other client's of the same number.
func TestCancelling(t *testing.T) {
	f := serve(t, map[string]string{"hang.yaml": "name: hang\nprompt: x\nmodel: hang\n"})
	accept := "Accept: application/json, text/event-stream"
	session := func() string {
		r := gatewaytest.Post(t, f.url, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, accept)
		return r.Header.Get("Mcp-Session-Id")
	}
	one, other := session(), session()
	if one == "" || one == other {
		t.Fatalf("sessions %q and %q", one, other)
	}
	call := func(session string) chan gatewaytest.Reply {
		was, reply := f.engine.Chats("hang"), make(chan gatewaytest.Reply, 1)
		go func() {
			reply <- gatewaytest.Post(t, f.url, `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"hang"}}`, accept, "Mcp-Session-Id: "+session)
		}()
		for f.engine.Chats("hang") == was {
			time.Sleep(time.Millisecond)
		}
		return reply
	}
	cancel := func(session string) {
		gatewaytest.Post(t, f.url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`, accept, "Mcp-Session-Id: "+session)
	}
	first, second := call(one), call(other)
	cancel("somebody-else")
	cancel(other)
	f.engine.Left(t)
	<-second
	select {
	case <-first:
		t.Error("the other client's call has ended, too")
	default:
	}
	cancel(one)
	f.engine.Left(t)
	<-first
	if n := len(f.x.Live()); n != 0 {
		t.Errorf("%d calls go on", n)
	}
}
