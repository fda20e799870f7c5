package router_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		_ = os.Unsetenv(name) // a test's connections are its own
	}
	goleak.VerifyTestMain(m)
}

func target(name string, answers ...providertest.Answer) router.Target {
	return router.Target{Provider: &providertest.Fake{ProviderName: name, Answers: answers, List: []provider.Model{{Name: "of-" + name}}}}
}

func calls(t router.Target) int { return len(t.Provider.(*providertest.Fake).Calls()) }

func newRouter(t *testing.T, use string, targets ...router.Target) *router.Router {
	t.Helper()
	r, err := router.New(router.Config{Use: strings.Fields(use), Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ask(ctx context.Context, r *router.Router, req provider.Request) (provider.Response, error) {
	req.Messages = []provider.Message{provider.User("hi")}
	return provider.Collect(r.Chat(ctx, req))
}

func yes(context.Context) bool { return true }

// The Kinds, each with whether another target may do what this one could not.
var fallsBack = map[provider.Kind]bool{
	provider.Unavailable: true, provider.ModelNotFound: true, provider.Timeout: true, provider.OutOfMemory: true,
	provider.Unsupported: true, provider.Offline: true, provider.Private: true,
	provider.RateLimited: true, provider.QuotaExhausted: true, provider.Denied: true, provider.ContextOverflow: true,
	provider.Truncated: true, provider.BadAnswer: true, provider.OverBudget: true,
	provider.Invalid: false, provider.Filtered: false,
}

func TestNextIsAskedOnlyForWhatItMayDo(t *testing.T) {
	for kind, next := range fallsBack {
		a, b := target("a", providertest.Fails(kind)), target("b", providertest.Text("from b"))
		r, err := ask(t.Context(), newRouter(t, "a b", a, b), provider.Request{})
		if (calls(b) == 1) != next || calls(a) != 1 {
			t.Errorf("%s: the next was asked %d times, the first %d", kind, calls(b), calls(a))
		}
		if !next {
			if provider.KindOf(err) != kind || r.Text != "" {
				t.Errorf("%s: got %q, %v", kind, r.Text, err)
			}
			continue
		}
		if err != nil || r.Text != "from b" || r.Route.Provider != "b" || r.Route.Reason != "fallback: a: as scripted" {
			t.Errorf("%s: %+v, %v", kind, r, err)
			continue
		}
		if at := r.Route.Attempts; len(at) != 2 || at[0].Outcome != provider.OutcomeFailed || at[0].Kind != kind || at[0].Reason != "as scripted" ||
			at[1].Provider != "b" || at[1].Outcome != provider.OutcomeAnswered || at[1].Took > r.Route.Total {
			t.Errorf("%s: attempts %+v", kind, at)
		}
	}
}

func TestOrderIsTheCallers(t *testing.T) {
	r := newRouter(t, "a b", target("a"), target("b"), target("c"))
	for use, want := range map[string]string{"": "a", "b": "b", "c a": "c"} {
		got, err := ask(t.Context(), r, provider.Request{Use: strings.Fields(use)})
		if err != nil || got.Route.Provider != want || got.Route.Reason != "first choice" {
			t.Errorf("use %q: %+v, %v", use, got.Route, err)
		}
	}
	if _, err := ask(t.Context(), r, provider.Request{Use: []string{"b", "d"}}); provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), "a, b, c") {
		t.Errorf("an unknown target: %v, want Invalid and the names there are", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for what, tc := range map[string]struct {
		use     []string
		targets []router.Target
	}{
		"nothing":       {nil, nil},
		"unknown":       {[]string{"b"}, []router.Target{target("a")}},
		"a name twice":  {[]string{"a"}, []router.Target{target("a"), target("a")}},
		"no target too": {[]string{"a"}, nil},
	} {
		if _, err := router.New(router.Config{Use: tc.use, Targets: tc.targets}); provider.KindOf(err) != provider.Invalid {
			t.Errorf("%s: %v, want Invalid", what, err)
		}
	}
}

func TestContentIsNeverFollowedByAnother(t *testing.T) {
	for kind := range fallsBack {
		for what, first := range map[string]providertest.Answer{
			"text": fails(kind, "partial"), "thinking": {Thinking: "Hm.", Err: provider.Errorf(kind, "", "", "as scripted")},
		} {
			b := target("b")
			r, err := ask(t.Context(), newRouter(t, "a b", target("a", first), b), provider.Request{})
			if provider.KindOf(err) != kind || calls(b) != 0 || r.Text+r.Thinking == "" {
				t.Errorf("%s after %s: %+v, %v, and the next was asked %d times", kind, what, r, err, calls(b))
			}
		}
	}
}

func TestPrivateGoesToLocalTargetsOnly(t *testing.T) {
	private := provider.Request{Privacy: provider.PrivacyLocal}
	a, b, c := target("a"), target("b"), target("c", providertest.Text("from c"))
	b.Local, c.Local = func(context.Context) bool { return false }, yes
	r, err := ask(t.Context(), newRouter(t, "a b c", a, b, c), private)
	if err != nil || r.Text != "from c" || calls(a)+calls(b) != 0 {
		t.Fatalf("%+v, %v; others were asked %d times", r, err, calls(a)+calls(b))
	}
	if got := c.Provider.(*providertest.Fake).Calls()[0].Privacy; got != provider.PrivacyLocal {
		t.Errorf("the target was asked with privacy %q: it must check again", got)
	}
	for _, at := range r.Route.Attempts[:2] {
		if at.Outcome != provider.OutcomeSkipped || at.Kind != provider.Private {
			t.Errorf("attempt %+v, want it skipped as private", at)
		}
	}
	if _, err := ask(t.Context(), newRouter(t, "a b", a, b), private); provider.KindOf(err) != provider.Private || calls(a)+calls(b) != 0 {
		t.Errorf("nobody local: %v, want Private and no call", err)
	}
}

func TestUnreadyIsSkipped(t *testing.T) {
	unready := target("a")
	unready.Ready = func(context.Context) error {
		return provider.Errorf(provider.Denied, "a", "", "OPENAI_API_KEY is not set")
	}
	r, err := ask(t.Context(), newRouter(t, "a b", unready, target("b")), provider.Request{})
	if err != nil || r.Route.Provider != "b" || r.Route.Attempts[0].Outcome != provider.OutcomeSkipped || !strings.Contains(r.Route.Reason, "OPENAI_API_KEY") {
		t.Errorf("%+v, %v", r.Route, err)
	}
	if calls(unready) != 0 {
		t.Error("it was asked")
	}
	_, err = ask(t.Context(), newRouter(t, "a", unready), provider.Request{})
	if provider.KindOf(err) != provider.Denied || err.Error() != "a: denied: OPENAI_API_KEY is not set" {
		t.Errorf("alone: %v, want its own error", err)
	}
	ready := target("b")
	ready.Ready = func(context.Context) error { t.Error("its turn did not come"); return nil }
	if _, err := ask(t.Context(), newRouter(t, "a b", target("a"), ready), provider.Request{}); err != nil {
		t.Error(err)
	}
}

func TestFailureTellsOfAll(t *testing.T) {
	for _, tc := range []struct {
		a, b provider.Kind
		want string
	}{
		{provider.Unavailable, provider.Unavailable, "no provider answered: unavailable: a: as scripted; b: as scripted"},
		{provider.ModelNotFound, provider.ModelNotFound, "no provider answered: model not found: a: as scripted; b: as scripted"},
		{provider.ModelNotFound, provider.Timeout, "no provider answered: unavailable: a: as scripted; b: as scripted"},
		{provider.Unavailable, provider.Denied, "no provider answered: unavailable: a: as scripted; b: as scripted"},
		{provider.Unavailable, provider.Invalid, "no provider answered: invalid: a: as scripted; b: as scripted"},
	} {
		_, err := ask(t.Context(), newRouter(t, "a b", target("a", providertest.Fails(tc.a)), target("b", providertest.Fails(tc.b))), provider.Request{Model: ""})
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s, %s: %v, want %s", tc.a, tc.b, err, tc.want)
		}
		var f *router.Failure
		if !errors.As(err, &f) || len(f.Attempts) != 2 || f.Attempts[0].Kind != tc.a || f.Attempts[1].Kind != tc.b {
			t.Errorf("%s, %s: the failure lists %+v", tc.a, tc.b, f)
		}
	}
	_, err := ask(t.Context(), newRouter(t, "a", target("a", providertest.Fails(provider.OutOfMemory))), provider.Request{})
	var f *router.Failure
	if err == nil || err.Error() != "a: out of memory: as scripted" || !errors.As(err, &f) || len(f.Attempts) != 1 {
		t.Errorf("a single target's own error: %v, %+v", err, f)
	}
}

func TestCancelWhileATargetGetsReady(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a, b := target("a"), target("b")
	a.Ready = func(ctx context.Context) error { cancel(); return ctx.Err() }
	if _, err := ask(ctx, newRouter(t, "a b", a, b), provider.Request{}); err != context.Canceled || calls(b) != 0 {
		t.Errorf("got %v (%T), want context.Canceled unchanged, and nobody else asked", err, err)
	}
	if _, err := newRouter(t, "a b", a, b).Models(ctx); err != context.Canceled {
		t.Errorf("Models: got %v (%T), want context.Canceled unchanged", err, err)
	}
}

func TestBreakStopsTheTarget(t *testing.T) {
	a, b := target("a", providertest.Text("one", "two")), target("b")
	n := 0
	for range newRouter(t, "a b", a, b).Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}) {
		n++
		break
	}
	if n != 1 || calls(b) != 0 {
		t.Errorf("%d chunks, and the next was asked %d times", n, calls(b))
	}
}

func TestModelsAreThoseOfAll(t *testing.T) {
	unready := target("a")
	unready.Ready = func(context.Context) error { return provider.Errorf(provider.Denied, "a", "", "no key") }
	models, err := newRouter(t, "b a c", unready, target("b"), target("c")).Models(t.Context())
	if err != nil || len(models) != 2 || models[0].Name != "of-b" || models[1].Name != "of-c" {
		t.Errorf("%+v, %v", models, err)
	}
	if _, err := newRouter(t, "a", unready).Models(t.Context()); provider.KindOf(err) != provider.Denied {
		t.Errorf("of none: %v, want Denied", err)
	}
}

func TestRouterOverFakesIsWell(t *testing.T) {
	providertest.TestLive(t, providertest.Live{
		New: func(t *testing.T) provider.Provider {
			dead := target("dead", providertest.Fails(provider.Unavailable))
			dead.Provider.(*providertest.Fake).List = nil
			colours := providertest.Text("red", " orange", " yellow", " green", " blue")
			return newRouter(t, "dead fake", dead, router.Target{Provider: &providertest.Fake{
				List: []provider.Model{{Name: "m"}}, Answers: []providertest.Answer{colours},
			}})
		},
		Model: "m", Endpoint: "fake://fake", Answers: "fake", Seed: true, Lists: true,
		OneModel: true, // of two targets with two reasons, neither is the router's
	})
}
