package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/mcp"
	"github.com/tandem-llm/tandem/provider"
)

// asTools as its first argument makes the test binary an MCP server that leaves
// a mark when it starts.
const asTools = "serve-tools"

func toolServer() *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	type none struct{}
	for _, name := range []string{"env", "time"} {
		sdk.AddTool(s, &sdk.Tool{Name: name}, func(context.Context, *sdk.CallToolRequest, none) (*sdk.CallToolResult, any, error) {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strings.Join(os.Environ(), "\n")}}}, nil, nil
		})
	}
	s.AddTool(&sdk.Tool{Name: "lies", InputSchema: map[string]any{"type": "object", "$ref": "https://example.org/x"}},
		func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return nil, errors.New("never")
		})
	return s
}

func serveTools() {
	if mark := os.Getenv("MARK"); mark != "" {
		_ = os.WriteFile(mark, nil, 0o600)
	}
	_ = toolServer().Run(context.Background(), &sdk.StdioTransport{})
}

// toolStack is a stack with three servers: a program that is said to be local,
// one that is not, and a URL.
func toolStack(t *testing.T, url string, set map[string]string) (s *Stack, mark string) {
	t.Helper()
	mark = filepath.Join(t.TempDir(), "started")
	text := fmt.Sprintf(`mcp_servers:
  - {name: mine, command: [%q, %s], env: {MARK: %q, MY_TOKEN: "env:MINE"}, local: true}
  - {name: other, command: [%[1]q, %[2]s], env: {MARK: %[3]q}}
  - {name: web, url: %[4]q, headers: {Authorization: "env:MINE", X-Team: blue}}
`, os.Args[0], asTools, mark, url)
	cfg := load(t, text, set, map[string]string{"MINE": "one-word"})
	s, err := Open(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, mark
}

func refs(tools []tool.Tool) string {
	var names []string
	for _, t := range tools {
		names = append(names, t.Ref)
	}
	return strings.Join(names, " ")
}

func TestTools(t *testing.T) {
	var header string
	server := toolServer()
	handler := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Authorization") + " " + r.Header.Get("X-Team")
		handler.ServeHTTP(w, r)
	}))
	defer web.Close()
	defer web.CloseClientConnections()
	t.Setenv("OPENAI_API_KEY", canary)
	s, mark := toolStack(t, web.URL, nil)
	if _, err := os.Stat(mark); err == nil {
		t.Error("opening a stack starts a server")
	}
	var warned []string
	s.warn = func(w string) { warned = append(warned, w) }
	tools, done, err := s.Tools(t.Context(), []string{"web/time", "mine/*", "mine/env", "other/env"})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if got := refs(tools); got != "web/time mine/env mine/time other/env" {
		t.Errorf("the tools are %s", got)
	}
	for _, x := range tools {
		if x.Remote != (x.Source == "other") {
			t.Errorf("%s: remote is %v", x.Ref, x.Remote)
		}
	}
	if len(warned) != 1 || !strings.HasPrefix(warned[0], "the tool mine/lies cannot be used: ") {
		t.Errorf("warned of %q", warned)
	}
	if header != "Bearer one-word blue" {
		t.Errorf("the header is %q", header)
	}
	r, err := tools[1].Call(t.Context(), []byte(`{}`))
	if err != nil || !strings.Contains(r.Text, "MY_TOKEN=[redacted]") || strings.Contains(r.Text, canary) {
		t.Errorf("the environment is %q, %v", r.Text, err)
	}
	if !s.secrets.Knows("one-word") || s.secrets.Knows("blue") {
		t.Errorf("what the log and recordings leave out is %q", s.secrets.List())
	}
}

// Where nothing is to leave the machine, what might let it is not even started.
func TestToolsThatMayNotRun(t *testing.T) {
	for want, set := range map[provider.Kind]map[string]string{
		provider.Private: {"privacy": config.PrivacyLocal}, provider.Offline: {"offline": "true"},
	} {
		s, mark := toolStack(t, "http://192.0.2.1:81/mcp", set)
		for _, name := range []string{"other/env", "web/time"} {
			_, done, err := s.Tools(t.Context(), []string{"mine/env", name})
			done()
			if provider.KindOf(err) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := os.Stat(mark); err == nil {
			t.Error("a server was started")
		}
		tools, done, err := s.Tools(t.Context(), []string{"mine/env"})
		if err != nil || refs(tools) != "mine/env" {
			t.Errorf("%v, %v", refs(tools), err)
		}
		done()
	}
}

func TestToolsThatAreNone(t *testing.T) {
	s, mark := toolStack(t, "http://127.0.0.1:1/mcp", nil)
	for name, want := range map[string]string{
		"time": "SERVER/TOOL", "/time": "SERVER/TOOL", "mine/": "SERVER/TOOL", "mime/time": `did you mean "mine"?`,
		"mine/tim": `did you mean "mine/time"?`, "mine/lies": "cannot be used",
	} {
		_, done, err := s.Tools(t.Context(), []string{name})
		done()
		var mistake *diag.Error
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error("no server was started, though one was asked for its tools")
	}
	_, done, err := s.Tools(t.Context(), []string{"web/time"})
	done()
	var e *mcp.Error
	if !errors.As(err, &e) || e.Server != "web" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, done, err := s.Tools(ctx, []string{"mine/time"}); err != context.DeadlineExceeded { //nolint:errorlint // unchanged
		t.Errorf("%v", err)
	} else {
		done()
	}
}
