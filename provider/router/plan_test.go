package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

func countWords(n int) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(strings.TrimSpace(strings.Repeat("word ", n)))}}
}

func TestPlan(t *testing.T) {
	far, keyless, small, gone, blind, mute, broke, near, next := target("far"), target("keyless"), target("small"), target("gone"), target("blind"), target("mute"), target("broke"), target("near"), target("next")
	for _, x := range []*router.Target{&keyless, &small, &gone, &blind, &mute, &broke, &near, &next} {
		x.Local = yes
	}
	keyless.Ready = func(context.Context) error { return provider.Errorf(provider.Denied, "keyless", "", "no key") }
	small.Window = func(context.Context, *provider.Request) (int, bool) { return 99, true }
	near.Window = func(context.Context, *provider.Request) (int, bool) { return 100, true }
	gone.Present = func(context.Context, string) (bool, bool) { return false, true }
	near.Present = func(context.Context, string) (bool, bool) { return true, true }
	blind.Can = func(context.Context, string) ([]provider.Capability, bool) {
		return []provider.Capability{provider.CanChat}, true
	}
	mute.Can = func(context.Context, string) ([]provider.Capability, bool) {
		return []provider.Capability{provider.CanTools, provider.CanEmbed}, true
	}
	broke.Preflight = []router.Check{func(ctx context.Context, _ *provider.Request) error {
		if !router.Planning(ctx) {
			t.Error("the check was not told that this is a plan")
		}
		return provider.Errorf(provider.OverBudget, "", "", "no money")
	}}
	near.Model = "m"
	near.Quote = func(_ context.Context, _ *provider.Request, n int) (float64, bool) { return float64(n) / 1e6, true }
	r := newRouter(t, "far keyless small gone blind mute broke near next", far, keyless, small, gone, blind, mute, broke, near, next)
	req := countWords(100)
	req.Privacy = provider.PrivacyLocal
	req.Tools = []provider.Tool{{Name: "f", Parameters: []byte(`{}`)}}
	plan, err := r.Plan(t.Context(), req)
	if err != nil || plan.Err() != nil {
		t.Fatal(err, plan.Err())
	}
	want := []struct {
		kind   provider.Kind
		reason string
	}{
		{provider.Private, "not on this machine"},
		{provider.Denied, "no key"},
		{provider.ContextOverflow, "at least 100 tokens, and the context window is 99"},
		{provider.ModelNotFound, "does not have the model"},
		{provider.Unsupported, "does not support tools"},
		{provider.Unsupported, "does not support chat"},
		{provider.OverBudget, "no money"},
		{},
		{},
	}
	for i, c := range plan.Candidates {
		if c.Kind != want[i].kind || !strings.Contains(c.Reason, want[i].reason) || c.Keep != (want[i].kind == "") || !c.Estimated || c.PromptTokens < 100 {
			t.Errorf("candidate %d is %+v, want %+v", i, c, want[i])
		}
	}
	if c := plan.Candidates[7]; c.Window != 100 || c.Model != "m" || c.PromptUSD == nil || *c.PromptUSD <= 0 {
		t.Errorf("the one that is asked: %+v", c)
	}
	for _, x := range []router.Target{far, keyless, small, gone, blind, broke, near, next} {
		if calls(x) != 0 {
			t.Errorf("%s was asked", x.Name())
		}
	}
	req.Use = []string{"far"}
	if plan, err := r.Plan(t.Context(), req); err != nil || !errors.Is(plan.Err(), provider.Private) {
		t.Errorf("nobody is left: %v, %v", err, plan.Err())
	}
	req.Use = []string{"nobody"}
	if _, err := r.Plan(t.Context(), req); !errors.Is(err, provider.Invalid) {
		t.Errorf("an unknown name: %v", err)
	}
	if _, err := r.Plan(t.Context(), provider.Request{}); !errors.Is(err, provider.Invalid) {
		t.Errorf("no messages: %v", err)
	}
}

// What is dropped before a call is dropped in a call, too; what needs a round
// trip is left out where the request does not need it.
func TestPreflight(t *testing.T) {
	blind := target("blind")
	asked := 0
	blind.Can = func(context.Context, string) ([]provider.Capability, bool) {
		asked++
		return []provider.Capability{provider.CanChat}, true
	}
	blind.Present = func(context.Context, string) (bool, bool) { asked++; return false, true }
	r := newRouter(t, "blind b", blind, target("b"))
	if got, err := ask(t.Context(), r, provider.Request{}); err != nil || got.Route.Provider != "blind" || asked != 0 {
		t.Errorf("an ordinary question: %+v, %v, and %d questions to the server", got.Route, err, asked)
	}
	for what, req := range map[string]provider.Request{
		"does not support tools":    {Tools: []provider.Tool{{Name: "f", Parameters: []byte(`{}`)}}},
		"does not support images":   {Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{{Data: []byte("x")}}}}},
		"does not support thinking": {Think: provider.ThinkHigh},
	} {
		if req.Messages == nil {
			req.Messages = []provider.Message{provider.User("hi")}
		}
		got, err := provider.Collect(r.Chat(t.Context(), req))
		if err != nil || got.Route.Provider != "b" || !strings.Contains(got.Route.Reason, what) {
			t.Errorf("%s: %+v, %v", what, got.Route, err)
		}
	}
	offline, err := router.New(router.Config{Use: []string{"blind"}, Targets: []router.Target{blind}, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), offline, provider.Request{}); !errors.Is(err, provider.Offline) {
		t.Errorf("offline: %v", err)
	}
	dear, checks := target("dear"), 0
	dear.Preflight = []router.Check{func(ctx context.Context, _ *provider.Request) error {
		checks++
		if router.Planning(ctx) {
			t.Error("a call is no plan")
		}
		return provider.Errorf(provider.OverBudget, "", "", "no money")
	}}
	if _, err := ask(t.Context(), newRouter(t, "dear", dear), provider.Request{}); err == nil || err.Error() != "dear: over budget: no money" || checks != 1 {
		t.Errorf("a check: %v, asked %d times", err, checks)
	}
}

// The prompt's size is estimated before the call, and counted after it.
func TestPromptSizeIsTold(t *testing.T) {
	r := newRouter(t, "dead b", failing("dead", provider.Error{Kind: provider.Unavailable}, 99), target("b"))
	got, err := provider.Collect(r.Chat(t.Context(), countWords(100)))
	if err != nil {
		t.Fatal(err)
	}
	dead, b := got.Route.Attempts[0], got.Route.Attempts[1]
	if !dead.Estimated || dead.PromptTokens < 100 || dead.PromptTokens > 250 || b.Estimated || b.PromptTokens != 1 {
		t.Errorf("attempts %+v; want an estimate, and the count that came with the answer", got.Route.Attempts)
	}
	// No tokenizer joins words, so that only what surely does not fit is kept
	// from the engine; a text without spaces might.
	tight := target("tight")
	tight.Window = func(context.Context, *provider.Request) (int, bool) { return 99, true }
	if _, err := provider.Collect(newRouter(t, "tight", tight).Chat(t.Context(), countWords(100))); !errors.Is(err, provider.ContextOverflow) || calls(tight) != 0 {
		t.Errorf("100 words in a window of 99: %v", err)
	}
	long := provider.Request{Messages: []provider.Message{provider.User(strings.Repeat("word", 1000))}}
	if _, err := provider.Collect(newRouter(t, "tight", tight).Chat(t.Context(), long)); err != nil {
		t.Errorf("what might fit: %v", err)
	}
}

// counted is a target whose server has its tokenizer's word.
type counted struct{ provider.Provider }

func (counted) CountTokens(context.Context, provider.Request) (int, bool, error) {
	return 42, true, nil
}

// A plan has the prompt counted where that sends it nowhere, and estimates it
// elsewhere.
func TestAPlanCountsOnThisMachineOnly(t *testing.T) {
	for here, want := range map[bool]bool{true: false, false: true} {
		b := target("b")
		b.Provider = counted{b.Provider}
		b.Local = func(context.Context) bool { return here }
		plan, err := newRouter(t, "b", b).Plan(t.Context(), countWords(3))
		if err != nil {
			t.Fatal(err)
		}
		if c := plan.Candidates[0]; c.Estimated != want || (c.PromptTokens == 42) == want {
			t.Errorf("on this machine %v: %+v", here, c)
		}
	}
}
