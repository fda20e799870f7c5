package providertest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// runFailures checks that what a server says of a failure is kept, streamed
// and not.
func runFailures(t *testing.T, f Factory) {
	for _, noStream := range []bool{false, true} {
		t.Run("slow down"+map[bool]string{true: ", whole"}[noStream], func(t *testing.T) {
			u := newUpstream(t, func(w *serverAnswer, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("X-Request-Id", "req-1")
				w.WriteHeader(http.StatusTooManyRequests)
				w.send(`{"error":"slow down"}`)
			})
			p := f.New(t, u.URL)
			req := hello()
			req.NoStream = noStream
			_, err := provider.Collect(p.Chat(context.Background(), req))
			checkError(t, p, err, []provider.Kind{provider.RateLimited})
			e, _ := err.(*provider.Error) //nolint:errorlint // the contract says so
			if e.Status != http.StatusTooManyRequests || e.RetryAfter != 7*time.Second || e.RequestID != "req-1" || !strings.Contains(err.Error(), "slow down") {
				t.Errorf("of status 429, Retry-After 7, request req-1 and %q, this is left: %+v", "slow down", e)
			}
		})
	}
	t.Run("the request's id of a cut answer", func(t *testing.T) {
		s := speech{f.Dialect}
		u := newUpstream(t, func(w *serverAnswer, _ *http.Request) {
			s.head(w)
			w.send(s.textEvent("Hello"))
		})
		_, err := provider.Collect(f.New(t, u.URL).Chat(context.Background(), hello()))
		if e, ok := err.(*provider.Error); !ok || e.RequestID != "req-1" { //nolint:errorlint // the contract says so
			t.Errorf("the error does not hold the request's id: %+v", err)
		}
	})
}

// runLeaving checks that who leaves is let go, upstream too.
func runLeaving(t *testing.T, f Factory) {
	s := speech{f.Dialect}
	hang := func(before string) func(*serverAnswer, *http.Request) {
		return func(w *serverAnswer, _ *http.Request) {
			if before != "" {
				s.head(w)
				w.send(before)
			}
			w.wait()
		}
	}
	t.Run("break", func(t *testing.T) {
		u := newUpstream(t, hang(s.textEvent("Hello")))
		for c, err := range f.New(t, u.URL).Chat(context.Background(), hello()) {
			if err != nil || c.Text != "Hello" {
				t.Fatalf("%+v, %v", c, err)
			}
			break
		}
		left(t, u)
	})
	for name, before := range map[string]string{"before headers": "", "mid-stream": s.textEvent("Hello"), "whole": ""} {
		req := hello()
		req.NoStream = name == "whole"
		t.Run("cancel "+name, func(t *testing.T) {
			u := newUpstream(t, hang(before))
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*time.Millisecond, cancel)
			_, err := provider.Collect(f.New(t, u.URL).Chat(ctx, req))
			if err != context.Canceled { //nolint:errorlint // the contract says unchanged
				t.Errorf("got %v (%T), want context.Canceled unchanged", err, err)
			}
			left(t, u)
		})
		t.Run("deadline "+name, func(t *testing.T) {
			u := newUpstream(t, hang(before))
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			_, err := provider.Collect(f.New(t, u.URL).Chat(ctx, req))
			if err != context.DeadlineExceeded { //nolint:errorlint // the contract says unchanged
				t.Errorf("got %v (%T), want context.DeadlineExceeded unchanged", err, err)
			}
			left(t, u)
		})
	}
}

// left waits for the upstream to notice that its client went away.
func left(t *testing.T, u *upstream) {
	t.Helper()
	start := time.Now()
	select {
	case <-u.gone:
		t.Logf("upstream was let go after %s", time.Since(start))
	case <-time.After(leaveLimit):
		t.Errorf("upstream was not let go within %s", leaveLimit)
	}
}

// runRefusals checks what must not reach the server at all.
func runRefusals(t *testing.T, f Factory) {
	u := newUpstream(t, func(w *serverAnswer, _ *http.Request) { speech{f.Dialect}.answer(w, "Hello") })
	for name, tc := range map[string]struct {
		change func(*provider.Request)
		kind   provider.Kind
	}{
		"no messages":    {func(r *provider.Request) { r.Messages = nil }, provider.Invalid},
		"a foreign Use":  {func(r *provider.Request) { r.Use = []string{"somebody-else"} }, provider.Invalid},
		"a bad role":     {func(r *provider.Request) { r.Messages[0].Role = "wizard" }, provider.Invalid},
		"not UTF-8":      {func(r *provider.Request) { r.Messages[0].Text = "\xff" }, provider.Invalid},
		"temperature 3":  {func(r *provider.Request) { r.Temperature = provider.Ptr(3.0) }, provider.Invalid},
		"max tokens 0":   {func(r *provider.Request) { r.MaxTokens = provider.Ptr(0) }, provider.Invalid},
		"empty stop":     {func(r *provider.Request) { r.Stop = []string{""} }, provider.Invalid},
		"schema no JSON": {func(r *provider.Request) { r.Schema = &provider.Schema{JSON: []byte("{")} }, provider.Invalid},
		"think hard":     {func(r *provider.Request) { r.Think = "hard" }, provider.Invalid},
		"unknown option": {func(r *provider.Request) { r.Options = map[string]any{"no_such_option": 1} }, provider.Unsupported},
		"an image by URL that may not leave": {func(r *provider.Request) {
			r.Privacy = provider.PrivacyLocal
			r.Messages[0].Images = []provider.Image{{URL: "https://example.org/x.png"}}
		}, provider.Unsupported},
		"unknown privacy": {func(r *provider.Request) { r.Privacy = "secret" }, provider.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			req := hello()
			tc.change(&req)
			p := f.New(t, u.URL)
			r, err := provider.Collect(p.Chat(context.Background(), req))
			if err == nil {
				t.Fatalf("it was answered: %+v", r)
			}
			checkError(t, p, err, []provider.Kind{tc.kind})
		})
	}
	if n := u.hits.Load(); n != 0 {
		t.Errorf("%d of these requests reached the server", n)
	}
}
