package ollama_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

const stays = "PROMPT-THAT-STAYS"

// cloudServer answers as an Ollama that has every model run by ollama.com, and
// says so only where it is told to.
type cloudServer struct {
	show, tags string   // what it says of a model; a status in front: `403 {…}`
	chat       []string // the lines of an answer
	mu         sync.Mutex
	asked      []string // paths
	prompts    []string // what came that holds the prompt
}

const (
	plainShow = `{"details":{"family":"llama"},"model_info":{},"capabilities":["completion","embedding"]}`
	plainLine = `{"model":"gpt-oss:120b","message":{"role":"assistant","content":"from there"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}`
)

func (c *cloudServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	c.asked = append(c.asked, r.URL.Path)
	if strings.Contains(string(body), stays) {
		c.prompts = append(c.prompts, r.URL.Path)
	}
	c.mu.Unlock()
	say := func(text, fallback string) {
		if text == "" {
			text = fallback
		}
		if rest, ok := strings.CutPrefix(text, "403 "); ok {
			w.WriteHeader(http.StatusForbidden)
			text = rest
		}
		_, _ = io.WriteString(w, text)
	}
	switch r.URL.Path {
	case "/api/show":
		say(c.show, plainShow)
	case "/api/tags":
		say(c.tags, `{"models":[]}`)
	case "/api/ps":
		say("", `{"models":[]}`)
	case "/api/embed":
		say("", `{"model":"gpt-oss:120b","embeddings":[[1,0]],"prompt_eval_count":1}`)
	case "/api/generate":
		say("", `{"model":"gpt-oss:120b","done":true,"done_reason":"load"}`)
	default:
		say(strings.Join(c.chat, "\n"), plainLine)
	}
}

// start returns a provider of the server.
func (c *cloudServer) start(t *testing.T, cfg ollama.Config) *ollama.Provider {
	t.Helper()
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	cfg.Host = srv.URL
	p, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func cloudRequest(model string, privacy provider.Privacy) provider.Request {
	return provider.Request{Model: model, Privacy: privacy, Messages: []provider.Message{provider.User(stays)}}
}

// calls are all that could carry a prompt, or have a server ask elsewhere.
var calls = map[string]func(context.Context, *ollama.Provider, string, provider.Privacy) error{
	"chat": func(ctx context.Context, p *ollama.Provider, model string, privacy provider.Privacy) error {
		_, err := provider.Collect(p.Chat(ctx, cloudRequest(model, privacy)))
		return err
	},
	"chat, not streamed": func(ctx context.Context, p *ollama.Provider, model string, privacy provider.Privacy) error {
		req := cloudRequest(model, privacy)
		req.NoStream = true
		_, err := provider.Collect(p.Chat(ctx, req))
		return err
	},
	"embed": func(ctx context.Context, p *ollama.Provider, model string, privacy provider.Privacy) error {
		_, err := p.Embed(ctx, provider.EmbedRequest{Model: model, Privacy: privacy, Input: []string{stays}})
		return err
	},
	"before a chat": func(_ context.Context, p *ollama.Provider, model string, privacy provider.Privacy) error {
		req := cloudRequest(model, privacy)
		return p.Check(&req)
	},
	"a router's question": func(ctx context.Context, p *ollama.Provider, model string, privacy provider.Privacy) error {
		req := cloudRequest(model, privacy)
		p.Can(ctx, model)
		p.Present(ctx, model)
		return p.CheckPrivacy(ctx, &req)
	},
}

// whole are calls that have no privacy of their own: the provider's holds.
var whole = map[string]func(context.Context, *ollama.Provider, string) error{
	"load": func(ctx context.Context, p *ollama.Provider, model string) error { return p.Load(ctx, model) },
	"load, a window": func(ctx context.Context, p *ollama.Provider, model string) error {
		return p.LoadWindow(ctx, model, 512, 0)
	},
	"unload": func(ctx context.Context, p *ollama.Provider, model string) error { return p.Unload(ctx, model) },
	"show": func(ctx context.Context, p *ollama.Provider, model string) error {
		_, err := p.Inspect(ctx, model)
		return err
	},
	"load by default": func(ctx context.Context, p *ollama.Provider, _ string) error { return p.Load(ctx, "") },
}

func TestACloudNameIsRefusedBeforeAnyCall(t *testing.T) {
	modes := map[string]struct {
		cfg     ollama.Config
		privacy provider.Privacy
		kind    provider.Kind
		whole   bool
	}{
		"the request's privacy":  {privacy: provider.PrivacyLocal, kind: provider.Private},
		"the provider's privacy": {cfg: ollama.Config{Privacy: provider.PrivacyLocal}, kind: provider.Private, whole: true},
		"offline":                {cfg: ollama.Config{LocalOnly: true}, kind: provider.Offline, whole: true},
		"offline and private":    {cfg: ollama.Config{LocalOnly: true}, privacy: provider.PrivacyLocal, kind: provider.Private},
	}
	for _, model := range []string{
		"gpt-oss:120b-cloud", "gpt-oss:120b-CLOUD", "gpt-oss:Cloud", "gpt-oss:20b:cloud", "gpt-oss:20b:CLOUD", "me/gpt-oss:cLoUd", "registry.ollama.ai/library/gpt-oss:120b-Cloud",
		" gpt-oss:cloud ", "gpt-oss: cloud", "gpt-oss:cloud\u00a0", "gpt-oss:cloud/", "gpt-oss:120b-cloud.", "gpt-oss%3Acloud", "gpt-oss:clo\u200bud", "gpt-oss-cloud", "gpt-oss-Cloud:latest", "gpt-oss:cloud:local",
	} {
		for name, m := range modes {
			c := &cloudServer{}
			m.cfg.Model = model
			p := c.start(t, m.cfg)
			for what, call := range calls {
				err := call(t.Context(), p, model, m.privacy)
				if errors.Is(err, provider.Invalid) && strings.ContainsAny(model, " \u00a0\u200b") {
					continue // it is not a name at all
				}
				if !errors.Is(err, m.kind) || strings.Contains(err.Error(), stays) {
					t.Errorf("%s, %s of %q: %v, want %s", name, what, model, err, m.kind)
				}
			}
			for what, call := range whole {
				if !m.whole {
					continue
				}
				if err := call(t.Context(), p, model); !errors.Is(err, m.kind) {
					t.Errorf("%s, %s of %q: %v, want %s", name, what, model, err, m.kind)
				}
			}
			if len(c.asked) != 0 {
				t.Errorf("%s, %q: the server was asked %q", name, model, c.asked)
			}
		}
	}
}

// A model of a local name that the server has run elsewhere.
func TestAModelOfALocalNameThatIsRunElsewhere(t *testing.T) {
	for name, c := range map[string]*cloudServer{
		"shown with its host":         {show: `{"remote_host":"https://ollama.com:443","remote_model":"gpt-oss:120b"}`},
		"shown with a model alone":    {show: `{"remote_model":"gpt-oss:120b"}`},
		"shown with a host alone":     {show: `{"remote_host":"https://elsewhere.example"}`},
		"made from one":               {show: `{"details":{"parent_model":"gpt-oss:120b-Cloud"}}`},
		"listed with its host":        {tags: `{"models":[{"name":"other:latest"},{"name":"mine:latest","model":"mine:latest","remote_host":"https://ollama.com:443"}]}`},
		"listed with its model alone": {tags: `{"models":[{"name":"MINE:latest","remote_model":"gpt-oss:120b"}]}`},
		"listed under another name":   {tags: `{"models":[{"name":"x","model":"registry.ollama.ai/library/mine","remote_host":"https://ollama.com"}]}`},
		"the server may not":          {show: `403 {"error":"ollama cloud is disabled: remote model details are unavailable"}`},
		"the server does not tell":    {show: `403 {"error":"no"}`},
		"the list is refused":         {tags: `403 {"error":"no"}`},
	} {
		for what, call := range calls {
			if what == "before a chat" {
				continue // it asks nobody
			}
			p := c.start(t, ollama.Config{})
			err := call(t.Context(), p, "mine", provider.PrivacyLocal)
			known := !strings.Contains(name, "does not tell") && !strings.Contains(name, "is refused")
			if known && !errors.Is(err, provider.Private) || !known && err == nil && what != "a router's question" {
				t.Errorf("%s, %s: %v, want Private", name, what, err)
			}
		}
		if err := c.start(t, ollama.Config{Privacy: provider.PrivacyLocal}).Load(t.Context(), "mine"); err == nil {
			t.Errorf("%s: it was loaded", name)
		}
		if len(c.prompts) != 0 {
			t.Errorf("%s: the prompt was sent to %q", name, c.prompts)
		}
	}
}

// What the server says only with the answer comes too late for the prompt. It
// is not passed on as this machine's.
func TestAnAnswerFromElsewhereIsNoneOfThisMachine(t *testing.T) {
	line := func(model, more string, done bool) string {
		end := `"done":false`
		if done {
			end = `"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1`
		}
		return `{"model":"` + model + `",` + more + `"message":{"role":"assistant","content":"x"},` + end + `}`
	}
	for name, tc := range map[string]struct {
		lines []string
		text  string // what may have been passed on before
	}{
		"the host, from the start": {[]string{line("mine", `"remote_host":"https://ollama.com:443",`, false), line("mine", "", true)}, ""},
		"the model, in the end":    {[]string{line("mine", "", false), line("mine", `"remote_model":"gpt-oss:120b",`, true)}, "x"},
		"the host, in between":     {[]string{line("mine", "", false), line("mine", `"remote_host":"elsewhere",`, false), line("mine", "", true)}, "x"},
		"a cloud name":             {[]string{line("gpt-oss:120b-CLOUD", "", true)}, ""},
	} {
		for mode, cfg := range map[string]ollama.Config{"private": {}, "offline": {LocalOnly: true}} {
			c := &cloudServer{chat: tc.lines}
			p := c.start(t, cfg)
			req, kind := cloudRequest("mine", provider.PrivacyLocal), provider.Private
			if mode == "offline" {
				req.Privacy, kind = provider.PrivacyAny, provider.Offline
			}
			r, err := provider.Collect(p.Chat(t.Context(), req))
			var e *provider.Error
			if !errors.As(err, &e) || e.Kind != kind || !e.Sent || !errors.Is(err, failure.ErrNoFallback) || !strings.Contains(err.Error(), "has left this machine") {
				t.Errorf("%s, %s: %v, want %s of a prompt that was sent", name, mode, err, kind)
			}
			if r.Text != tc.text || r.Route != nil {
				t.Errorf("%s, %s: %q was passed on, route %+v", name, mode, r.Text, r.Route)
			}
			if told := failure.PromptNotSent(err, &provider.Request{}, "through x"); strings.Contains(told.Error(), "would have gone") {
				t.Errorf("%s, %s: of a prompt that has gone, it is said that it would have: %v", name, mode, told)
			}
		}
		c := &cloudServer{chat: tc.lines}
		r, err := provider.Collect(c.start(t, ollama.Config{}).Chat(t.Context(), cloudRequest("mine", provider.PrivacyAny)))
		if err != nil || r.Route.Local {
			t.Errorf("%s, where it may leave: %v, route %+v; want an answer that is not local", name, err, r.Route)
		}
	}
}

// The newest server's answers of a cloud model lack what was said of it.
func TestAnAnswerOfACloudNameIsNotLocal(t *testing.T) {
	for _, model := range []string{"gpt-oss:120b-cloud", "gpt-oss:CLOUD", "gpt-oss:20b:Cloud", "me/gpt-oss:cloud"} {
		c := &cloudServer{}
		p := c.start(t, ollama.Config{})
		r, err := provider.Collect(p.Chat(t.Context(), cloudRequest(model, provider.PrivacyAny)))
		if err != nil || r.Route.Local || r.Route.Model != "gpt-oss:120b" || r.Route.Gateway != "ollama.com" {
			t.Errorf("%q: %v, route %+v; want an answer of gpt-oss:120b that is not local", model, err, r.Route)
		}
		v, err := p.Embed(t.Context(), provider.EmbedRequest{Model: model, Input: []string{"x"}})
		if err != nil || v.Route.Local {
			t.Errorf("%q, vectors: %v, route %+v; want such that are not local", model, err, v.Route)
		}
		if !p.RunsRemotely(t.Context(), model) {
			t.Errorf("%q is said to be run here", model)
		}
		for what, err := range map[string]error{"Load": p.Load(t.Context(), model), "Unload": p.Unload(t.Context(), model)} {
			if !errors.Is(err, provider.Unsupported) {
				t.Errorf("%s of %q: %v, want Unsupported", what, model, err)
			}
		}
	}
	c := &cloudServer{tags: `{"models":[{"name":"gpt-oss:120b-CLOUD"},{"name":"m:1b"}]}`}
	all, err := c.start(t, ollama.Config{}).Models(t.Context())
	if err != nil || len(all) != 2 || all[0].Remote != "ollama.com" || all[1].Remote != "" {
		t.Errorf("listed: %+v, %v", all, err)
	}
}

func TestAServerThatMayRunNothingElsewhereSaysWhy(t *testing.T) {
	c := &cloudServer{chat: []string{`403 {"error":"ollama cloud is disabled: remote model is unavailable"}`}}
	_, err := provider.Collect(c.start(t, ollama.Config{}).Chat(t.Context(), cloudRequest("gpt-oss:cloud", provider.PrivacyAny)))
	if !errors.Is(err, provider.Unsupported) || !errors.Is(err, failure.ErrCloudDisabled) {
		t.Errorf("%v, want Unsupported, with what to do", err)
	}
}

func TestALocalModelIsStillAsked(t *testing.T) {
	for _, model := range []string{"m", "m:1b", "m:1b:local", "me/m", "my-cloud-model", "cloud"} {
		c := &cloudServer{chat: []string{strings.ReplaceAll(plainLine, "gpt-oss:120b", model)}}
		p := c.start(t, ollama.Config{})
		for range 2 {
			r, err := provider.Collect(p.Chat(t.Context(), cloudRequest(model, provider.PrivacyLocal)))
			if err != nil || !r.Route.Local || r.Route.Gateway != "" {
				t.Errorf("%q: %v, route %+v; want a local answer", model, err, r.Route)
			}
		}
		if got := strings.Join(c.asked, " "); got != "/api/show /api/tags /api/chat /api/chat" {
			t.Errorf("%q: asked %s, want one look at the model", model, got)
		}
	}
}
