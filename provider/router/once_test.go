package router_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// hangingUp is a server that hangs up in one way, as the second prompt comes over
// a connection or at every prompt, and counts the prompts.
type hangingUp struct {
	*httptest.Server
	mu      sync.Mutex
	prompts int
	conns   map[string]int
}

func newHangingUp(t *testing.T, dialect string, good int, hangUp func(net.Conn)) *hangingUp {
	t.Helper()
	m := &hangingUp{conns: map[string]int{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		defer m.mu.Unlock()
		if r.Method == http.MethodPost {
			m.prompts++
		}
		m.conns[r.RemoteAddr]++
		if m.prompts == 1 || m.conns[r.RemoteAddr] <= good {
			(&speaker{dialect: dialect, stream: len(body) > 0, w: w, r: r}).answer("stop", "Hello")
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		hangUp(c)
		_ = c.Close()
	}))
	t.Cleanup(func() { m.CloseClientConnections(); m.Close() })
	return m
}

func (m *hangingUp) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.prompts
}

// TestOneSendIsOneSend: however a server hangs up, it has seen the prompt as
// often as the route says, and a paid one only once.
func TestOneSendIsOneSend(t *testing.T) {
	ways := map[string]func(net.Conn){
		"a close": func(net.Conn) {},
		"a reset": func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
		"half a head": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-")
		},
		"100 Continue, and a close": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n") },
		"103 for ever": func(c net.Conn) {
			for range 100_000 {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"); err != nil {
					return
				}
			}
		},
		"421 Misdirected Request": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		},
		"101 Switching Protocols": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tandem\r\n\r\n")
		},
	}
	for how, hangUp := range ways {
		for _, dialect := range []string{ollamaAPI, openaiAPI} {
			for _, retries := range []int{0, 2} {
				for _, paid := range []bool{false, true} {
					for _, good := range []int{0, 1} {
						t.Run(fmt.Sprintf("%s, %s, retries %d, paid %v, %d good", how, dialect, retries, paid, good), func(t *testing.T) {
							m := newHangingUp(t, dialect, good, hangUp)
							target := router.Target{Provider: adapter(t, "first", dialect, m.URL, httpx.Options{Keep: time.Minute, FirstToken: 20 * time.Second}), Paid: paid}
							r := mustRouter(t, router.Config{Use: []string{"first"}, Targets: []router.Target{target}, Policy: router.Policy{Retries: &retries}, Clock: (&waiter{}).clock()})
							ask := func() (tries int, err error) {
								got, err := provider.Collect(r.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("Hi.")}}))
								if err == nil {
									return got.Route.Attempts[0].Tries, nil
								}
								var f *router.Failure
								if !errors.As(err, &f) {
									t.Fatal(err)
								}
								return f.Attempts[0].Tries, err
							}
							if _, err := ask(); err != nil {
								t.Fatal(err)
							}
							tries, err := ask()
							if seen := m.count() - 1; seen != tries {
								t.Errorf("the server saw the prompt %d times, and the route says %d: %v", seen, tries, err)
							}
							if (paid || retries == 0) && tries != 1 {
								t.Errorf("it was sent %d times", tries)
							}
							if stale := how == "a close" || how == "a reset"; stale && good == 1 && retries > 0 && !paid && err != nil {
								t.Errorf("a stale connection is not made up for: %v after %d sends", err, tries)
							}
						})
					}
				}
			}
		}
	}
}

// TestAStaleConnectionIsNotTheServersFault: another target is not asked in its
// place.
func TestAStaleConnectionIsNotTheServersFault(t *testing.T) {
	m := newHangingUp(t, ollamaAPI, 1, func(net.Conn) {})
	other := newServer(t, openaiAPI, func(s *speaker) { s.answer("stop", "other") })
	w := &waiter{}
	r := mustRouter(t, router.Config{Use: []string{"first", "second"}, Clock: w.clock(), Targets: []router.Target{
		{Provider: adapter(t, "first", ollamaAPI, m.URL, httpx.Options{Keep: time.Minute})},
		{Provider: adapter(t, "second", openaiAPI, other.URL, httpx.Options{})},
	}})
	for range 2 {
		got, err := provider.Collect(r.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("Hi.")}}))
		if err != nil || got.Route.Provider != "first" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if len(w.waits) != 1 || w.waits[0] != 0 {
		t.Errorf("waited %v; the second try comes at once", w.waits)
	}
}
