package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/limit"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// A stream, a chunk at a time. The provider here answers from a script; real
// ones come from packages ollama and openai.
func ExampleProvider() {
	var p provider.Provider = &providertest.Fake{Answers: []providertest.Answer{providertest.Text("Par", "is")}}
	req := provider.Request{
		Messages:    []provider.Message{provider.System("Be terse."), provider.User("The capital of France?")},
		Temperature: provider.Ptr(0.0),
	}
	for chunk, err := range p.Chat(context.Background(), req) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q %q\n", chunk.Text, chunk.Finish)
	}
	// Output:
	// "Par" ""
	// "is" ""
	// "" "stop"
}

func ExampleCollect() {
	p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("Par", "is")}}
	answer, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("The capital of France?")}}))
	fmt.Println(answer.Text, answer.Finish, answer.Route.Provider, err)

	// What broke off comes with its error.
	p = &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"Par"}, Err: provider.Errorf(provider.Truncated, "fake", "", "the connection broke")}}}
	answer, err = provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("The capital of France?")}}))
	fmt.Printf("%q %q %v\n", answer.Text, answer.Finish, err)
	// Output:
	// Paris stop fake <nil>
	// "Par" "" fake: truncated: the connection broke
}

// embedding is a provider that makes vectors, too.
type embedding struct{ providertest.Fake }

func (*embedding) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if err := req.Validate(); err != nil {
		return provider.EmbedResponse{}, err
	}
	var r provider.EmbedResponse
	for _, text := range req.Input {
		r.Vectors = append(r.Vectors, []float32{float32(len(text))})
	}
	return r, nil
}

// An ability is found through wrappers.
func ExampleAs() {
	p := limit.New(&embedding{}, limit.Config{MaxConcurrent: 4})
	embedder, ok := provider.As[provider.Embedder](p)
	if !ok {
		fmt.Println("it makes no vectors")
		return
	}
	req := provider.EmbedRequest{Input: []string{"tea"}}
	r, err := embedder.Embed(context.Background(), req)
	fmt.Println(r.Vectors, r.Check(&req), err)
	_, ok = provider.As[provider.Puller](p)
	fmt.Println(ok)
	// Output:
	// [[3]] <nil> <nil>
	// false
}

func ExampleErrorf() {
	err := provider.Errorf(provider.RateLimited, "openai", "gpt-4o-mini", "60 requests a minute")
	err.Status = 429
	fmt.Println(err)
	fmt.Println(errors.Is(err, provider.RateLimited), errors.Is(err, provider.Denied))
	// Output:
	// openai (gpt-4o-mini): rate limited (429): 60 requests a minute
	// true false
}

func ExampleKindOf() {
	err := fmt.Errorf("asking: %w", provider.Errorf(provider.ContextOverflow, "local", "smollm2:135m", "9000 tokens are too many"))
	switch provider.KindOf(err) {
	case provider.ContextOverflow:
		fmt.Println("make the prompt shorter")
	case provider.Unavailable:
		fmt.Println("start the engine")
	}
	// Output: make the prompt shorter
}

func ExamplePtr() {
	req := provider.Request{Temperature: provider.Ptr(0.0), Seed: provider.Ptr(int64(7))}
	fmt.Println(*req.Temperature, *req.Seed, req.TopP == nil)
	// Output: 0 7 true
}

func ExampleUser() {
	m := provider.User("How are you?")
	fmt.Println(m.Role, m.Text)
	// Output: user How are you?
}

func ExampleSystem() {
	m := provider.System("Be terse.")
	fmt.Println(m.Role, m.Text)
	// Output: system Be terse.
}

func ExampleAssistant() {
	m := provider.Assistant("Well.")
	fmt.Println(m.Role, m.Text)
	// Output: assistant Well.
}

func ExampleToolResult() {
	call := provider.ToolCall{ID: "call_1", Name: "weather", Arguments: []byte(`{"city": "Delhi"}`)}
	m := provider.ToolResult(call, "sunny")
	fmt.Println(m.Role, m.ToolCallID, m.ToolName, m.Text)
	// Output: tool call_1 weather sunny
}

func ExampleRequest_Validate() {
	req := provider.Request{Messages: []provider.Message{provider.User("Hello")}, Temperature: provider.Ptr(3.0)}
	fmt.Println(req.Validate())
	req = provider.Request{Messages: []provider.Message{provider.User("Hello")}, Use: []string{"openai"}}
	fmt.Println(req.Validate(), provider.KindOf(req.Accepts("local")))
	// Output:
	// invalid: temperature 3 is not between 0 and 2
	// <nil> invalid
}

// The run that calls belong to travels in the context.
func ExampleWithRun() {
	ctx := provider.WithRun(context.Background(), provider.Run{ID: "r1", Chain: "president", Step: "changes", Index: 1})
	fmt.Println(provider.RunOf(ctx).Step)
	// Output: changes
}

func ExampleRunOf() {
	fmt.Println(provider.RunOf(context.Background()) == provider.Run{})
	// Output: true
}

func ExampleModel_Can() {
	m := provider.Model{Name: "smollm2:135m", Capabilities: []provider.Capability{provider.CanChat}}
	fmt.Println(m.Can(provider.CanVision))
	fmt.Println(provider.Model{Name: "gpt-4o-mini"}.Can(provider.CanVision))
	// Output:
	// false true
	// false false
}

func ExampleUsage_Add() {
	first, second := provider.Usage{InputTokens: 20, OutputTokens: 5}, provider.Usage{InputTokens: 30, OutputTokens: 9}
	all := first.Add(second)
	fmt.Println(all.InputTokens, all.OutputTokens)
	// Output: 50 14
}

func ExampleChunk_Empty() {
	fmt.Println((&provider.Chunk{}).Empty(), (&provider.Chunk{Text: " "}).Empty())
	// Output: true false
}

// A server would fetch the picture, and the URL can carry the prompt.
func ExampleRequest_NoImageURLs() {
	look := provider.Message{Role: provider.RoleUser, Text: "What is this?", Images: []provider.Image{{URL: "https://example.org/cat.png"}}}
	req := provider.Request{Messages: []provider.Message{look}}
	fmt.Println(req.Validate(), errors.Is(req.NoImageURLs(), provider.Unsupported))
	req.Privacy = provider.PrivacyLocal
	fmt.Println(errors.Is(req.Validate(), provider.Unsupported))
	// Output:
	// <nil> true
	// true
}

// What a request is filed under: no byte of an image, and the same whether the
// answer comes as a stream or whole.
func ExampleRequest_CanonicalJSON() {
	req := provider.Request{Messages: []provider.Message{provider.User("What is this?")}, NoStream: true}
	key, err := req.CanonicalJSON()
	fmt.Println(string(key), err)
	// Output:
	// {"messages":[{"role":"user","text":"What is this?"}]} <nil>
}

// What a server says that it counted, for an answer of 2,000 bytes.
func ExampleUsage_Plausible() {
	fmt.Println(provider.Usage{InputTokens: 12, OutputTokens: 400}.Plausible(2000))
	fmt.Println(provider.Usage{InputTokens: 12, OutputTokens: -400}.Plausible(2000))
	fmt.Println(provider.Usage{InputTokens: 12, OutputTokens: 1}.Plausible(2000))
	// Output:
	// true
	// false
	// false
}

// What a log may keep of a request with a picture.
func ExampleRequest_WithoutImageData() {
	picture := provider.Image{Data: []byte("\x89PNG…"), MIME: "image/png"}
	req := provider.Request{Messages: []provider.Message{{Role: provider.RoleUser, Text: "What is this?", Images: []provider.Image{picture}}}}
	kept := req.WithoutImageData()
	fmt.Println(kept.Messages[0].Text, len(kept.Messages[0].Images[0].Data), len(req.Messages[0].Images[0].Data))
	// Output:
	// What is this? 0 7
}

func ExampleMessage_ReturnsTo() {
	m := provider.Message{
		Role: provider.RoleAssistant, From: "local", Thinking: "a clock will tell",
		ToolCalls: []provider.ToolCall{{ID: "1", Name: "clock"}},
	}
	fmt.Println(m.ReturnsTo("local"), m.ReturnsTo("openai"))
	// Output: true false
}

func ExampleChunk_AppendTo() {
	var text, thinking strings.Builder
	for _, c := range []provider.Chunk{
		{Text: "The capital of France is easy."},
		{Text: "Paris", Restart: true, Thought: true}, // the server sent only the tag that ends thinking
		{Text: ".", Finish: provider.FinishStop},
	} {
		c.AppendTo(&text, &thinking)
	}
	fmt.Println(text.String())
	fmt.Println(thinking.String())
	// Output:
	// Paris.
	// The capital of France is easy.
}

// What a request needs decides which models may be asked.
func ExampleRequest_Needs() {
	req := provider.Request{
		Messages: []provider.Message{provider.User("What is in this picture?")},
		Think:    provider.ThinkOn,
	}
	req.Messages[0].Images = []provider.Image{{URL: "https://example.com/cat.png"}}
	fmt.Println(req.Needs())
	// Output: [vision thinking]
}

// What a completion needs is named as Ollama names it.
func ExampleCompletion_Member() {
	req := provider.Request{
		Messages:   []provider.Message{provider.User("def add(a, b):\n    return ")},
		Completion: &provider.Completion{Suffix: "\n\nprint(add(1, 2))"},
	}
	fmt.Println(req.Completion.Member(), req.Needs())
	// Output: suffix [insert]
}

// Options that come from JSON have numbers of another type than those that a program sets.
func ExampleOptions_Int() {
	set, decoded := provider.Options{"num_ctx": 8192}, provider.Options{}
	_ = json.Unmarshal([]byte(`{"num_ctx":4096}`), &decoded)
	fmt.Println(set.Int("num_ctx"))
	fmt.Println(decoded.Int("num_ctx"))
	fmt.Println(decoded.Int("seed"))
	// Output:
	// 8192 true
	// 4096 true
	// 0 false
}

func ExampleError_MayBeCharged() {
	cut := &provider.Error{Kind: provider.Truncated, Sent: true}
	refused := &provider.Error{Kind: provider.Invalid, Status: 400, Sent: true}
	gateway := &provider.Error{Kind: provider.Unavailable, Status: 502, Sent: true}
	fmt.Println(cut.MayBeCharged(), refused.MayBeCharged(), gateway.MayBeCharged())
	// Output: true false true
}

// A prompt that was answered on this machine has not stayed there if somebody elsewhere
// failed with it before.
func ExampleRoute_Stayed() {
	r := provider.Route{Provider: "local", Local: true, Attempts: []provider.Attempt{
		{Provider: "openai", Outcome: provider.OutcomeFailed, SentTo: "https://api.openai.com"},
		{Provider: "local", Outcome: provider.OutcomeAnswered, SentTo: "http://127.0.0.1:11434", Local: true},
	}}
	fmt.Println(r.Stayed(), r.SentElsewhere())
	// Output: false [https://api.openai.com]
}

// Attempts of a failure tell the same.
func ExampleSentElsewhere() {
	fmt.Println(provider.SentElsewhere([]provider.Attempt{
		{Provider: "openai", Outcome: provider.OutcomeFailed, SentTo: "https://api.openai.com"},
		{Provider: "closed", Outcome: provider.OutcomeFailed},
		{Provider: "local", Outcome: provider.OutcomeFailed, SentTo: "http://127.0.0.1:11434", Local: true},
	}))
	// Output: [https://api.openai.com]
}

// Who is the name of a provider, with that of its host where it has several.
func ExampleRoute_Who() {
	r := provider.Route{Provider: "house", Host: "gpu2:11434"}
	a := provider.Attempt{Provider: "openai"}
	fmt.Println(r.Who(), a.Who())
	r.Attempts = []provider.Attempt{
		{Provider: "house", Host: "gpu1:11434", Outcome: provider.OutcomeFailed},
		{Provider: "house", Host: "gpu2:11434", Outcome: provider.OutcomeAnswered},
	}
	fmt.Println(r.FellBack())
	// Output:
	// house/gpu2:11434 openai
	// false
}
