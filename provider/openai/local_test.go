package openai_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// relay is a server on this machine that answers with headers, and members at
// the root of every document, that tell of another.
type relay struct {
	*httptest.Server
	calls   atomic.Int64
	header  map[string]string
	members string // each with its comma
	status  int
}

func newRelay(t *testing.T, header map[string]string, members string) *relay {
	t.Helper()
	r := &relay{header: header, members: members}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *relay) serve(w http.ResponseWriter, q *http.Request) {
	r.calls.Add(1)
	body, _ := io.ReadAll(q.Body)
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.status != 0:
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, `{"error":{"message":"slow down"}}`)
	case strings.HasSuffix(q.URL.Path, "/embeddings"):
		_, _ = io.WriteString(w, `{`+r.members+`"object":"list","model":"m","data":[{"index":0,"embedding":[1,2]}]}`)
	case strings.HasSuffix(q.URL.Path, "/models"):
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m"}]}`)
	case !strings.Contains(string(body), `"stream":true`):
		_, _ = io.WriteString(w, `{`+r.members+`"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`)
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {`+r.members+`"model":"m","choices":[{"index":0,"delta":{"content":"hel"}}]}`+"\n\n")
		_, _ = io.WriteString(w, `data: {`+r.members+`"model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}
}

func (r *relay) provider(t *testing.T, cfg openai.Config) *openai.Provider {
	t.Helper()
	cfg.Name, cfg.BaseURL, cfg.Model = "p", r.URL+"/v1", "m"
	tr := httpx.NewTransport(httpx.Options{Policy: httpx.Policy{Offline: cfg.LocalOnly}})
	cfg.RoundTripper = tr
	t.Cleanup(tr.CloseIdleConnections)
	p, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ways asks a provider in every way that sends a prompt.
func ways(p *openai.Provider, privacy provider.Privacy) map[string]func() (provider.Response, error) {
	req := provider.Request{Messages: []provider.Message{provider.User("MINE")}, Privacy: privacy}
	whole := req
	whole.NoStream = true
	return map[string]func() (provider.Response, error){
		"stream": func() (provider.Response, error) { return provider.Collect(p.Chat(context.Background(), req)) },
		"whole":  func() (provider.Response, error) { return provider.Collect(p.Chat(context.Background(), whole)) },
		"embed": func() (provider.Response, error) {
			r, err := p.Embed(context.Background(), provider.EmbedRequest{Input: []string{"MINE"}, Privacy: privacy})
			return provider.Response{Route: r.Route}, err
		},
	}
}

// A server on this machine may pass prompts on: only one that is said not to is
// given what may not leave, and only its answers are called local.
func TestLocalIsSaid(t *testing.T) {
	for _, tc := range []struct {
		local, offline bool
		privacy        provider.Privacy
		kind           provider.Kind // of the refusal; "": it answers
	}{
		{local: false, privacy: provider.PrivacyAny},
		{local: false, privacy: provider.PrivacyLocal, kind: provider.Private},
		{local: false, offline: true, kind: provider.Offline},
		{local: false, offline: true, privacy: provider.PrivacyLocal, kind: provider.Private},
		{local: true, privacy: provider.PrivacyAny},
		{local: true, privacy: provider.PrivacyLocal},
		{local: true, offline: true},
		{local: true, offline: true, privacy: provider.PrivacyLocal},
	} {
		r := newRelay(t, nil, "")
		p := r.provider(t, openai.Config{Local: tc.local, LocalOnly: tc.offline})
		for way, ask := range ways(p, tc.privacy) {
			r.calls.Store(0)
			answer, err := ask()
			switch {
			case tc.kind == "" && (err != nil || answer.Route.Local != tc.local || answer.Route.Gateway != ""):
				t.Errorf("%+v, %s: %+v, %v", tc, way, answer.Route, err)
			case tc.kind != "" && (!errors.Is(err, tc.kind) || r.calls.Load() > 0 || strings.Contains(err.Error(), "MINE") || !strings.Contains(err.Error(), "would have gone to "+r.URL)):
				t.Errorf("%+v, %s: %d calls, %v", tc, way, r.calls.Load(), err)
			}
		}
		r.calls.Store(0)
		req := provider.Request{Messages: []provider.Message{provider.User("MINE")}, Privacy: tc.privacy}
		if _, _, err := p.CountTokens(t.Context(), req); err != nil || tc.kind != "" && r.calls.Load() > 0 {
			t.Errorf("%+v: counting made %d calls, %v", tc, r.calls.Load(), err)
		}
		req.Messages[0].Images = []provider.Image{{URL: "https://example.org/MINE"}}
		r.calls.Store(0)
		_, err := provider.Collect(p.Chat(t.Context(), req))
		if stays := tc.offline || tc.privacy == provider.PrivacyLocal; stays != errors.Is(err, provider.Unsupported) || stays && r.calls.Load() > 0 {
			t.Errorf("%+v: an image by URL: %d calls, %v", tc, r.calls.Load(), err)
		}
	}
}

// What an answer tells of somebody behind the server.
func TestGatewaysGiveThemselvesAway(t *testing.T) {
	for _, tc := range []struct {
		header  string // name: value, and more of them behind ;;
		members string
		gateway string
		local   bool // it contradicts nothing
	}{
		{"X-Litellm-Version: 1.80", "", "litellm", false},
		{"X-Litellm-Model-Api-Base: https://api.openai.com", "", "litellm (https://api.openai.com)", false},
		{"X-Litellm-Model-Api-Base: https://me:secret@api.openai.com/v1?key=secret", "", "litellm (https://api.openai.com)", false},
		{"X-Litellm-Model-Api-Base: http://127.0.0.1:11434", "", "litellm (http://127.0.0.1:11434)", true},
		{"X-Litellm-Model-Api-Base: http://localhost:11434/v1;;X-Litellm-Version: 1.80", "", "litellm (http://localhost:11434)", true},
		{"X-Litellm-Model-Api-Base: http://[::1]:11434", "", "litellm (http://[::1]:11434)", true},
		{"X-Litellm-Model-Api-Base: http://127.0.0.1.example.org", "", "litellm (http://127.0.0.1.example.org)", false},
		{"X-Litellm-Model-Api-Base: http://127.0.0.1@example.org", "", "litellm (http://example.org)", false},
		{"X-Litellm-Model-Api-Base: http://0.0.0.0:11434", "", "litellm (http://0.0.0.0:11434)", false},
		{"X-Litellm-Model-Api-Base: http://10.0.0.7:11434", "", "litellm (http://10.0.0.7:11434)", false},
		{"X-Litellm-Model-Api-Base: http://gpu:11434", "", "litellm (http://gpu:11434)", false},
		{"X-Litellm-Model-Api-Base: 127.0.0.1:11434", "", "litellm", false},
		{"X-Litellm-Model-Api-Base: ", "", "litellm", false},
		{"X-Litellm-Model-Api-Base: http://127.0.0.1:4001;;llm_provider-x-litellm-model-api-base: https://api.openai.com", "", "litellm (https://api.openai.com)", false},
		{"X-Litellm-Model-Api-Base: http://127.0.0.1:1;;llm_provider-openai-processing-ms: 12", "", "litellm (http://127.0.0.1:1), openai", false},
		{"X-Openrouter-Id: 1", "", "openrouter", false},
		{"X-Generation-Id: gen-1", "", "openrouter", false},
		{"", `"provider":"DeepInfra",`, "openrouter (DeepInfra)", false},
		{"", `"extra_fields":{"provider":"openai","latency":3},`, "bifrost (openai)", false},
		{"", `"x_groq":{"id":"req_1"},`, "groq", false},
		{"X-Portkey-Trace-Id: 1;;X-Portkey-Provider: openai", "", "portkey (openai)", false},
		{"Helicone-Id: 1", "", "helicone", false},
		{"Cf-Aig-Log-Id: 1", "", "cloudflare ai gateway", false},
		{"X-Bifrost-Provider: anthropic", "", "bifrost (anthropic)", false},
		{"Ngrok-Aig-Model: openai/gpt-5", "", "ngrok ai gateway (openai/gpt-5)", false},
		{"X-Kong-Llm-Model: openai/gpt-5;;X-Kong-Upstream-Latency: 3", "", "kong (openai/gpt-5)", false},
		{"X-Envoy-Upstream-Service-Time: 3", "", "envoy", false},
		{"Server: istio-envoy", "", "envoy", false},
		{"Openai-Organization: org", "", "openai", false},
		{"openai-processing-ms: 7;;CF-RAY: 1", "", "openai, cloudflare", false},
		{"Anthropic-Organization-Id: org", "", "anthropic", false},
		{"Apim-Request-Id: 1", "", "azure", false},
		{"X-Amzn-Requestid: 1", "", "aws", false},
		{"Server: cloudflare", "", "cloudflare", false},
		{"Server: Google Frontend", "", "google", false},
		{"Via: 1.1 gateway.example.org", "", "proxy gateway.example.org", false},
		{"Via: 1.1 google", "", "proxy google", false},
		{"Via: 1.1 Caddy", "", "proxy Caddy", true},
		{"Via: 1.1 Caddy, 1.1 gateway.example.org:8443 (squid)", "", "proxy gateway.example.org:8443", false},
		{"Via: 1.1 127.0.0.1:8080", "", "proxy 127.0.0.1:8080", true},
		// Servers that run models themselves.
		{"Server: llama.cpp;;X-Request-Id: 1;;Access-Control-Allow-Origin: *", "", "", true},
		{"Server: uvicorn;;X-Ratelimit-Remaining-Requests: 3", `"system_fingerprint":"b1-x","timings":{"predicted_n":3},`, "", true},
		{"", `"provider":null,"extra_fields":{},"x":"\"provider\":\"OpenAI\"",`, "", true},
		{"", `"provider":"","stats":{"provider":"no"},`, "", true},
	} {
		header := map[string]string{}
		for _, line := range strings.Split(tc.header, ";;") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				header[name] = value
			}
		}
		what := fmt.Sprintf("%q %s", tc.header, tc.members)
		for _, local := range []bool{false, true} {
			for way := range ways(nil, "") {
				r := newRelay(t, header, tc.members)
				p := r.provider(t, openai.Config{Local: local})
				answer, err := ways(p, provider.PrivacyAny)[way]()
				if err != nil || answer.Route.Gateway != tc.gateway || answer.Route.Local != (local && tc.local) {
					t.Errorf("%s, local %v, %s: %+v, %v; want %q", what, local, way, answer.Route, err, tc.gateway)
				}
				if through := p.Through(); (through != "") != (local && !tc.local) {
					t.Errorf("%s, local %v, %s: through %q", what, local, way, through)
				}
			}
		}
		for way := range ways(nil, "") {
			for _, offline := range []bool{false, true} {
				privacy, kind := provider.PrivacyLocal, provider.Private
				if offline {
					privacy, kind = provider.PrivacyAny, provider.Offline
				}
				r := newRelay(t, header, tc.members)
				p := r.provider(t, openai.Config{Local: true, LocalOnly: offline})
				answer, err := ways(p, privacy)[way]()
				if tc.local {
					if err != nil || !answer.Route.Local {
						t.Errorf("%s, %s, %s: %v", what, kind, way, err)
					}
					continue
				}
				var e *provider.Error
				if !errors.As(err, &e) || e.Kind != kind || !e.Sent || answer.Text != "" || !strings.Contains(err.Error(), tc.gateway) || strings.Contains(err.Error(), "would have gone") || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s, %s, %s: %q, %v", what, kind, way, answer.Text, err)
				}
				// And that was the last prompt of this kind that it got.
				before := r.calls.Load()
				for way, again := range ways(p, privacy) {
					if _, err := again(); !errors.Is(err, kind) || r.calls.Load() != before {
						t.Errorf("%s, %s again: asked %d times, %v", what, way, r.calls.Load()-before, err)
					}
				}
			}
		}
	}
}

// A gateway that refuses has had the prompt, too. The models' list gives it
// away before there is one.
func TestGatewaysThatRefuse(t *testing.T) {
	header := map[string]string{"X-Litellm-Model-Api-Base": "https://api.openai.com"}
	for _, status := range []int{400, 401, 404, 429, 500, 502} {
		for way := range ways(nil, "") {
			r := newRelay(t, header, "")
			r.status = status
			_, err := ways(r.provider(t, openai.Config{Local: true}), provider.PrivacyLocal)[way]()
			if !errors.Is(err, provider.Private) {
				t.Errorf("%d, %s: %v", status, way, err)
			}
		}
	}
	r := newRelay(t, header, "")
	p := r.provider(t, openai.Config{Local: true})
	if _, err := p.Models(t.Context()); err != nil || p.Through() == "" {
		t.Errorf("through %q, %v", p.Through(), err)
	}
	for way, ask := range ways(p, provider.PrivacyLocal) {
		if _, err := ask(); !errors.Is(err, provider.Private) || r.calls.Load() != 1 {
			t.Errorf("%s: %d calls, %v", way, r.calls.Load(), err)
		}
	}
}

// What comes late ends a stream: nothing behind it is passed on.
func TestAGatewayThatIsToldOfLate(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"model":"m","choices":[{"index":0,"delta":{"content":"one"}}]}`+"\n\n")
		_, _ = io.WriteString(w, `data: {"model":"m","provider":"OpenAI","choices":[{"index":0,"delta":{"content":"two"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	defer srv.Close()
	r := &relay{Server: srv}
	answer, err := ways(r.provider(t, openai.Config{Local: true}), provider.PrivacyLocal)["stream"]()
	if !errors.Is(err, provider.Private) || answer.Text != "one" {
		t.Errorf("%q, %v", answer.Text, err)
	}
}
