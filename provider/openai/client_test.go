package openai_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/sashabaranov/go-openai"
)

// What go-openai makes of streams: the reason why the transport looks at the bytes
// (docs/architecture.md). A new version of it that does better fails here.
func TestFactsOfTheClient(t *testing.T) {
	const piece = `data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}` + "\n\n"
	for name, tc := range map[string]struct {
		body string
		ends bool // with io.EOF, as a whole answer does
	}{
		"FACT: [DONE] is the end":                     {piece + "data: [DONE]\n\n", true},
		"FACT: the end of the connection is one":      {piece, true},
		"FACT: part of a line is one":                 {piece + `data: {"choices":[{"ind`, true},
		"FACT: an empty answer is one":                {"", true},
		"FACT: a web page is one":                     {"<html><body>Sign in</body></html>", true},
		"FACT: an error after a space is one":         {piece + `data: { "error":{"message":"boom"}}` + "\n\n", true},
		"FACT: an error behind another member is one": {piece + `data: {"id":"1","error":{"message":"boom"}}` + "\n\n", true},
		"FACT: event: error is one":                   {piece + "event: error\n" + `data: {"message":"boom"}` + "\n\n", true},
		"FACT: an error in just one form is an error": {piece + `data: {"error":{"message":"boom"}}` + "\n\n", false},
		"FACT: more than 300 comments are an error":   {strings.Repeat(": keep-alive\n\n", 400) + piece + "data: [DONE]\n\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.body) }))
			defer srv.Close()
			stream, err := client(srv.URL).CreateChatCompletionStream(t.Context(), sdk.ChatCompletionRequest{Model: "m"})
			for err == nil {
				_, err = stream.Recv()
			}
			if stream != nil {
				stream.Close()
			}
			if errors.Is(err, io.EOF) != tc.ends {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFactsOfTheClientsRequests(t *testing.T) {
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body = string(data)
	}))
	defer srv.Close()
	_, _ = client(srv.URL).CreateChatCompletion(t.Context(), sdk.ChatCompletionRequest{Model: "m", Temperature: 0})
	if body == "" || strings.Contains(body, "temperature") {
		t.Errorf("FACT: a temperature of 0 is left out; sent %s", body)
	}
	body = ""
	_, err := client(srv.URL).CreateChatCompletion(t.Context(), sdk.ChatCompletionRequest{Model: "o3-mini", MaxTokens: 5}) //nolint:staticcheck // the old field is the fact
	if err == nil || body != "" {
		t.Errorf("FACT: max_tokens of a reasoning model is refused by the client; got %v, sent %s", err, body)
	}
}

func client(url string) *sdk.Client {
	c := sdk.DefaultConfig("key")
	c.BaseURL, c.HTTPClient = url, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return sdk.NewClientWithConfig(c)
}
