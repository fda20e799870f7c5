package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/childenv"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// ours is a server of ours, of a manner.
func ours(manner string) Config {
	return Config{
		Name: "test", Command: []string{os.Args[0]}, Remote: true,
		Env: append(childenv.Tool(os.Environ()), "TEST_MCP_MANNER="+manner),
	}
}

func connect(t *testing.T, cfg Config) *Session {
	t.Helper()
	s, err := Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func find(t *testing.T, s *Session, name string) tool.Tool {
	t.Helper()
	tools, _, err := s.Tools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tools {
		if x.Ref == "test/"+name {
			return x
		}
	}
	t.Fatalf("there is no tool %s", name)
	return tool.Tool{}
}

func call(ctx context.Context, x tool.Tool, args string) (tool.Result, error) {
	return x.Call(ctx, json.RawMessage(args))
}

// both plays a test with the server as a program and at a URL.
func both(t *testing.T, test func(t *testing.T, cfg Config)) {
	t.Run("stdio", func(t *testing.T) { test(t, ours("good")) })
	t.Run("http", func(t *testing.T) {
		s := server()
		srv := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, nil))
		t.Cleanup(srv.Close)
		t.Cleanup(srv.CloseClientConnections)
		test(t, Config{Name: "test", URL: srv.URL, Policy: httpx.Policy{Offline: true}})
	})
}

func TestTools(t *testing.T) {
	both(t, func(t *testing.T, cfg Config) {
		s := connect(t, cfg)
		tools, skipped, err := s.Tools(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(skipped) != 1 || skipped[0].Ref != "test/lies" || skipped[0].Reason == "" {
			t.Errorf("left out: %+v", skipped)
		}
		w := find(t, s, "weather")
		if w.Name != "test__weather" || w.Source != "test" || w.Remote != cfg.Remote || w.Description != "the weather in a city" || !strings.Contains(string(w.Parameters), `"city"`) {
			t.Errorf("%+v", w)
		}
		if d := find(t, s, "fails").Description; d != "It says[31m red and more.\nIn two lines." {
			t.Errorf("the description is %q", d)
		}
		if len(tools) < 5 {
			t.Errorf("%d tools", len(tools))
		}
		if r, err := call(t.Context(), w, `{"city":"Delhi"}`); err != nil || r.Failed || r.Text != "sunny in Delhi" {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := call(t.Context(), find(t, s, "fails"), `{}`); err != nil || !r.Failed || r.Text != "no such city" {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := call(t.Context(), find(t, s, "picture"), `{}`); err != nil || r.Text != "Look:\n[picture: image/png, 4 bytes]\ninside" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// A tool that does not answer is given up, by the clock or by the caller, and
// the server works on.
func TestAToolThatHangs(t *testing.T) {
	both(t, func(t *testing.T, cfg Config) {
		cfg.Timeout = time.Second
		s := connect(t, cfg)
		hangs := find(t, s, "hangs")
		_, err := call(t.Context(), hangs, `{}`)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "did not answer in time (1s)") {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := call(ctx, hangs, `{}`); err != context.Canceled { //nolint:errorlint // unchanged
			t.Errorf("got %v, want context.Canceled unchanged", err)
		}
		if r, err := call(t.Context(), find(t, s, "weather"), `{"city":"Goa"}`); err != nil || r.Text != "sunny in Goa" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAnAnswerTooLarge(t *testing.T) {
	both(t, func(t *testing.T, cfg Config) {
		s := connect(t, cfg)
		if r, err := call(t.Context(), find(t, s, "huge"), `{}`); err == nil {
			t.Errorf("12 MiB were taken: %d bytes", len(r.Text))
		} else if cfg.URL == "" && !strings.HasSuffix(err.Error(), "it sent a message over 8 MiB") {
			t.Error(err)
		}
	})
}

func TestAServerThatDies(t *testing.T) {
	s := connect(t, ours("good"))
	dies := find(t, s, "dies")
	_, err := call(t.Context(), dies, `{}`)
	var e *Error
	if !errors.As(err, &e) || err.Error() != "the MCP server test: it exited (exit status 3)" || e.Log != "out of[31m tokens" {
		t.Errorf("%v, log %q", err, e.Log)
	}
	if strings.Contains(err.Error(), "tokens") {
		t.Errorf("the model is told what the server logs: %v", err)
	}
	if _, err := call(t.Context(), dies, `{}`); !errors.As(err, &e) {
		t.Errorf("the next call: %v", err)
	}
}

// What it writes between closing its output and its end is told, too.
func TestAServerThatDiesSlowly(t *testing.T) {
	s := connect(t, ours("good"))
	_, err := call(t.Context(), find(t, s, "falters"), `{}`)
	var e *Error
	if !errors.As(err, &e) || err.Error() != "the MCP server test: it exited (exit status 4)" || e.Log != "no room left" {
		t.Errorf("%v, log %q", err, e.Log)
	}
}

func TestServersThatDoNotGreet(t *testing.T) {
	for manner, want := range map[string]string{
		"mute": "did not answer in time (1s)", "deaf": "did not answer in time (1s)", "ends": "it exited (exit status 7)", "chatty": "is not MCP",
	} {
		t.Run(manner, func(t *testing.T) {
			cfg := ours(manner)
			cfg.Timeout = time.Second
			s, err := Connect(t.Context(), cfg)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, %v", s, err)
			}
			if manner == "ends" && e.Log != "no configuration found" {
				t.Errorf("log %q", e.Log)
			}
		})
	}
	if _, err := Connect(t.Context(), Config{Name: "test", Command: []string{"no-such-program-here"}}); err == nil || !strings.Contains(err.Error(), "no such program: no-such-program-here") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, ours("good")); err != context.Canceled { //nolint:errorlint // unchanged
		t.Errorf("got %v, want context.Canceled unchanged", err)
	}
}

// A server of an earlier protocol works; what it asks of its client is refused
// by the SDK, and does not matter.
func TestAnEarlierProtocol(t *testing.T) {
	s := connect(t, ours("old"))
	tools, skipped, err := s.Tools(t.Context())
	if err != nil || len(tools) != 1 || len(skipped) != 1 || skipped[0].Reason != "the server lists it twice" {
		t.Fatalf("%+v, %+v, %v", tools, skipped, err)
	}
	if r, err := call(t.Context(), tools[0], `{}`); err != nil || r.Text != "done" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, _, err := connect(t, ours("endless")).Tools(t.Context()); err == nil || !strings.Contains(err.Error(), "it lists more than 512 tools") {
		t.Errorf("a list without end: %v", err)
	}
}

// Noise on standard error neither stops a server nor fills the memory.
func TestNoise(t *testing.T) {
	s := connect(t, ours("noisy"))
	if r, err := call(t.Context(), find(t, s, "weather"), `{"city":"Delhi"}`); err != nil || r.Text != "sunny in Delhi" {
		t.Errorf("%+v, %v", r, err)
	}
	s.Close() // it writes on until then
	if n := len(s.proc.log.data); n == 0 || n > mostLog {
		t.Errorf("%d bytes are kept", n)
	}
	if n := len(s.proc.log.lastLine()); n > mostWords+4 {
		t.Errorf("%d bytes are shown", n)
	}
}

// What a server started ends with it.
func TestNothingIsLeft(t *testing.T) {
	s := connect(t, ours("good"))
	r, err := call(t.Context(), find(t, s, "child"), `{}`)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(r.Text)
	if err != nil {
		t.Fatal(err)
	}
	pid := s.proc.cmd.Process.Pid
	s.Close()
	for _, p := range []int{pid, child} {
		eventually(t, func() bool { return !alive(p) })
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never comes about")
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-canary")
	s := connect(t, ours("good"))
	if r, err := call(t.Context(), find(t, s, "env"), `{}`); err != nil || strings.Contains(r.Text, "canary") || !strings.Contains(r.Text, "TEST_MCP_MANNER=good") {
		t.Errorf("%q, %v", r.Text, err)
	}
}

// The socket decides what may be dialled, and headers go to the server alone.
func TestHTTP(t *testing.T) {
	for want, policy := range map[provider.Kind]httpx.Policy{provider.Offline: {Offline: true}, provider.Private: {LocalOnly: true}} {
		_, err := Connect(t.Context(), Config{Name: "test", URL: "http://192.0.2.1:81/mcp", Policy: policy})
		if provider.KindOf(err) != want {
			t.Errorf("%v", err)
		}
	}
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	_, err := Connect(t.Context(), Config{
		Name: "test", URL: srv.URL, Header: http.Header{"Authorization": {"Bearer sk-canary"}},
		Timeout: 5 * time.Second,
	})
	if err == nil || strings.Contains(err.Error(), "canary") || got != "Bearer sk-canary" || elsewhere > 0 {
		t.Errorf("%v, header %q, %d requests elsewhere", err, got, elsewhere)
	}
}

// Servers at a URL that are none, or say no, are said to be so in time, without
// the key.
func TestURLsThatAreNoServer(t *testing.T) {
	for name, tc := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"silent":    {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "did not answer in time"},
		"denied":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }, "it refused (401 Unauthorized); give it the right key"},
		"not found": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "no MCP server at that address (404 Not Found)"},
		"moved": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/else", http.StatusPermanentRedirect)
		}, "which is not followed"},
		"broken": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusBadGateway) }, "it failed (502 Bad Gateway)"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello") }, ""},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<20)); err != nil {
					return
				}
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(tc.serve)
			defer srv.Close()
			defer srv.CloseClientConnections()
			_, err := Connect(t.Context(), Config{Name: "test", URL: srv.URL, Timeout: 2 * time.Second, Header: http.Header{"Authorization": {"Bearer sk-canary"}}})
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	_, err := Connect(t.Context(), Config{Name: "test", URL: srv.URL})
	if err == nil || err.Error() != "the MCP server test: nothing is listening there (connection refused)" {
		t.Errorf("%v", err)
	}
}

func TestModelNames(t *testing.T) {
	long := strings.Repeat("x", 80)
	for _, tc := range []struct{ server, name, want string }{
		{"files", "read_file", "files__read_file"},
		{"my.files", "read", ""},
		{"files", "été", ""},
		{"files", long, ""},
		{"files", long + "y", ""},
	} {
		got := modelName(tc.server, tc.name)
		if !tool.ValidName(got) || tc.want != "" && got != tc.want {
			t.Errorf("%s/%s is %q", tc.server, tc.name, got)
		}
	}
	if modelName("files", long) == modelName("files", long+"y") || modelName("a.b", "c") == modelName("a_b", "c") {
		t.Error("two tools have one name")
	}
}

// A call that a server at a URL refuses says why, whatever it answers to others meanwhile.
func TestEachCallHasItsOwnReason(t *testing.T) {
	for range 10 {
		s := server()
		good := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, nil)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte("forbidden-city")) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			good.ServeHTTP(w, r)
		}))
		session := connect(t, Config{Name: "test", URL: srv.URL, Policy: httpx.Policy{Offline: true}})
		weather := find(t, session, "weather")
		stop := make(chan struct{})
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = call(t.Context(), weather, `{"city":"Paris"}`)
					}
				}
			})
		}
		_, err := call(t.Context(), weather, `{"city":"forbidden-city"}`)
		close(stop)
		others.Wait()
		if err == nil || !strings.Contains(err.Error(), "it refused (401 Unauthorized)") {
			t.Errorf("%v", err)
		}
		session.Close()
		srv.CloseClientConnections()
		srv.Close()
	}
}
