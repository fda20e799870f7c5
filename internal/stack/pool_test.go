package stack

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// gpu plays an Ollama with the model m, and counts its calls.
func gpu(t *testing.T, chat http.HandlerFunc) (host string, calls *atomic.Int32) {
	t.Helper()
	calls = &atomic.Int32{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/tags", "/api/ps":
			fmt.Fprint(w, `{"models":[{"name":"m:latest","model":"m:latest","digest":"aaaa"}]}`)
		case "/api/version":
			fmt.Fprint(w, `{"version":"0.33.3"}`)
		case "/api/show":
			fmt.Fprint(w, `{"capabilities":["completion","embedding"]}`)
		case "/api/embed":
			calls.Add(1)
			fmt.Fprint(w, `{"model":"m","embeddings":[[1,2]]}`)
		case "/api/chat":
			calls.Add(1)
			chat(w, r)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), calls
}

func answers(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, `{"model":"m","message":{"role":"assistant","content":"hello"},"done":true,"done_reason":"stop","eval_count":1,"prompt_eval_count":1}`+"\n")
}

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func openPool(t *testing.T, o Options, text string, hosts ...string) *Stack {
	t.Helper()
	list := `"` + strings.Join(hosts, `", "`) + `"`
	cfg := stacktest.Load(t, "use: house\nretries: 0\nproviders: [{name: house, kind: ollama, model: m, hosts: ["+list+"]}]\n"+text, nil, nil)
	s, err := Open(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A provider with several hosts is asked as any other, and says which host answered.
func TestAPoolIsOneProvider(t *testing.T) {
	bad, _ := gpu(t, hangsUp)
	good, calls := gpu(t, answers)
	s := openPool(t, Options{StateDir: t.TempDir()}, "", bad, good)
	r, err := stacktest.Ask(s, provider.Request{})
	if err != nil || r.Text != "hello" || r.Route.Provider != "house" || r.Route.Host != good || r.Route.Endpoint != "http://"+good || !r.Route.Local {
		t.Fatalf("answer %+v, route %+v, %v", r.Text, r.Route, err)
	}
	var seen []string
	for _, a := range r.Route.Attempts {
		seen = append(seen, a.Who()+" "+string(a.Outcome))
	}
	if want := []string{"house/" + bad + " failed", "house/" + good + " answered"}; !slices.Equal(seen, want) {
		t.Errorf("attempts %q, want %q", seen, want)
	}
	if !strings.Contains(r.Route.Reason, "house/"+bad+" failed") {
		t.Errorf("the reason does not tell of the other host: %q", r.Route.Reason)
	}
	before := calls.Load()
	target, _ := s.Target("house")
	e, ok := provider.As[provider.Embedder](target.Provider)
	if !ok {
		t.Fatal("it makes no vectors")
	}
	v, err := e.Embed(t.Context(), provider.EmbedRequest{Input: []string{"x"}})
	if err != nil || len(v.Vectors) != 1 || v.Route.Host == "" {
		t.Errorf("vectors %+v, %v, %d calls", v, err, calls.Load()-before)
	}
}

// An error of a call that only one host was asked for names that host.
func TestAnErrorNamesTheHost(t *testing.T) {
	for what, chat := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"bad thing"}`)
		},
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"model":"m","message":{"role":"assistant","content":"hel"},"done":false}`+"\n")
		},
	} {
		t.Run(what, func(t *testing.T) {
			host, calls := gpu(t, chat)
			other, more := gpu(t, chat)
			s := openPool(t, Options{StateDir: t.TempDir()}, "", host, other)
			_, err := stacktest.Ask(s, provider.Request{})
			if more.Load() > 0 {
				host = other
			}
			if calls.Load()+more.Load() != 1 || err == nil || !strings.Contains(err.Error(), host) {
				t.Errorf("%d calls, %v; want one, and its host %s named", calls.Load()+more.Load(), err, host)
			}
		})
	}
}

// An error of all hosts names each.
func TestAPoolOfWhichNoneAnswers(t *testing.T) {
	a, _ := gpu(t, hangsUp)
	b := stacktest.Nobody(t)
	_, err := stacktest.Ask(openPool(t, Options{}, "", a, b), provider.Request{})
	var f *router.Failure
	if !errors.As(err, &f) || !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "house/"+a) || !strings.Contains(err.Error(), "house/"+b) {
		t.Errorf("%v; want an error with both hosts", err)
	}
}

// A pool is local only where each host is. Nothing of a prompt that has to stay goes to
// any host otherwise, not even to the one that is here.
func TestAPoolIsLocalWhereEachHostIs(t *testing.T) {
	a, calls := gpu(t, answers)
	b, _ := gpu(t, answers)
	private := provider.Request{Privacy: provider.PrivacyLocal}
	if r, err := stacktest.Ask(openPool(t, Options{}, "", a, b), private); err != nil || !r.Route.Local {
		t.Errorf("of two hosts here: %+v, %v", r.Route, err)
	}
	before := calls.Load()
	for what, text := range map[string]string{"privacy: local": "privacy: local\n", "offline": "offline: true\n", "the request's": ""} {
		s := openPool(t, Options{}, text, a, "192.0.2.1:11434")
		_, err := stacktest.Ask(s, private)
		if k := provider.KindOf(err); k != provider.Private && k != provider.Offline {
			t.Errorf("%s: %v; want Private or Offline", what, err)
		}
		if err == nil || !strings.Contains(err.Error(), "192.0.2.1:11434 is not on this machine") {
			t.Errorf("%s: the error does not name the host elsewhere: %v", what, err)
		}
	}
	if calls.Load() != before {
		t.Error("the host here was asked")
	}
}

// What another process drains, this one sees at its next call.
func TestDrainingIsSharedByProcesses(t *testing.T) {
	dir := t.TempDir()
	a, calls := gpu(t, answers)
	b, _ := gpu(t, answers)
	one, other := openPool(t, Options{StateDir: dir}, "", a, b), openPool(t, Options{StateDir: dir}, "", a, b)
	if changed, err := one.SetDrained("house", a, true); err != nil || !changed {
		t.Fatal(changed, err)
	}
	for range 3 {
		if r, err := stacktest.Ask(other, provider.Request{}); err != nil || r.Route.Host != b {
			t.Fatalf("answered by %+v, %v; want the host that is not drained", r.Route, err)
		}
	}
	if calls.Load() > 0 {
		t.Error("the drained host was asked")
	}
	if changed, err := one.SetDrained("house", a, false); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if changed, err := one.SetDrained("house", a, false); err != nil || changed {
		t.Error("undrained twice", changed, err)
	}
	if _, err := one.SetDrained("house", "gpu9:1", true); !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), a) {
		t.Errorf("a host that there is not: %v", err)
	}
}

// -j auto begins with what all hosts serve together.
func TestThePaceOfAPoolIsThatOfItsHosts(t *testing.T) {
	a, _ := gpu(t, answers)
	b, _ := gpu(t, answers)
	set := &pace.Set{}
	s := openPool(t, Options{Pace: set}, "", a, b)
	s.BoundPace(t.Context(), "house")
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil {
		t.Fatal(err)
	}
	one := (&pace.Set{}).OfHost("another", a, pace.Config{Local: true}).Limit()
	if n := set.Rows("house"); n != 2*one {
		t.Errorf("%d rows at a time, want what two hosts begin with: %d", n, 2*one)
	}
}

// A reload that does not change the provider keeps what is known of its hosts.
func TestAReloadKeepsThePool(t *testing.T) {
	a, _ := gpu(t, answers)
	b, _ := gpu(t, answers)
	s := openPool(t, Options{}, "", a, b)
	before, _ := s.Pool("house")
	next, err := s.Reload(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	if after, ok := next.Pool("house"); !ok || before != after {
		t.Error("the pool was made anew")
	}
}

// A host that answers to all but the call gives the call back after timeouts.first_token.
func TestAHostThatSitsOnACallGivesItBack(t *testing.T) {
	for what, chat := range map[string]http.HandlerFunc{
		"no head": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"a head, and no content": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(what, func(t *testing.T) {
			hung, _ := gpu(t, chat)
			good, _ := gpu(t, answers)
			list := fmt.Sprintf("[%q, %q]", hung, good)
			cfg := stacktest.Load(t, "use: house\nretries: 0\nproviders: [{name: house, kind: ollama, model: m, timeouts: {first_token: 1s}, hosts: "+list+"}]\n", nil, nil)
			s, err := Open(cfg, Options{StateDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			r, err := stacktest.Ask(s, provider.Request{})
			if err != nil || r.Route.Host != good || len(r.Route.Attempts) != 2 {
				t.Fatalf("answer %q, route %+v, %v; want the other host's", r.Text, r.Route, err)
			}
			if a := r.Route.Attempts[0]; a.Host != hung || a.Kind != provider.Timeout || !strings.Contains(a.Reason, "first_token") {
				t.Errorf("attempt %+v; want the host that hangs, and timeouts.first_token", a)
			}
		})
	}
}

// A model that no host has is missing on each, and the error names them.
func TestAMissingModelNamesTheHosts(t *testing.T) {
	a, _ := gpu(t, answers)
	b, _ := gpu(t, answers)
	s := openPool(t, Options{StateDir: t.TempDir()}, "", a, b)
	_, err := stacktest.Ask(s, provider.Request{Model: "other"})
	err = s.ExplainMissing(t.Context(), err, "")
	if err == nil || !errors.Is(err, provider.ModelNotFound) || !strings.Contains(err.Error(), `house: model "other" is not installed on any of its hosts, `+a+", "+b) {
		t.Errorf("%v; want the model and both hosts named", err)
	}
}
