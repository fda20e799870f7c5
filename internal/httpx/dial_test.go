package httpx

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

func TestDialsAreWatched(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{}`)) })
	address := strings.TrimPrefix(s.URL, "http://")
	var told []string
	ctx := WatchDials(t.Context(), func(network, address string) error {
		told = append(told, network+" "+address)
		return nil
	})
	for _, local := range []bool{true, false} {
		if _, err := get(t, ctx, Options{}, &Call{LocalOnly: local}, s.URL); err != nil {
			t.Error(err)
		}
	}
	c, err := LoopbackDialer(time.Second).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if want := strings.Repeat("tcp4 "+address+" ", 3); strings.Join(told, " ")+" " != want {
		t.Errorf("told of %q, want %q", told, want)
	}
	// What is refused is no dial, and what the watch refuses is none either.
	if _, err := get(t, ctx, Options{}, &Call{LocalOnly: true}, elsewhere); provider.KindOf(err) != provider.Private || len(told) != 3 {
		t.Errorf("%v, and told of %q", err, told)
	}
	no := errors.New("no")
	_, err = get(t, WatchDials(t.Context(), func(string, string) error { return no }), Options{}, &Call{}, s.URL)
	if !errors.Is(err, no) {
		t.Errorf("got %v, want the watch's own", err)
	}
}

func TestLoopbackDialerDialsNothingElse(t *testing.T) {
	for _, address := range []string{"192.0.2.1:81", "[::ffff:192.0.2.1]:81", "0.0.0.0:81", "api.example.org:81"} {
		if c, err := LoopbackDialer(time.Second).DialContext(context.Background(), "tcp", address); err == nil {
			c.Close()
			t.Errorf("%s was dialled", address)
		} else if !strings.Contains(err.Error(), "offline mode") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAPolicyThatIsLocalOnly(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{}`)) })
	o := Options{Policy: Policy{LocalOnly: true}}
	for url, want := range map[string]provider.Kind{s.URL: "", elsewhere: provider.Private} {
		if _, err := get(t, t.Context(), o, &Call{}, url); provider.KindOf(err) != want {
			t.Errorf("%s: %v", url, err)
		}
		c := PlainClient(o.Policy, time.Second)
		resp, err := c.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		if provider.KindOf(err) != want {
			t.Errorf("a plain client, %s: %v", url, err)
		}
		c.CloseIdleConnections()
	}
}

func TestPlainClientKeepsToThePolicy(t *testing.T) {
	defer proxied.Store(0)
	var reached atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return
		}
		w.Write([]byte{0, 1, 2}) // no JSON
	})
	c := PlainClient(Policy{Offline: true}, time.Second)
	defer c.CloseIdleConnections()
	ask := func(url string) (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			return 0, err
		}
		resp.Body.Close()
		return resp.StatusCode, nil
	}
	if code, err := ask(s.URL); code != http.StatusOK || err != nil {
		t.Errorf("%d, %v", code, err)
	}
	if code, err := ask(s.URL + "/away"); code != http.StatusTemporaryRedirect || err != nil || reached.Load() != 0 {
		t.Errorf("a redirect: %d, %v, followed %d times", code, err, reached.Load())
	}
	for _, url := range []string{elsewhere, "http://api.example.org/"} {
		if _, err := ask(url); !errors.Is(err, provider.Offline) {
			t.Errorf("%s: %v, want Offline", url, err)
		}
	}
	if n := proxied.Load(); n != 0 {
		t.Errorf("%d calls went to the proxy", n)
	}
}
