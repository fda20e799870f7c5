package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
	"github.com/tandem-llm/tandem/provider/router"
)

// hostRow is something that happens to the hosts of a provider that has two. Nil functions
// answer.
type hostRow struct {
	name          string
	first, second func(*speaker)
	kind          provider.Kind // if no host answers; "": the second does
	part          string        // what is shown before the error
	set           func(first, second *ollamaHost)
	down          int // hosts at which nothing listens, from the first
	paid          bool
	whole         bool // nobody sees an answer before its end
	drained       int  // hosts, from the first
}

// hostRows is what can happen to hosts.
func hostRows() []hostRow {
	cut := func(s *speaker) { s.head(); s.cut() }
	cutLater := func(s *speaker) { s.say("Hello"); s.cut() }
	another := func(first, second *ollamaHost) { first.digest, second.digest = "aaaa", "bbbb" }
	return []hostRow{
		{name: "nothing listens at one host", down: 1},
		{name: "one host dies before the first content", first: cut},
		{name: "one host refuses: 503, its queue is full", first: refuse(503, "server busy, please try again.  maximum pending requests exceeded")},
		{name: "one host refuses: 429", first: limited()},
		{name: "one host refuses: 500, out of memory", first: refuse(500, "model requires more system memory (9.1 GiB) than is available (3.0 GiB)")},
		{name: "one host refuses the key: 401", first: refuse(401, "no such key")},
		{name: "one host refuses the model: 404", first: refuse(404, "model 'm' not found")},
		{name: "one host sends what is not its API", first: func(s *speaker) { s.send("<html>Welcome</html>") }},
		{name: "one host ends without an answer", first: func(*speaker) {}},
		{name: "one host's server, machine or network hangs", first: func(s *speaker) { s.hang() }, set: func(first, _ *ollamaHost) { first.hangs.Store(true) }},
		{name: "one host does not have the model", set: func(first, _ *ollamaHost) { first.lacks = true }},
		{name: "one host is drained", drained: 1},
		{name: "one host dies after content", first: cutLater, kind: provider.Truncated, part: "Hello"},
		{name: "one host dies after content that nobody has seen", first: cutLater, whole: true},
		{name: "one host dies before the first content of a paid call", first: cut, paid: true, kind: provider.Truncated},
		{name: "one host refuses a paid call: 503", first: refuse(503, "overloaded"), paid: true},
		{name: "one host finds the request wrong: 400", first: refuse(400, "bad request"), kind: provider.Invalid},
		{name: "the other host has another model by that name", first: cut, set: another, kind: provider.Unavailable},
		{name: "nothing listens at any host", down: 2, kind: provider.Unavailable},
		{name: "all hosts die before the first content", first: cut, second: cut, kind: provider.Truncated},
		{name: "all hosts refuse the key: 401", first: refuse(401, "no such key"), second: refuse(401, "no such key"), kind: provider.Denied},
		{name: "one host dies, and the other refuses: 429", first: cut, second: limited(), kind: provider.Unavailable},
		{name: "no host has the model", set: func(first, second *ollamaHost) { first.lacks, second.lacks = true, true }, kind: provider.ModelNotFound},
		{name: "all hosts are drained", drained: 2, kind: provider.Unavailable},
	}
}

// ollamaHost is an Ollama (0.33.3) that plays a manner to each chat.
type ollamaHost struct {
	*httptest.Server
	digest string
	lacks  bool        // the model
	hangs  atomic.Bool // all but the first question hangs once a chat has come
	chats  atomic.Int64
}

func newHost(t *testing.T, play func(*speaker)) *ollamaHost {
	t.Helper()
	h := &ollamaHost{digest: "aaaa"}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s := &speaker{dialect: ollamaAPI, stream: !strings.Contains(string(body), `"stream":false`), w: w, r: r}
		if r.URL.Path != "/api/chat" && h.hangs.Load() && h.chats.Load() > 0 {
			s.hang()
		}
		switch r.URL.Path {
		case "/api/tags", "/api/ps":
			models := []map[string]string{}
			if !h.lacks {
				models = append(models, map[string]string{"name": "m:latest", "model": "m:latest", "digest": h.digest})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"models": models})
		case "/api/version":
			_, _ = io.WriteString(w, `{"version":"0.33.3"}`)
		case "/api/chat":
			h.chats.Add(1)
			if play == nil {
				s.answer("stop", "Hello", " from a host")
				return
			}
			play(s)
		default:
			_, _ = io.WriteString(w, `{"capabilities":["completion"]}`)
		}
	}))
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.Start()
	t.Cleanup(func() { h.CloseClientConnections(); h.Close() })
	return h
}

// target is the provider with the hosts of a row.
func (r *hostRow) target(t *testing.T) router.Target {
	t.Helper()
	first, second := newHost(t, r.first), newHost(t, r.second)
	if r.set != nil {
		r.set(first, second)
	}
	cfg := pool.Config{Name: "first", Model: "m", Paid: r.paid, Whole: func(context.Context) bool { return r.whole }}
	for i, h := range []*ollamaHost{first, second} {
		url := h.URL
		if i < r.down {
			url = closedPort(t)
		}
		cfg.Hosts = append(cfg.Hosts, pool.Host{
			Name: strings.TrimPrefix(url, "http://"), Provider: adapter(t, "first", ollamaAPI, url, httpx.Options{}), Drained: func() bool { return i < r.drained },
		})
	}
	p, err := pool.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Look(t.Context()) // so that the first is asked first
	return router.Target{Provider: p, Paid: r.paid}
}

// hostsTable plays what happens to hosts, and is the section of the page about it.
func hostsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n## Several hosts\n\nA provider with [two hosts](pool.md), of Ollama's API, streamed. *Other host*: it answers.\n*Fallback*: if no host answers, the next provider in `use` does.\n\n| what happens | other host | Kind | fallback | shown | what the Route says of those that did not answer |\n|---|---|---|---|---|---|\n")
	for _, r := range hostRows() {
		t.Run(r.name, func(t *testing.T) {
			rt := mustRouter(t, router.Config{Use: []string{"first"}, Targets: []router.Target{r.target(t)}, Clock: (&waiter{}).clock()})
			got, err := provider.Collect(rt.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("Say hello.")}}))
			if provider.KindOf(err) != r.kind {
				t.Errorf("%v; want the Kind %q", err, r.kind)
			}
			if want := map[bool]string{true: "Hello from a host", false: r.part}[err == nil]; got.Text != want {
				t.Errorf("the reader has %q, want %q", got.Text, want)
			}
			next := "–"
			if err != nil {
				next = yesNo(r.fallsBack(t))
			}
			kind, part := "–", "nothing"
			if err != nil {
				kind = "`" + string(provider.KindOf(err)) + "`"
			}
			if err != nil && got.Text != "" {
				part = fmt.Sprintf("%q, and the error", got.Text)
			} else if err == nil {
				part = "the other host's answer"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.name, yesNo(err == nil), kind, next, part, strings.ReplaceAll(says(t, got.Route, err), "|", "\\|"))
		})
	}
	return b.String()
}

// fallsBack reports whether the next provider answers, and nothing of a host's answer is
// before it.
func (r *hostRow) fallsBack(t *testing.T) bool {
	t.Helper()
	second := newServer(t, openaiAPI, func(s *speaker) { s.answer("stop", "the second") })
	rt := mustRouter(t, router.Config{
		Use: []string{"first", "second"}, Clock: (&waiter{}).clock(),
		Targets: []router.Target{r.target(t), {Provider: adapter(t, "second", openaiAPI, second.URL, httpx.Options{})}},
	})
	got, err := provider.Collect(rt.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("Say hello.")}}))
	if err == nil && got.Text != "the second" || err != nil && (got.Text != r.part || second.hits.Load() > 0) {
		t.Errorf("glued: %q, %v; the second was asked %d times", got.Text, err, second.hits.Load())
	}
	return err == nil
}

// says is why hosts did not answer, as the Route or the error has it.
func says(t *testing.T, route *provider.Route, err error) string {
	t.Helper()
	var attempts []provider.Attempt
	if err == nil {
		attempts = route.Attempts
	} else {
		var f *router.Failure
		if !errors.As(err, &f) {
			t.Fatalf("%v does not tell the attempts", err)
		}
		attempts = f.Attempts
	}
	var parts []string
	for _, a := range attempts {
		if a.Outcome != provider.OutcomeAnswered {
			parts = append(parts, address.ReplaceAllString(strings.TrimPrefix(a.Host+": "+a.Reason, ": "), "HOST"))
		}
	}
	if len(parts) == 0 {
		return "–"
	}
	slices.Sort(parts) // who is asked first at a retry is left open
	return strings.Join(parts, "; ")
}
