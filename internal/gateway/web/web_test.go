package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// serve serves a whole gateway behind its guard, with a folder of chains.
func serve(t *testing.T, keys guard.Keys, chains ...string) (string, *gatewaytest.Engine) {
	t.Helper()
	e := gatewaytest.NewEngine(t)
	s := gateway.New(gateway.Config{Stack: gatewaytest.Stack(t, e, "ok"), Chains: strings.Join(chains, ""), Version: "1.2.3"})
	t.Cleanup(func() { _ = s.Close() })
	g, err := guard.New(guard.Config{Public: gateway.Public, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(g.Wrap(s.Handler()))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv.URL, e
}

// inline is what the policy of the pages forbids: scripts and styles within a page, and
// whatever is elsewhere.
var inline = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script[^>]*>[^<]|(?:src|href)="(?:https?:)?//|\.innerHTML|insertAdjacentHTML|outerHTML|document\.write|\beval\(`)

// The pages and all that they name are there, under a policy that they keep.
func TestPages(t *testing.T) {
	url, _ := serve(t, nil)
	link := regexp.MustCompile(`(?:src|href)="(/ui/[^"]+)"|from '\./([^']+)'`)
	seen := map[string]bool{}
	queue := []string{"/ui/", "/ui/dashboard"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		r := gatewaytest.Do(t, http.MethodGet, url+path, "")
		policy := r.Header.Get("Content-Security-Policy")
		if r.Status != http.StatusOK || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: %d, policy %q", path, r.Status, policy)
		}
		if found := inline.FindString(r.Body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		if kind := r.Header.Get("Content-Type"); strings.HasSuffix(path, ".js") && !strings.HasPrefix(kind, "text/javascript") {
			t.Errorf("%s is %s", path, kind)
		}
		if again := gatewaytest.Do(t, http.MethodGet, url+path, "", "If-None-Match: "+r.Header.Get("ETag")); again.Status != http.StatusNotModified {
			t.Errorf("%s is sent again: %d", path, again.Status)
		}
		for _, m := range link.FindAllStringSubmatch(r.Body, -1) {
			if m[2] != "" {
				m[1] = "/ui/assets/" + m[2]
			}
			queue = append(queue, m[1])
		}
	}
	if len(seen) < 12 {
		t.Errorf("only %v", seen)
	}
}

// A browser comes to the playground, every other client to what Ollama says.
func TestFront(t *testing.T) {
	url, _ := serve(t, nil)
	if r := gatewaytest.Do(t, http.MethodGet, url+"/", ""); r.Body != "Ollama is running" {
		t.Errorf("a client gets %d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Do(t, http.MethodGet, url+"/", "", "Accept: text/html,*/*;q=0.8"); !strings.Contains(r.Body, "Playground – Tandem") {
		t.Errorf("a browser gets %d %s", r.Status, r.Body)
	}
}

// The playground can ask each model that chats, and the state names who is asked.
func TestModelsAndState(t *testing.T) {
	url, _ := serve(t, nil)
	if r := gatewaytest.Do(t, http.MethodGet, url+"/ui/api/models", ""); !strings.Contains(r.Body, `{"id":"tandem"`) || !strings.Contains(r.Body, `{"id":"echo","provider":"house"`) {
		t.Errorf("models: %s", r.Body)
	}
	gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"ok","messages":[{"role":"user","content":"a-secret-prompt"}]}`)
	gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"down","messages":[{"role":"user","content":"a-secret-prompt"}]}`)
	r := gatewaytest.Do(t, http.MethodGet, url+"/ui/api/state", "")
	for _, want := range []string{`"calls":2,"failed":1`, `"targets":[{"name":"house"`, `"version":"1.2.3"`, `"live":[]`, `"outcome":"failed"`} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("the state has no %s: %s", want, r.Body)
		}
	}
	if strings.Contains(r.Body, `"name":"openai"`) {
		t.Errorf("the state has a provider that is not in use: %s", r.Body)
	}
	if strings.Contains(r.Body, "secret") || strings.Contains(r.Body, "Hello there") {
		t.Errorf("the state has a text: %s", r.Body)
	}
}

type live struct {
	Live []struct {
		ID, Caller string
		State      string
	}
}

// flying waits until a call in flight is shown, and is its id.
func flying(t *testing.T, url string, header ...string) string {
	t.Helper()
	for range 10_000 {
		var s live
		if err := json.Unmarshal([]byte(gatewaytest.Do(t, http.MethodGet, url+"/ui/api/state", "", header...).Body), &s); err != nil {
			t.Fatal(err)
		}
		if len(s.Live) > 0 {
			return s.Live[0].ID
		}
	}
	t.Fatal("no call is in flight")
	return ""
}

func hang(t *testing.T, url string, header ...string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(`{"model":"hang","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
}

// A cancelled call ends at the engine.
func TestCancel(t *testing.T) {
	url, e := serve(t, nil)
	hang(t, url)
	id := flying(t, url)
	if r := gatewaytest.Post(t, url+"/ui/api/calls/"+id+"/cancel", `{}`); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if left := e.Left(t); left != "hang" {
		t.Errorf("%s was left", left)
	}
	for _, id := range []string{"none", "%2e%2e"} {
		if r := gatewaytest.Post(t, url+"/ui/api/calls/"+id+"/cancel", `{}`); r.Status < 400 {
			t.Errorf("%s: %d %s", id, r.Status, r.Body)
		}
	}
	if r := gatewaytest.Post(t, url+"/ui/api/calls/"+id+"/cancel", `{}`, "Origin: https://evil.example"); r.Status != http.StatusForbidden {
		t.Errorf("from another site: %d", r.Status)
	}
}

// LangServe's page of a chain is the playground with the chain chosen. It is the same
// for everybody, and does not say whether there is such a chain.
func TestPlaygroundOfAChain(t *testing.T) {
	url, _ := serve(t, keys{})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]string{
		"/chains/president/playground":              "/ui/#target=chain%3Apresident",
		"/chains/president/playground/":             "/ui/#target=chain%3Apresident",
		"/chains/president/c/N4XyA/playground":      "/ui/#target=chain%3Apresident",
		"/chains/a%20b%2Fc%23x%3Cscript/playground": "/ui/#target=chain%3Aa+b%2Fc%23x%3Cscript",
		"/chains/%2F%2Fevil.example/playground":     "/ui/#target=chain%3A%2F%2Fevil.example",
		"/chains/president/playground/more":         "",
		"/chains/president/input_schema":            "",
		"/chains/president/invoke/playground":       "",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if got := r.Header.Get("Location"); got != want || want != "" && r.StatusCode != http.StatusSeeOther || want == "" && r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d to %q", path, r.StatusCode, got)
		}
	}
}
