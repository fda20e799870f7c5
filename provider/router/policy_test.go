package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// failing is a fake that fails with e, so often as times, and then answers.
func failing(name string, e provider.Error, times int) router.Target {
	var answers []providertest.Answer
	e.Err = errors.New("as scripted")
	for range times {
		answers = append(answers, providertest.Answer{Err: &e})
	}
	return target(name, append(answers, providertest.Text("from "+name))...)
}

func TestOneRetryLoop(t *testing.T) {
	sent := provider.Error{Kind: provider.Unavailable, Sent: true, Status: 503}
	after := func(d time.Duration) provider.Error {
		return provider.Error{Kind: provider.RateLimited, Sent: true, Status: 429, RetryAfter: d}
	}
	const ms = time.Millisecond
	for what, tc := range map[string]struct {
		e      provider.Error
		policy router.Policy
		paid   bool
		other  bool            // another target stands behind
		waits  []time.Duration // the most that is waited before each retry
	}{
		"twice, and longer":         {e: sent, waits: []time.Duration{50 * ms, 100 * ms}},
		"as often as said":          {e: sent, policy: router.Policy{Retries: provider.Ptr(4)}, waits: []time.Duration{50 * ms, 100 * ms, 200 * ms, 400 * ms}},
		"not at all":                {e: sent, policy: router.Policy{Retries: provider.Ptr(0)}},
		"no wait beyond 20 s":       {e: after(0), policy: router.Policy{Retries: provider.Ptr(7)}, waits: []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 20e9, 20e9}},
		"what the server asks for":  {e: after(7 * time.Second), waits: []time.Duration{7050 * ms, 7100 * ms}},
		"a minute at most":          {e: after(61 * time.Second)},
		"nothing final":             {e: provider.Error{Kind: provider.Unavailable, Final: true}},
		"our own clock":             {e: provider.Error{Kind: provider.Timeout, Sent: true}},
		"the server's clock":        {e: provider.Error{Kind: provider.Timeout, Sent: true, Status: 504}, waits: []time.Duration{50 * ms, 100 * ms}},
		"paid and refused":          {e: sent, paid: true, waits: []time.Duration{50 * ms, 100 * ms}},
		"paid and not sent":         {e: provider.Error{Kind: provider.Unavailable}, paid: true, waits: []time.Duration{50 * ms, 100 * ms}},
		"paid, and perhaps charged": {e: provider.Error{Kind: provider.Unavailable, Sent: true}, paid: true},
		"paid, charged, told so":    {e: provider.Error{Kind: provider.Unavailable, Sent: true}, paid: true, policy: router.Policy{RetryPaid: true}, waits: []time.Duration{50 * ms, 100 * ms}},
		"another, not reached":      {e: provider.Error{Kind: provider.Unavailable}, other: true},
		"another, reached":          {e: sent, other: true, waits: []time.Duration{50 * ms}},
		"another, short wait":       {e: after(200 * ms), other: true, waits: []time.Duration{250 * ms}},
		"another, long wait":        {e: after(201 * ms), other: true},
		"another, 429":              {e: after(0), other: true},
	} {
		t.Run(what, func(t *testing.T) {
			a, b := failing("a", tc.e, 20), target("b")
			a.Paid = tc.paid
			w := &waiter{}
			cfg := router.Config{Use: []string{"a"}, Targets: []router.Target{a, b}, Policy: tc.policy, Clock: w.clock()}
			if tc.other {
				cfg.Use = append(cfg.Use, "b")
			}
			r, err := ask(t.Context(), mustRouter(t, cfg), provider.Request{})
			if (err == nil) != tc.other {
				t.Fatalf("got %+v, %v", r, err)
			}
			if len(w.waits) != len(tc.waits) || calls(a) != len(tc.waits)+1 {
				t.Fatalf("waited %v for %d calls, want %v", w.waits, calls(a), tc.waits)
			}
			for i := range w.waits {
				if w.waits[i] != tc.waits[i] {
					t.Errorf("waited %v, want %v", w.waits, tc.waits)
				}
			}
		})
	}
}

func TestARetryAnswers(t *testing.T) {
	a := failing("a", provider.Error{Kind: provider.Unavailable, Sent: true, Status: 503}, 2)
	r, err := ask(t.Context(), mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{a}, Clock: (&waiter{}).clock()}), provider.Request{})
	if err != nil || r.Text != "from a" || r.Route.Reason != "first choice" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if at := r.Route.Attempts; len(at) != 1 || at[0].Tries != 3 || at[0].Outcome != provider.OutcomeAnswered || at[0].SentTo != "fake://a" {
		t.Errorf("attempts %+v, want one of three tries", at)
	}
}

func TestNobodyElseMeansNobodyWhoMay(t *testing.T) {
	a, b := failing("a", provider.Error{Kind: provider.Unavailable}, 9), target("b")
	b.Ready = func(context.Context) error { return provider.Errorf(provider.Denied, "b", "", "no key") }
	_, err := ask(t.Context(), mustRouter(t, router.Config{Use: []string{"a", "b"}, Targets: []router.Target{a, b}, Clock: (&waiter{}).clock()}), provider.Request{})
	if err == nil || calls(a) != 3 {
		t.Errorf("asked %d times, %v; want all retries, for the other cannot answer", calls(a), err)
	}
}

// A thousand requests to a target that is down cost at most 1,035 calls, the
// breaker apart.
func TestRetriesHaveABudget(t *testing.T) {
	for what, e := range map[string]provider.Error{
		"limited, which opens no breaker": {Kind: provider.RateLimited, Status: 429, Sent: true},
		"unavailable":                     {Kind: provider.Unavailable},
	} {
		a := failing("a", e, 5000)
		r := mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{a}, Clock: (&waiter{}).clock()})
		for range 1000 {
			if _, err := ask(t.Context(), r, provider.Request{}); err == nil {
				t.Fatal("answered")
			}
		}
		n := calls(a)
		t.Logf("%s: %d calls", what, n)
		if n > 1035 || e.Kind == provider.RateLimited && n < 1020 {
			t.Errorf("%s: %d calls for 1,000 requests, want 1,020 to 1,035, or fewer by the breaker", what, n)
		}
	}
}

func TestDeadlineEndsTheRetries(t *testing.T) {
	a := failing("a", provider.Error{Kind: provider.RateLimited, Status: 429, Sent: true, RetryAfter: 30 * time.Second}, 9)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := ask(ctx, mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{a}}), provider.Request{})
	if !errors.Is(err, provider.RateLimited) || calls(a) != 1 || ctx.Err() != nil {
		t.Errorf("got %v after %d calls; want the failure at once, for the wait is longer than there is time", err, calls(a))
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	a := failing("a", provider.Error{Kind: provider.RateLimited, Status: 429, Sent: true, RetryAfter: 30 * time.Second}, 9)
	ctx, cancel := context.WithCancel(t.Context())
	r := mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{a}, Observe: func(e router.Event) {
		if e.Type == router.Retrying {
			cancel()
		}
	}})
	if _, err := ask(ctx, r, provider.Request{}); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled unchanged", err)
	}
}

// slow answers after so long.
func slow(name string, d time.Duration) router.Target {
	return target(name, providertest.Answer{Text: []string{"late"}, Delay: d})
}

func TestTotalClocks(t *testing.T) {
	const short, long = 30 * time.Millisecond, time.Minute
	a := slow("a", long)
	a.Total = short
	r := mustRouter(t, router.Config{Use: []string{"a", "b"}, Targets: []router.Target{a, target("b")}})
	got, err := ask(t.Context(), r, provider.Request{})
	if err != nil || got.Route.Provider != "b" {
		t.Fatalf("a target's own: %+v, %v; want the next to answer", got, err)
	}
	if at := got.Route.Attempts[0]; at.Kind != provider.Timeout || at.Reason != "no complete answer within 30ms (timeouts.total)" {
		t.Errorf("attempt %+v", at)
	}
	b := target("b")
	r = mustRouter(t, router.Config{Use: []string{"a", "b"}, Targets: []router.Target{slow("a", long), b}, Policy: router.Policy{Total: short}})
	_, err = ask(t.Context(), r, provider.Request{})
	if !errors.Is(err, provider.Timeout) || errors.Is(err, context.DeadlineExceeded) || calls(b) != 0 || !strings.Contains(err.Error(), "within 30ms") {
		t.Errorf("the request's: %v, and the next was asked %d times; want a Timeout and nobody else asked", err, calls(b))
	}
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	r = mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{slow("a", long)}, Policy: router.Policy{Total: long}})
	if _, err = ask(ctx, r, provider.Request{}); err != context.DeadlineExceeded {
		t.Errorf("the caller's: %v (%T), want context.DeadlineExceeded unchanged", err, err)
	}
}

func TestOverflowPassesOnToALargerWindow(t *testing.T) {
	window := func(n int) func(context.Context, *provider.Request) (int, bool) {
		return func(context.Context, *provider.Request) (int, bool) { return n, n > 0 }
	}
	a, same, unknown, larger := target("a", providertest.Fails(provider.ContextOverflow)), target("same"), target("unknown", providertest.Fails(provider.ContextOverflow)), target("larger")
	a.Window, same.Window, unknown.Window, larger.Window = window(4096), window(4096), window(0), window(8192)
	r, err := ask(t.Context(), newRouter(t, "a same unknown larger", a, same, unknown, larger), provider.Request{})
	if err != nil || r.Route.Provider != "larger" || calls(same) != 0 || calls(unknown) != 1 {
		t.Fatalf("got %+v, %v", r.Route, err)
	}
	if at := r.Route.Attempts[1]; at.Outcome != provider.OutcomeSkipped || at.Kind != provider.ContextOverflow || !strings.Contains(at.Reason, "not larger") {
		t.Errorf("attempt %+v", at)
	}
}

func TestWatching(t *testing.T) {
	var lines []string
	unready := target("unready")
	unready.Ready = func(context.Context) error { return provider.Errorf(provider.Denied, "unready", "", "no key") }
	a := failing("a", provider.Error{Kind: provider.Unavailable, Status: 503, Sent: true}, 9)
	a.Model = "m"
	r := mustRouter(t, router.Config{
		Use: []string{"unready", "a", "b"}, Targets: []router.Target{unready, a, target("b")},
		Clock:   router.Clock{Now: func() time.Time { return time.Unix(1e9, 0) }, Jitter: func(d time.Duration) time.Duration { return d }},
		Observe: func(e router.Event) { lines = append(lines, e.String()) },
	})
	if _, err := ask(t.Context(), r, provider.Request{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"skipped unready: no key",
		"asking a (m)", "a failed after 0 s: as scripted", "retrying a in 50 ms: as scripted",
		"asking a (m)", "a failed after 0 s: as scripted", "asking b",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("saw\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// Nobody is asked, looked up or made ready for a picture that a server would
// fetch from elsewhere.
func TestNoImageURLLeavesByAServer(t *testing.T) {
	req := provider.Request{Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{{URL: "https://example.org/x.png"}}}}}
	for what, tc := range map[string]struct {
		offline bool
		privacy provider.Privacy
		asked   int
	}{
		"anywhere": {asked: 1},
		"local":    {privacy: provider.PrivacyLocal},
		"offline":  {offline: true},
		"both":     {offline: true, privacy: provider.PrivacyLocal},
	} {
		fakes, touched := []*providertest.Fake{{ProviderName: "a"}, {ProviderName: "b"}}, 0
		cfg := router.Config{Use: []string{"a", "b"}, Offline: tc.offline}
		for _, f := range fakes {
			f.Answers = []providertest.Answer{providertest.Text("a picture")}
			cfg.Targets = append(cfg.Targets, router.Target{
				Provider: f, Local: func(context.Context) bool { return true },
				Ready: func(context.Context) error { touched++; return nil },
			})
		}
		r, err := router.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		q := req
		q.Privacy = tc.privacy
		_, err = provider.Collect(r.Chat(t.Context(), q))
		asked := len(fakes[0].Calls()) + len(fakes[1].Calls())
		if asked != tc.asked || touched != tc.asked || (tc.asked == 0) != errors.Is(err, provider.Unsupported) {
			t.Errorf("%s: asked %d times, looked at %d, %v", what, asked, touched, err)
		}
		if plan, err := r.Plan(t.Context(), q); tc.asked == 0 && err == nil && !errors.Is(plan.Err(), provider.Unsupported) {
			t.Errorf("%s: the plan is %+v", what, plan)
		}
	}
}
