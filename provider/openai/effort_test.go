package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// A model of OpenAI that thinks by default takes tools and a temperature only without
// thinking. What the user said about thinking stays.
func TestThinkingIsTurnedOffWhereItIsInTheWay(t *testing.T) {
	const (
		toolsRefused = `{"error":{"message":"Function tools with reasoning_effort are not supported for gpt-6-luna in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.","type":"invalid_request_error","param":"reasoning_effort","code":null}}` // onyx-dot-app/onyx#15008
		tempRefused  = `{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`                                                  // BasedHardware/omi#11285
		topPRefused  = `{"error":{"message":"Unsupported parameter: 'top_p' is not supported with this model.","type":"invalid_request_error","param":"top_p","code":"unsupported_parameter"}}`
		noneRefused  = `{"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'minimal', 'low', 'medium', and 'high'.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}` // openai/codex#3800
	)
	tool := []provider.Tool{{Name: "f", Parameters: json.RawMessage(`{"type":"object"}`)}}
	warm := provider.Ptr(0.5)
	for name, tc := range map[string]struct {
		model, said string
		req         provider.Request
		fixed       bool   // the model refuses to do without thinking
		want        string // in the body that is answered; empty: none is
	}{
		"tools":                 {"gpt-6-luna", toolsRefused, provider.Request{Tools: tool}, false, `"reasoning_effort":"none"`},
		"a temperature":         {"gpt-6-luna", tempRefused, provider.Request{Temperature: warm}, false, `"reasoning_effort":"none"`},
		"top_p":                 {"gpt-5.6-terra", topPRefused, provider.Request{TopP: warm}, false, `"reasoning_effort":"none"`},
		"never without":         {"gpt-5", tempRefused, provider.Request{Temperature: warm}, true, ""},
		"tools, never without":  {"gpt-6-astra", toolsRefused, provider.Request{Tools: tool}, true, ""},
		"tools and thinking":    {"gpt-6-luna", toolsRefused, provider.Request{Tools: tool, Think: provider.ThinkOn}, false, ""},
		"the user wants it":     {"gpt-6-luna", tempRefused, provider.Request{Temperature: warm, Think: provider.ThinkOn}, false, ""},
		"a model of others":     {"qwen3", tempRefused, provider.Request{Temperature: warm}, false, ""},
		"an o-series model":     {"o3", tempRefused, provider.Request{Temperature: warm}, false, ""},
		"nothing to be refused": {"gpt-6-luna", toolsRefused, provider.Request{}, false, `"model":"gpt-6-luna"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStrictServer(t, func(body string) (int, string) {
				none := strings.Contains(body, `"reasoning_effort":"none"`)
				switch wants := strings.Contains(body, `"tools"`) || strings.Contains(body, `"temperature"`) || strings.Contains(body, `"top_p"`); {
				case none && tc.fixed:
					return 400, noneRefused
				case wants && !none:
					return 400, tc.said
				}
				return 0, ""
			})
			p := s.provider(t, openai.Config{})
			tc.req.Model = tc.model
			tc.req.Messages = []provider.Message{provider.User("hi")}
			var err error
			for range 4 {
				if _, err = provider.Collect(p.Chat(context.Background(), tc.req)); !errors.Is(err, provider.ErrAdapted) {
					break
				}
			}
			if tc.want == "" {
				if provider.KindOf(err) != provider.Unsupported || !strings.Contains(err.Error(), "temperature") && !strings.Contains(err.Error(), "tool") {
					t.Errorf("got %v, want Unsupported that names the temperature or the tools", err)
				}
				return
			}
			if err != nil || !strings.Contains(s.last(), tc.want) {
				t.Fatalf("%v", err)
			}
			if _, err := provider.Collect(p.Chat(context.Background(), provider.Request{Model: tc.model, Messages: tc.req.Messages})); err != nil || strings.Contains(s.last(), "reasoning_effort") {
				t.Errorf("a plain question goes with %s, %v; want the model's own default", s.last(), err)
			}
		})
	}
}
