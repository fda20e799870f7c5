package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func adapters() map[string]struct {
	dialect providertest.Dialect
	open    func(*httpx.Transport, string) (provider.Provider, error)
} {
	type adapter = struct {
		dialect providertest.Dialect
		open    func(*httpx.Transport, string) (provider.Provider, error)
	}
	return map[string]adapter{
		"openai": {providertest.OpenAI, func(tr *httpx.Transport, url string) (provider.Provider, error) {
			return openai.New(openai.Config{BaseURL: url + "/v1", Model: "m", RoundTripper: tr, Local: true})
		}},
		"ollama": {providertest.Ollama, func(tr *httpx.Transport, url string) (provider.Provider, error) {
			return ollama.New(ollama.Config{Host: url, Model: "m", NumCtx: 4096, RoundTripper: tr})
		}},
	}
}

// TestContract: with a tool that no model calls, a loop is the provider that it
// is around, misbehaving servers and all; without any, too.
func TestContract(t *testing.T) {
	calls := 0
	for name, a := range adapters() {
		for _, tools := range [][]tool.Tool{nil, {weather(t, &calls)}} {
			t.Run(fmt.Sprintf("%s, %d tools", name, len(tools)), func(t *testing.T) {
				providertest.Run(t, providertest.Factory{Dialect: a.dialect, New: func(t *testing.T, url string) provider.Provider {
					return tool.Loop(over(t, a.open, url), tool.Options{Tools: tools, Confirm: tool.Always})
				}})
			})
		}
	}
}

func over(t *testing.T, open func(*httpx.Transport, string) (provider.Provider, error), url string) provider.Provider {
	t.Helper()
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := open(tr, url)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestOneLoopOnBothEngines plays the same conversation in both dialects over
// real sockets: a call, its result, the answer.
func TestOneLoopOnBothEngines(t *testing.T) {
	play := map[string][]string{
		"openai": {
			`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":"}}]},"finish_reason":null}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Delhi\"}"}}]},"finish_reason":null}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}` + "\n\ndata: [DONE]\n\n",
			`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Sunny."},"finish_reason":null}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}` + "\n\ndata: [DONE]\n\n",
		},
		"openai, arguments as a string": {
			`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"type":"function","function":{"name":"weather","arguments":"\"{\\\"city\\\":\\\"Delhi\\\"}\""}}]},"finish_reason":"stop"}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}` + "\n\ndata: [DONE]\n\n",
			`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Sunny."},"finish_reason":"stop"}]}` + "\n\n" +
				`data: {"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}` + "\n\ndata: [DONE]\n\n",
		},
		"ollama": { // an older one: no ID, and done_reason stop
			`{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Delhi"}}}]},"done":false}` + "\n" +
				`{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}` + "\n",
			`{"model":"m","message":{"role":"assistant","content":"Sunny."},"done":false}` + "\n" +
				`{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}` + "\n",
		},
	}
	for name, answers := range play {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			var second []byte
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				i := int(n.Add(1))
				if i == 2 {
					second = body
				}
				w.Header().Set("Content-Type", map[bool]string{true: "application/x-ndjson", false: "text/event-stream"}[name == "ollama"])
				_, _ = io.WriteString(w, answers[min(i, len(answers))-1])
			}))
			defer srv.Close()
			calls := 0
			engine, _, _ := strings.Cut(name, ",")
			p := tool.Loop(over(t, adapters()[engine].open, srv.URL), tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always})
			r, err := provider.Collect(p.Chat(context.Background(), hello()))
			if err != nil || r.Text != "Sunny." || calls != 1 || n.Load() != 2 {
				t.Fatalf("%q, %v, %d runs, %d requests", r.Text, err, calls, n.Load())
			}
			if r.Usage.InputTokens != 14 || r.Usage.OutputTokens != 6 {
				t.Errorf("usage %+v", r.Usage)
			}
			var sent struct {
				Messages []struct {
					Role       string
					Content    string
					ToolCallID string `json:"tool_call_id"`
					ToolCalls  []struct {
						ID       string
						Function struct {
							Name      string
							Arguments json.RawMessage
						}
					} `json:"tool_calls"`
				}
				Tools []any
			}
			if err := json.Unmarshal(second, &sent); err != nil {
				t.Fatal(err)
			}
			m := sent.Messages
			if len(m) != 3 || len(sent.Tools) != 1 || m[2].Role != "tool" || m[2].Content != "sunny in Delhi" ||
				m[2].ToolCallID == "" || m[1].ToolCalls[0].ID != m[2].ToolCallID || !strings.Contains(string(m[1].ToolCalls[0].Function.Arguments), "Delhi") {
				t.Errorf("the second request is %s", second)
			}
		})
	}
}

// TestRealEngines: what a model of 135 million parameters does with a tool is
// its own affair, but never a lie. Ollama knows that this one has no tools, and
// says so; llama.cpp's server leaves it to the model.
func TestRealEngines(t *testing.T) {
	calls := 0
	w := weather(t, &calls)
	t.Run("ollama", func(t *testing.T) {
		e := testengine.Ollama(t)
		tr := httpx.NewTransport(httpx.Options{})
		defer tr.CloseIdleConnections()
		p, err := ollama.New(ollama.Config{Name: "local", Host: e.URL, Model: e.Model, NumCtx: 4096, RoundTripper: tr})
		if err != nil {
			t.Fatal(err)
		}
		_, err = provider.Collect(tool.Loop(p, tool.Options{Tools: []tool.Tool{w}, Confirm: tool.Always}).Chat(context.Background(), hello()))
		if provider.KindOf(err) != provider.Unsupported || !strings.Contains(err.Error(), "does not support tools") || calls > 0 {
			t.Errorf("%v, %d calls", err, calls)
		}
	})
	t.Run("openai", func(t *testing.T) {
		e := testengine.OpenAI(t)
		tr := httpx.NewTransport(httpx.Options{})
		defer tr.CloseIdleConnections()
		p, err := openai.New(openai.Config{Name: "hosted", BaseURL: e.BaseURL, Key: e.Key, Model: e.Model, RoundTripper: tr})
		if err != nil {
			t.Fatal(err)
		}
		req := hello()
		req.MaxTokens, req.Seed, req.Temperature = provider.Ptr(32), provider.Ptr(int64(1)), provider.Ptr(0.0)
		r, err := provider.Collect(tool.Loop(p, tool.Options{Tools: []tool.Tool{w}, Confirm: tool.Always}).Chat(context.Background(), req))
		var limit *tool.LimitError
		if err != nil && !errors.As(err, &limit) || err == nil && (r.Text == "" || r.Usage == nil || r.Route == nil) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
