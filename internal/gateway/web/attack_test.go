//go:build browser && unix

package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// attacked is a gateway without keys that notes what reaches it.
type attacked struct {
	url string
	e   *gatewaytest.Engine

	mu   sync.Mutex
	came []arrival
}

// arrival is a request that reached the gateway.
type arrival struct {
	attack, method, path, host string
	status                     int
}

func underAttack(t *testing.T, origins ...string) *attacked {
	t.Helper()
	a := &attacked{e: gatewaytest.NewEngine(t)}
	s := gateway.New(gateway.Config{Stack: gatewaytest.Stack(t, a.e, "ok"), Version: "1.2.3"})
	t.Cleanup(func() { _ = s.Close() })
	g, err := guard.New(guard.Config{Public: gateway.Public, Origins: origins})
	if err != nil {
		t.Fatal(err)
	}
	next := g.Wrap(s.Handler())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(noted, r)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.came = append(a.came, arrival{r.URL.Query().Get("attack"), r.Method, r.URL.Path, r.Host, noted.status})
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	a.url = srv.URL
	return a
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(data)
}

// arrivals are the requests of an attack that reached the gateway.
func (a *attacked) arrivals(attack string) (out []arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.came {
		if one.attack == attack {
			out = append(out, one)
		}
	}
	return out
}

// asked is how often anything reached the model's server.
func (a *attacked) asked() int {
	return len(a.e.Requests("/v1/chat/completions")) + len(a.e.Requests("/v1/embeddings")) + len(a.e.Requests("/v1/models"))
}

// attack is what a hostile page does, as the body of an asynchronous function that returns
// what the page could read of the gateway; at(path) is a URL of the gateway's.
type attack struct {
	name, script string
}

// prelude is what all attacks have.
const prelude = `
const question = '{"model":"ok","messages":[{"role":"user","content":"stolen"}]}';
const read = async (reply) => reply.type + ' ' + reply.status + ' ' + await reply.text();
// gone is when a navigation, a picture or the like has ended, either way.
const gone = (element) => new Promise((done) => { element.onload = element.onerror = () => done(); document.body.append(element); setTimeout(done, 3000); });
// submit sends a form into a frame.
const submit = async (path, enctype, fields) => {
  const frame = Object.assign(document.createElement('iframe'), { name: 'f' + Math.random() });
  document.body.append(frame);
  const form = Object.assign(document.createElement('form'), { method: 'post', action: at(path), enctype, target: frame.name });
  for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement('input'), { name, value }));
  document.body.append(form);
  form.submit();
  await new Promise((done) => { frame.onload = done; setTimeout(done, 3000); });
  return frame.contentDocument ? frame.contentDocument.body.innerText : '';
};
const made = (tag, fields) => Object.assign(document.createElement(tag), fields);
`

// attacks are all the ways in which a page sends a request to another origin.
var attacks = []attack{
	{"fetch-get", `return read(await fetch(at('/v1/models')))`},
	{"fetch-get-state", `return read(await fetch(at('/ui/api/state')))`},
	{"fetch-get-opaque", `return read(await fetch(at('/v1/models'), { mode: 'no-cors', credentials: 'include' }))`},
	{"fetch-json", `return read(await fetch(at('/v1/chat/completions'), { method: 'POST', body: question, headers: { 'Content-Type': 'application/json' } }))`},
	{"fetch-text", `return read(await fetch(at('/v1/chat/completions'), { method: 'POST', body: question }))`},
	{"fetch-text-opaque", `return read(await fetch(at('/v1/chat/completions'), { method: 'POST', body: question, mode: 'no-cors' }))`},
	{"fetch-no-type", `return read(await fetch(at('/api/chat'), { method: 'POST', body: new Blob([question]), mode: 'no-cors' }))`},
	{"fetch-urlencoded", `return read(await fetch(at('/api/chat'), { method: 'POST', body: new Blob([question], { type: 'application/x-www-form-urlencoded' }), mode: 'no-cors' }))`},
	{"fetch-multipart", `const f = new FormData(); f.append('purpose', 'batch'); f.append('file', new Blob([question]), 'x.jsonl'); return read(await fetch(at('/v1/files'), { method: 'POST', body: f, mode: 'no-cors' }))`},
	{"fetch-delete", `return read(await fetch(at('/v1/responses/resp_1'), { method: 'DELETE' }))`},
	{"fetch-keepalive", `return read(await fetch(at('/v1/messages'), { method: 'POST', body: question, mode: 'no-cors', keepalive: true }))`},
	{"fetch-key", `return read(await fetch(at('/v1/models'), { headers: { Authorization: 'Bearer ollama' } }))`},
	{"xhr", `return new Promise((done) => { const x = new XMLHttpRequest(); x.withCredentials = true; x.open('POST', at('/v1/chat/completions')); x.onloadend = () => done(x.responseText); x.send(question); })`},
	{"beacon", `navigator.sendBeacon(at('/v1/chat/completions'), new Blob([question], { type: 'text/plain' })); return ''`},
	{"form-text", `return submit('/v1/chat/completions', 'text/plain', { '{"model":"ok","messages":[{"role":"user","content":"stolen"}],"user":"': '"}' })`},
	{"form-urlencoded", `return submit('/api/generate', 'application/x-www-form-urlencoded', { '{"model":"ok","prompt":"stolen","x":"': '"}' })`},
	{"form-multipart", `return submit('/v1/files', 'multipart/form-data', { purpose: 'batch' })`},
	{"websocket", `return new Promise((done) => { const s = new WebSocket(at('/v1/responses').replace('http', 'ws')); s.onopen = () => s.send(question); s.onmessage = (m) => done(m.data); s.onerror = () => done(''); })`},
	{"event-source", `return new Promise((done) => { const s = new EventSource(at('/ui/api/state')); s.onmessage = (m) => done(m.data); s.onerror = () => { s.close(); done(''); }; })`},
	{"image", `await gone(made('img', { src: at('/v1/models') })); return ''`},
	{"script", `await gone(made('script', { src: at('/ui/api/state') })); return ''`},
	{"module", `await gone(made('script', { type: 'module', src: at('/ui/assets/playground.js') })); return document.querySelector('#status')?.textContent ?? ''`},
	{"style", `await gone(made('link', { rel: 'stylesheet', href: at('/ui/assets/style.css') })); return getComputedStyle(document.documentElement).getPropertyValue('--accent')`},
	{"video", `const v = made('video', { src: at('/v1/models'), autoplay: true }); await gone(v); return ''`},
	{"object", `await gone(made('object', { data: at('/ui/') })); return ''`},
	{"frame", `const f = made('iframe', { src: at('/ui/') }); await gone(f); return f.contentDocument ? f.contentDocument.body.innerText : ''`},
	{"frame-dashboard", `const f = made('iframe', { src: at('/ui/dashboard') }); await gone(f); return f.contentDocument ? f.contentDocument.body.innerText : ''`},
	{"prefetch", `await gone(made('link', { rel: 'prefetch', href: at('/ui/api/state') })); return ''`},
	{"ping", `const link = made('a', { href: '#x', ping: at('/v1/chat/completions') }); document.body.append(link); link.click(); return ''`},
	// Last, because the page is in the background from then on.
	{"form-tab", `const f = made('form', { method: 'post', action: at('/api/chat'), enctype: 'text/plain', target: '_blank' }); f.append(made('input', { name: '{"model":"ok","messages":[{"role":"user","content":"stolen"}],"user":"', value: '"}' })); document.body.append(f); f.submit(); return ''`},
}

// run runs all attacks in a page of the given URL, and returns what each could read.
func (a *attacked) run(t *testing.T, page, target string, flags ...string) map[string]string {
	t.Helper()
	b := open(t, page, flags...)
	b.until("document.title === 'evil'")
	got := map[string]string{}
	for _, one := range attacks {
		got[one.name] = b.eval(fmt.Sprintf(`(async () => { const at = (path) => '%s' + path + '?attack=%s'; %s; try { return await (async () => { %s })(); } catch (e) { return ''; } })()`, target, one.name, prelude, one.script))
	}
	for _, one := range attacks { // some are sent after their script has ended
		for end := time.Now().Add(time.Minute); len(a.arrivals(one.name)) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s is never sent", one.name)
			}
		}
	}
	return got
}

// evil serves a page of somebody else's.
func evil(t *testing.T, policy string) (port string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = io.WriteString(w, evilPage)
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

const evilPage = "<!DOCTYPE html><meta charset=utf-8><title>evil</title><body>"

// resolve has a name be this machine.
const resolve = "--host-resolver-rules=MAP *.example 127.0.0.1"

// A page of another site's, of another port's and of no origin sends what a browser lets
// it send: nothing reaches a model, and the page reads nothing.
func TestBrowserOtherOrigins(t *testing.T) {
	for _, c := range []struct{ name, host, policy string }{
		{"another site", "evil.example", ""},
		{"another port of this machine", "127.0.0.1", ""},
		{"another name of this machine", "localhost", ""},
		{"no origin", "evil.example", "sandbox allow-scripts allow-forms allow-popups"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := underAttack(t)
			got := a.run(t, "http://"+c.host+":"+evil(t, c.policy), a.url, resolve)
			a.held(t, got, http.StatusForbidden)
		})
	}
}

// held fails the test unless every attack was refused, and nothing could be read.
func (a *attacked) held(t *testing.T, got map[string]string, status int) {
	t.Helper()
	if n := a.asked(); n > 0 {
		t.Errorf("%d requests reached the model's server", n)
	}
	for _, one := range attacks {
		for _, c := range a.arrivals(one.name) {
			if c.status != status {
				t.Errorf("%s: %s %s is %d, want %d", one.name, c.method, c.path, c.status, status)
			}
		}
		for _, secret := range []string{"Hello there", `"ok"`, "house", "Playground", "0b5cad", "data:"} {
			if strings.Contains(got[one.name], secret) {
				t.Errorf("%s reads %q", one.name, got[one.name])
			}
		}
	}
	for _, c := range a.arrivals("") {
		if c.status < 400 {
			t.Errorf("a page of ours was shown within another, and asked for %s", c.path)
		}
	}
}

// DNS rebinding: the name of a page is pointed at this machine once the page is loaded.
// Then it is of the same origin for the browser, and still no name of ours.
func TestBrowserRebinding(t *testing.T) {
	a := underAttack(t)
	u, err := url.Parse(a.url)
	if err != nil {
		t.Fatal(err)
	}
	// The first connection is somebody else's server, all later ones are the gateway.
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var rebound sync.Once
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			first := false
			rebound.Do(func() { first = true })
			if first {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(evilPage), evilPage)
				_ = c.Close()
				continue
			}
			go splice(c, u.Host)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	origin := "http://rebound.example:" + port
	got := a.run(t, origin+"/page", origin, resolve)
	a.held(t, got, http.StatusMisdirectedRequest)
	if answer := got["fetch-json"]; !strings.Contains(answer, "421") {
		t.Errorf("the page of the same origin reads %q", answer)
	}
}

// splice passes the bytes of a connection on.
func splice(c net.Conn, to string) {
	defer c.Close()
	up, err := net.Dial("tcp", to) //nolint:noctx // it ends with the test's servers
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, c)
		_ = up.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(c, up)
}

// The page of an origin that the configuration names may ask, so the attacks above do
// reach the gateway; it sees no page of ours in a frame either.
func TestBrowserAllowedOrigin(t *testing.T) {
	origin := "http://friend.example:" + evil(t, "")
	a := underAttack(t, origin)
	got := a.run(t, origin, a.url, resolve)
	if !strings.Contains(got["fetch-json"], "Hello there") || !strings.Contains(got["fetch-get"], `"ok"`) {
		t.Errorf("it reads %q, %q", got["fetch-json"], got["fetch-get"])
	}
	for _, simple := range []string{"fetch-text", "form-text", "form-urlencoded", "fetch-no-type"} {
		for _, c := range a.arrivals(simple) {
			if c.status < 400 {
				t.Errorf("%s: %d: even a friend sends JSON as such", simple, c.status)
			}
		}
	}
	for _, frame := range []string{"frame", "frame-dashboard", "object"} {
		for _, c := range a.arrivals(frame) {
			if c.status != http.StatusForbidden {
				t.Errorf("%s: %d", frame, c.status)
			}
		}
	}
}

// A page opens the playground in a tab of its own: it may, and gets no hold of it. What the
// link has in it is not asked before the person says so.
func TestBrowserOpener(t *testing.T) {
	a := underAttack(t)
	b := open(t, "http://evil.example:"+evil(t, ""), resolve)
	b.until("document.title === 'evil'")
	b.do("Target.setDiscoverTargets", map[string]any{"discover": true})
	b.do("Runtime.evaluate", map[string]any{"userGesture": true, "expression": fmt.Sprintf("window.w = window.open('%s/ui/#target=ok&in.prompt=stolen')", a.url)})
	b.until("window.w === null || window.w.closed") // its own group of pages: as if it were gone
	if state := b.eval("(() => { try { return String(window.w.document.title) } catch { return 'nothing' } })()"); state != "nothing" {
		t.Errorf("the opener reads %q", state)
	}
	tabOf := b.attach("/ui/")
	tabOf.until("document.querySelector('[name=prompt]')?.value === 'stolen'")
	if opener := tabOf.eval("String(window.opener)"); opener != "null" {
		t.Errorf("the page has the opener %s", opener)
	}
	if n := a.e.Chats("ok"); n > 0 {
		t.Errorf("the link asked %d questions by itself", n)
	}
}

// attach is a tab on another page that is open, by a part of its URL.
func (b *tab) attach(part string) *tab {
	b.t.Helper()
	other := *b
	other.session = ""
	for range 1000 {
		list, err := json.Marshal(other.do("Target.getTargets", nil)["targetInfos"])
		if err != nil {
			b.t.Fatal(err)
		}
		var targets []struct{ TargetID, Type, URL string }
		if err := json.Unmarshal(list, &targets); err != nil {
			b.t.Fatal(err)
		}
		for _, one := range targets {
			if one.Type == "page" && strings.Contains(one.URL, part) {
				other.session = other.do("Target.attachToTarget", map[string]any{"targetId": one.TargetID, "flatten": true})["sessionId"].(string)
				other.do("Runtime.enable", nil)
				return &other
			}
		}
	}
	b.t.Fatalf("no page %s is open", part)
	return nil
}
