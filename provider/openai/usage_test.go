package openai

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/provider"
)

// What a server leaves out of the answer's tokens and has in the total is
// output, and parts that contradict the total are no usage.
func TestUsageAndItsTotal(t *testing.T) {
	told := func(in, out, total int) *goopenai.Usage {
		return &goopenai.Usage{PromptTokens: in, CompletionTokens: out, TotalTokens: total}
	}
	for _, c := range []struct {
		name string
		told *goopenai.Usage
		want *provider.Usage
	}{
		{"nothing", nil, nil},
		{"zeros", told(0, 0, 0), nil},
		{"the sum", told(10, 5, 15), &provider.Usage{InputTokens: 10, OutputTokens: 5}},
		{"no total", told(10, 5, 0), &provider.Usage{InputTokens: 10, OutputTokens: 5}},
		{"thinking in the total alone", told(10, 5, 215), &provider.Usage{InputTokens: 10, OutputTokens: 205}},
		{"less than the sum", told(10, 5, 14), nil},
		{"a negative total", told(10, 5, -15), nil},
		{"negative parts of a true total", told(-10, 25, 15), nil},
		{"the largest numbers", told(math.MaxInt, math.MaxInt, math.MaxInt), nil},
		{"the smallest total", told(10, 5, math.MinInt), nil},
	} {
		got := usage(c.told, 20)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A server that tells its usage as it goes takes nothing back.
func TestUsageToldMoreThanOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		told []string
		want *provider.Usage
	}{
		{"it grows", []string{`{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11}`, `{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17}`}, &provider.Usage{InputTokens: 10, OutputTokens: 7}},
		{"the same again", []string{`{"prompt_tokens":10,"completion_tokens":7}`, `{"prompt_tokens":10,"completion_tokens":7}`}, &provider.Usage{InputTokens: 10, OutputTokens: 7}},
		{"less of all", []string{`{"prompt_tokens":2000,"completion_tokens":900,"total_tokens":2900}`, `{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}`}, &provider.Usage{InputTokens: 2000, OutputTokens: 900}},
		{"less of all, and no total", []string{`{"prompt_tokens":2000,"completion_tokens":900}`, `{"prompt_tokens":1,"completion_tokens":1}`}, &provider.Usage{InputTokens: 2000, OutputTokens: 900}},
		{"less prompt, more answer", []string{`{"prompt_tokens":2000,"completion_tokens":1,"total_tokens":2001}`, `{"prompt_tokens":1,"completion_tokens":7,"total_tokens":8}`}, &provider.Usage{InputTokens: 2000, OutputTokens: 7}},
		{"then none", []string{`{"prompt_tokens":2000,"completion_tokens":900}`, `null`}, &provider.Usage{InputTokens: 2000, OutputTokens: 900}},
		{"then zeros", []string{`{"prompt_tokens":2000,"completion_tokens":900}`, `{"prompt_tokens":0,"completion_tokens":0}`}, nil},
		{"then less than nothing", []string{`{"prompt_tokens":2000,"completion_tokens":900}`, `{"prompt_tokens":-2000,"completion_tokens":-900}`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, `data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}`+"\n\n")
				for _, told := range c.told {
					fmt.Fprintf(w, "data: {\"choices\":[],\"usage\":%s}\n\n", told)
				}
				fmt.Fprint(w, "data: [DONE]\n\n")
			}))
			defer server.Close()
			p, err := New(Config{BaseURL: server.URL, Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
			if err != nil || (r.Usage == nil) != (c.want == nil) || r.Usage != nil && *r.Usage != *c.want {
				t.Errorf("%+v, %v; want %+v", r.Usage, err, c.want)
			}
		})
	}
}
