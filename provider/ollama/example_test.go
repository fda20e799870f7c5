package ollama_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// ollamaSays is a server that answers every chat as Ollama does.
func ollamaSays(lines string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprint(w, lines)
	}))
}

func ExampleNew() {
	server := ollamaSays(`{"model":"smollm2:135m","message":{"role":"assistant","content":"Delhi."},"done":false}
{"model":"smollm2:135m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":12,"eval_count":3}
`)
	defer server.Close()
	p, err := ollama.New(ollama.Config{Host: server.URL, Model: "smollm2:135m", NumCtx: 4096})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := provider.Request{Messages: []provider.Message{provider.User("The capital of India?")}, Temperature: provider.Ptr(0.0)}
	window, err := p.Window(context.Background(), &req)
	fmt.Println(p.Name(), p.Model(""), window, p.Endpoint() == server.URL, err)
	answer, err := provider.Collect(p.Chat(context.Background(), req))
	fmt.Println(answer.Text, answer.Usage.OutputTokens, answer.Route.Local, err)
	// Output:
	// local smollm2:135m 4096 true <nil>
	// Delhi. 3 true <nil>
}

// A stream that ends before Ollama says so is not an answer.
func ExampleProvider_Chat() {
	server := ollamaSays(`{"model":"smollm2:135m","message":{"role":"assistant","content":"The capital is"},"done":false}
`)
	defer server.Close()
	p, err := ollama.New(ollama.Config{Host: server.URL, Model: "smollm2:135m"})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("The capital of India?")}}))
	fmt.Printf("%q %v\n", answer.Text, provider.KindOf(err))
	// Output: "The capital is" truncated
}

// What Ollama cannot do is found out before any call.
func ExampleProvider_Check() {
	p, err := ollama.New(ollama.Config{Model: "smollm2:135m"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Check(&provider.Request{Messages: []provider.Message{provider.User("Hello")}, Options: map[string]any{"top_z": 1}}))
	// Output: local (smollm2:135m): unsupported: Ollama has no option "top_z"
}

func ExampleParseHost() {
	fmt.Println(ollama.ParseHost("gpu-box"))
	fmt.Println(ollama.ParseHost("0.0.0.0:8080"))
	// Output:
	// http://gpu-box:11434 <nil>
	// http://127.0.0.1:8080 <nil>
}

func ExampleSameModel() {
	fmt.Println(ollama.SameModel("llama3.2", "llama3.2:latest"), ollama.SameModel("llama3.2:1b", "llama3.2:3b"))
	// Output: true false
}

func ExampleProvider_CheckModelName() {
	p, err := ollama.New(ollama.Config{Name: "local"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.CheckModelName("smollm2:135m"))
	fmt.Println(p.CheckModelName("a model"))
	// Output:
	// <nil>
	// local: invalid: "a model" is not a model name: names have letters, digits and / : . _ - only, such as smollm2:135m
}
