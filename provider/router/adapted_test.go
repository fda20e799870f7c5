package router_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// TestWhatAServerRefusesIsAskedAgain: a member that nobody asked for costs one more
// request, whatever retries are left, also of a paid provider and also where
// another one could answer; and the attempts count it.
func TestWhatAServerRefusesIsAskedAgain(t *testing.T) {
	const refusal = `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`
	for name, tc := range map[string]struct {
		member string // that the server refuses; empty: everything
		schema bool
		tries  int
		kind   provider.Kind // of the failure; empty: it answers
	}{
		"stream_options":     {"stream_options", false, 2, ""},
		"response_format":    {"response_format", true, 2, ""},
		"whatever is sent":   {"", false, 2, provider.Invalid},
		"nothing is refused": {"no_such_member", false, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked.Add(1)
				if strings.Contains(string(body), tc.member) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = io.WriteString(w, strings.ReplaceAll(refusal, "stream_options", cmp.Or(tc.member, "stream_options")))
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"{\"a\":1}"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
			}))
			defer srv.Close()
			tr := httpx.NewTransport(httpx.Options{})
			defer tr.CloseIdleConnections()
			picky, err := openai.New(openai.Config{Name: "picky", BaseURL: srv.URL + "/v1", Model: "m", RoundTripper: tr})
			if err != nil {
				t.Fatal(err)
			}
			var retried []string
			r, err := router.New(router.Config{
				Use:     []string{"picky", "other"},
				Targets: []router.Target{{Provider: picky, Paid: true}, {Provider: &providertest.Fake{ProviderName: "other", Answers: []providertest.Answer{providertest.Text(`{"a":2}`)}}}},
				Policy:  router.Policy{Retries: provider.Ptr(0)},
				Observe: func(e router.Event) {
					if e.Type == router.Retrying {
						retried = append(retried, e.String())
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
			if tc.schema {
				req.Schema = &provider.Schema{JSON: json.RawMessage(`{"type":"object"}`)}
			}
			resp, err := provider.Collect(r.Chat(context.Background(), req))
			if provider.KindOf(err) != tc.kind {
				t.Fatalf("got %v, want %q", err, tc.kind)
			}
			var tries int
			if failed := (*router.Failure)(nil); errors.As(err, &failed) {
				tries = failed.Attempts[0].Tries
			} else if tries = resp.Route.Attempts[0].Tries; resp.Route.Provider != "picky" {
				t.Errorf("%s answered", resp.Route.Provider)
			}
			if tries != tc.tries || int(asked.Load()) != tc.tries {
				t.Errorf("%d tries counted, %d made, want %d", tries, asked.Load(), tc.tries)
			}
			if len(retried) != tc.tries-1 || len(retried) > 0 && tc.member != "" && !strings.Contains(retried[0], tc.member) {
				t.Errorf("it is said %q", retried)
			}
		})
	}
}
