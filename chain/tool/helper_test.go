package tool_test

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a provider that plays turns, a slice of chunks each, the last one
// for ever.
type script struct {
	turns [][]provider.Chunk
	mu    sync.Mutex
	asked []provider.Request
}

func (*script) Name() string                                     { return "script" }
func (*script) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (s *script) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		s.mu.Lock()
		turn := s.turns[min(len(s.asked), len(s.turns)-1)]
		s.asked = append(s.asked, req)
		s.mu.Unlock()
		if err := req.Validate(); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		for _, c := range turn {
			if err := ctx.Err(); err != nil {
				yield(provider.Chunk{}, err)
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (s *script) requests() []provider.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func wants(name, args string) provider.Chunk {
	return provider.Chunk{ToolCalls: []provider.ToolCall{{ID: "c", Name: name, Arguments: json.RawMessage(args)}}}
}

func says(text string) provider.Chunk { return provider.Chunk{Text: text} }

func ends(f provider.Finish) provider.Chunk {
	usd := 0.5
	return provider.Chunk{
		Finish: f, Usage: &provider.Usage{InputTokens: 10, OutputTokens: 2},
		Route: &provider.Route{
			Provider: "script", Model: "m", Endpoint: "fake://script", Local: true, Reason: "asked directly",
			Cost: &provider.Cost{USD: &usd, Basis: "list"},
		},
	}
}

// turn is a whole one: content, and the end that it has.
func turn(chunks ...provider.Chunk) []provider.Chunk {
	f := provider.FinishStop
	for _, c := range chunks {
		if len(c.ToolCalls) > 0 {
			f = provider.FinishToolCalls
		}
	}
	return append(chunks, ends(f))
}

type place struct {
	City string `json:"city" jsonschema:"the city"`
	Days int    `json:"days,omitempty"`
}

// weather is a tool that counts its calls.
func weather(t *testing.T, calls *int) tool.Tool {
	t.Helper()
	w, err := tool.Func("weather", "the weather in a city", func(_ context.Context, in place) (string, error) {
		*calls++
		return "sunny in " + in.City, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func hello() provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User("What is the weather in Delhi?")}}
}

// lastResult is what the model was told last, as the answer to a call.
func lastResult(t *testing.T, s *script) string {
	t.Helper()
	asked := s.requests()
	m := asked[len(asked)-1].Messages
	last := m[len(m)-1]
	if last.Role != provider.RoleTool {
		t.Fatalf("the last message is of %s", last.Role)
	}
	return last.Text
}
