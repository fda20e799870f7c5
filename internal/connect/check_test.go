package connect_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/connect"
)

// TestMain lets the test's own program be a client: Claude Code as far as it reads its
// settings and asks once. What it does is the name of its model.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-p" {
		os.Exit(fakeClaude())
	}
	os.Exit(m.Run())
}

func fakeClaude() int {
	data, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), ".claude", "settings.json"))
	var settings struct {
		Env map[string]string
	}
	if err != nil || json.Unmarshal(data, &settings) != nil {
		fmt.Fprintln(os.Stderr, "no settings")
		return 3
	}
	switch model := settings.Env["ANTHROPIC_MODEL"]; model {
	case "silent":
		return 0
	case "hangs":
		stopped := make(chan os.Signal, 1)
		signal.Notify(stopped, os.Interrupt)
		<-stopped
		return 1
	default:
		req, _ := http.NewRequest(http.MethodPost, settings.Env["ANTHROPIC_BASE_URL"]+"/v1/messages", strings.NewReader(model))
		req.Header.Set("Authorization", "Bearer "+settings.Env["ANTHROPIC_AUTH_TOKEN"])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 4
		}
		resp.Body.Close()
		fmt.Printf("got %d; OPENAI_API_KEY=%q", resp.StatusCode, os.Getenv("OPENAI_API_KEY"))
		if model == "fails" || resp.StatusCode != http.StatusOK {
			return 5
		}
		return 0
	}
}

func TestCheck(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a program there is not interrupted by a signal")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tandem" {
			t.Errorf("the client sent %q", r.Header.Get("Authorization"))
		}
		var model [16]byte
		if n, _ := r.Body.Read(model[:]); string(model[:n]) == "unknown" {
			http.Error(w, `{"error": "there is no model"}`, http.StatusNotFound)
		}
	}))
	defer server.Close()
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for _, tc := range []struct {
		model, url string
		timeout    time.Duration
		answered   bool
		requests   string
		err        string
	}{
		{"good", server.URL, time.Minute, true, "[{POST /v1/messages 200 }]", ""},
		{"fails", server.URL, time.Minute, false, "[{POST /v1/messages 200 }]", "exit status 5"},
		{"unknown", server.URL, time.Minute, false, `[{POST /v1/messages 404 {"error": "there is no model"}}]`, "exit status 5"},
		{"silent", server.URL, time.Minute, false, "[]", ""},
		{"hangs", server.URL, 100 * time.Millisecond, false, "[]", "had not ended"},
		{"good", nobody.URL, time.Minute, false, "[{POST /v1/messages 0 dial", "exit status 5"},
	} {
		report, err := connect.Check(t.Context(), connect.Trial{
			Client: find(t, "claude"), Gateway: connect.Gateway{URL: tc.url, Model: tc.model}, Program: self,
			Environ: append(os.Environ(), "OPENAI_API_KEY=sk-theirs"), OS: runtime.GOOS, Transport: http.DefaultTransport, Timeout: tc.timeout,
		})
		if err != nil {
			t.Fatal(err)
		}
		if report.Answered() != tc.answered || !strings.HasPrefix(fmt.Sprint(report.Requests), tc.requests) {
			t.Errorf("%s: %+v", tc.model, report)
		}
		if (report.Err == nil) != (tc.err == "") || report.Err != nil && !strings.Contains(report.Err.Error(), tc.err) {
			t.Errorf("%s: the error is %v, want %s", tc.model, report.Err, tc.err)
		}
		if strings.Contains(report.Output, "theirs") {
			t.Errorf("%s: the client got somebody else's key: %s", tc.model, report.Output)
		}
	}
}
