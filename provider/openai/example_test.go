package openai_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// Any server that speaks the API will do; this one answers from a script.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"model":"tiny","choices":[{"delta":{"content":"Delhi."}}]}

data: {"model":"tiny","choices":[{"delta":{},"finish_reason":"stop"}]}

data: {"model":"tiny","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}

data: [DONE]

`)
	}))
	defer server.Close()
	p, err := openai.New(openai.Config{Name: "lab", BaseURL: server.URL + "/v1", Key: "a key from your key store", Model: "tiny"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Name(), p.Endpoint() == server.URL)
	answer, err := provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("The capital of India?")}}))
	fmt.Println(answer.Text, answer.Usage.OutputTokens, answer.Route.Model, err)
	// Output:
	// lab true
	// Delhi. 3 tiny <nil>
}

func ExampleNew_mistake() {
	_, err := openai.New(openai.Config{BaseURL: "https://me:secret@example.org/v1"})
	fmt.Println(err)
	// Output: openai: invalid: base_url contains credentials; remove them and use api_key
}

// A server that is said to be local, and answers through somebody else.
func ExampleProvider_Through() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Litellm-Model-Api-Base", "https://api.openai.com")
		fmt.Fprint(w, `{"object":"list","data":[{"id":"tiny"}]}`)
	}))
	defer server.Close()
	p, err := openai.New(openai.Config{BaseURL: server.URL + "/v1", Model: "tiny", Local: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = p.Models(context.Background())
	fmt.Println(p.Through(), err)
	_, err = provider.Collect(p.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}, Privacy: provider.PrivacyLocal}))
	fmt.Println(provider.KindOf(err))
	// Output:
	// litellm (https://api.openai.com) <nil>
	// private
}

// llama.cpp's server with two slots.
func ExampleProvider_Slots() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/props" {
			fmt.Fprint(w, `{"total_slots":2,"model_path":"tiny.gguf"}`)
		}
	}))
	defer server.Close()
	p, err := openai.New(openai.Config{BaseURL: server.URL + "/v1", Model: "tiny"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Slots(context.Background()))
	// Output: 2 <nil>
}
