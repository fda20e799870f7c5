package toolset_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/mcp"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// asTools as its first argument makes the test binary an MCP server that leaves
// a mark when it starts.
const asTools = "serve-tools"

const canary = "sk-canary-DO-NOT-LEAK-9d17"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asTools {
		serveTools()
		return
	}
	goleak.VerifyTestMain(m)
}

func toolServer() *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	type none struct{}
	for _, name := range []string{"env", "time"} {
		sdk.AddTool(s, &sdk.Tool{Name: name}, func(context.Context, *sdk.CallToolRequest, none) (*sdk.CallToolResult, any, error) {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strings.Join(os.Environ(), "\n")}}}, nil, nil
		})
	}
	sdk.AddTool(s, &sdk.Tool{Name: "crash"}, func(context.Context, *sdk.CallToolRequest, none) (*sdk.CallToolResult, any, error) {
		os.Exit(3)
		return nil, nil, nil
	})
	s.AddTool(&sdk.Tool{Name: "lies", InputSchema: map[string]any{"type": "object", "$ref": "https://example.org/x"}},
		func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return nil, errors.New("never")
		})
	return s
}

func serveTools() {
	if mark := os.Getenv("MARK"); mark != "" { // a byte a start
		f, _ := os.OpenFile(mark, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		_, _ = f.WriteString(".")
		_ = f.Close()
	}
	_ = toolServer().Run(context.Background(), &sdk.StdioTransport{})
}

// toolStack is a stack with three servers: a program that is said to be local,
// one that is not, and a URL.
func toolStack(t *testing.T, url string, set map[string]string, o stack.Options) (s *stack.Stack, mark string) {
	t.Helper()
	mark = filepath.Join(t.TempDir(), "started")
	o.Environ = os.Environ()
	s, err := stack.Open(configured(t, url, mark, "blue", set), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, mark
}

// configured are the three servers of toolStack; what is the MODE of mine.
func configured(t *testing.T, url, mark, mode string, set map[string]string) *config.Loaded {
	t.Helper()
	text := fmt.Sprintf(`mcp_servers:
  - {name: mine, command: [%[1]q, %[2]s], env: {MARK: %[3]q, MODE: %[5]s, MY_TOKEN: "env:MINE"}, local: true}
  - {name: other, command: [%[1]q, %[2]s], env: {MARK: %[3]q}}
  - {name: web, url: %[4]q, headers: {Authorization: "env:MINE", X-Team: blue}}
`, os.Args[0], asTools, mark, url, mode)
	return stacktest.Load(t, text, set, map[string]string{"MINE": "one-word"})
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
	t.Cleanup(web.Close)
	t.Cleanup(web.CloseClientConnections)
	t.Setenv("OPENAI_API_KEY", canary)
	var warned []string
	var secrets redact.Redactor
	s, mark := toolStack(t, web.URL, nil, stack.Options{Secrets: &secrets, Warn: func(w string) { warned = append(warned, w) }})
	if _, err := os.Stat(mark); err == nil {
		t.Error("opening a stack starts a server")
	}
	tools, done, err := s.Tools(t.Context(), []string{"web/time", "mine/*", "mine/env", "other/env"})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if got := refs(tools); got != "web/time mine/crash mine/env mine/time other/env" {
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
	r, err := tools[2].Call(t.Context(), []byte(`{}`))
	if err != nil || !strings.Contains(r.Text, "MY_TOKEN=[redacted]") || strings.Contains(r.Text, canary) {
		t.Errorf("the environment is %q, %v", r.Text, err)
	}
	if !secrets.Knows("one-word") || secrets.Knows("blue") {
		t.Errorf("what the log and recordings leave out is %q", secrets.List())
	}
}

// Where nothing is to leave the machine, what might let it is not even started.
func TestToolsThatMayNotRun(t *testing.T) {
	for want, set := range map[provider.Kind]map[string]string{
		provider.Private: {"privacy": config.PrivacyLocal}, provider.Offline: {"offline": "true"},
	} {
		s, mark := toolStack(t, "http://192.0.2.1:81/mcp", set, stack.Options{})
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
	s, mark := toolStack(t, "http://127.0.0.1:1/mcp", nil, stack.Options{})
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

func starts(t *testing.T, mark string) int {
	t.Helper()
	data, err := os.ReadFile(mark)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(data)
}

func use(t *testing.T, s *stack.Stack, names ...string) ([]tool.Tool, func()) {
	t.Helper()
	tools, done, err := s.Tools(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	return tools, done
}

func TestAServerIsStartedOnceForTheProcess(t *testing.T) {
	s, mark := toolStack(t, "http://127.0.0.1:1/mcp", nil, stack.Options{})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			tools, done, err := s.Tools(context.Background(), []string{"mine/env"})
			defer done()
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := tools[0].Call(context.Background(), []byte(`{}`)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_, done := use(t, s, "mine/time")
	done()
	if n := starts(t, mark); n != 1 {
		t.Errorf("it was started %d times", n)
	}
}

func TestAServerThatEndedIsStartedAgain(t *testing.T) {
	s, mark := toolStack(t, "http://127.0.0.1:1/mcp", nil, stack.Options{})
	tools, done := use(t, s, "mine/crash")
	if _, err := tools[0].Call(t.Context(), []byte(`{}`)); err == nil {
		t.Error("a server that ended answered")
	}
	done()
	tools, done = use(t, s, "mine/env")
	defer done()
	if r, err := tools[0].Call(t.Context(), []byte(`{}`)); err != nil || r.Text == "" {
		t.Errorf("%q, %v", r.Text, err)
	}
	if n := starts(t, mark); n != 2 {
		t.Errorf("it was started %d times", n)
	}
}

func TestACallerWhoLeavesStopsNoServer(t *testing.T) {
	s, mark := toolStack(t, "http://127.0.0.1:1/mcp", nil, stack.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	_, done, err := s.Tools(ctx, []string{"mine/env"})
	if err != nil {
		t.Fatal(err)
	}
	tools, other := use(t, s, "mine/env")
	defer other()
	cancel()
	done()
	if _, err := tools[0].Call(t.Context(), []byte(`{}`)); err != nil {
		t.Error(err)
	}
	if n := starts(t, mark); n != 1 {
		t.Errorf("it was started %d times", n)
	}
}

func TestReload(t *testing.T) {
	const url = "http://127.0.0.1:1/mcp"
	s, mark := toolStack(t, url, nil, stack.Options{})
	call := func(x tool.Tool) string {
		t.Helper()
		r, err := x.Call(t.Context(), []byte(`{}`))
		if err != nil {
			t.Error(err)
		}
		return r.Text
	}
	before, done := use(t, s, "mine/env", "other/env")
	reload := func(mode string, set map[string]string) {
		t.Helper()
		next, err := s.Reload(configured(t, url, mark, mode, set))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(next.Close)
		s = next
	}
	reload("blue", nil)
	_, same := use(t, s, "mine/env", "other/env")
	same()
	if n := starts(t, mark); n != 2 {
		t.Errorf("%d starts, want the two servers to stay that are configured as before", n)
	}

	reload("red", map[string]string{"privacy": config.PrivacyLocal})
	after, changed := use(t, s, "mine/env")
	defer changed()
	if text := call(after[0]); !strings.Contains(text, "MODE=red") || starts(t, mark) != 3 {
		t.Errorf("%d starts, and the environment is %q; want the changed server started anew", starts(t, mark), text)
	}
	if text := call(before[0]); !strings.Contains(text, "MODE=blue") {
		t.Errorf("who uses the server as it was: %q", text)
	}
	if _, done, err := s.Tools(t.Context(), []string{"other/env"}); !errors.Is(err, provider.Private) {
		t.Errorf("a server that may not run any more: %v", err)
	} else {
		done()
	}
	done()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if _, err := before[0].Call(ctx, []byte(`{}`)); err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("a server that was replaced runs on when nobody uses it")
	}
}
