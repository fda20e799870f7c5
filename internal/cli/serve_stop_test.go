package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// A gateway that stops ends what does not end by itself: calls, and requests that are no
// calls. One that goes on all the same keeps it from ending no longer than it may.
func TestStopEndsEverything(t *testing.T) {
	engine, gone := hangingOllama(t)
	for name, c := range map[string]struct {
		path, body string
		ends       bool // the engine sees its client leave
	}{
		"a download":        {"/api/pull", `{"model":"huge"}`, true},
		"without a stream":  {"/api/pull", `{"model":"huge","stream":false}`, true},
		"a load":            {"/api/generate", `{"model":"m"}`, true},
		"a call":            {"/api/chat", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, true},
		"what never ends":   {"/never", "", false},
		"nothing under way": {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := gatewaytest.Open(t, "use: [gpu]\nretries: 0\nproviders:\n- {name: gpu, kind: ollama, managed: false, host: '"+strings.TrimPrefix(engine.URL, "http://")+"', model: m}\n")
			g := gateway.New(gateway.Config{Stack: s})
			t.Cleanup(func() { _ = g.Close() })
			stands, err := guard.New(guard.Config{Keys: puller{}, Public: gateway.Public})
			if err != nil {
				t.Fatal(err)
			}
			arrived, never := make(chan struct{}), make(chan struct{})
			defer close(never)
			server := stands.Server(g.Handler())
			requests, end := context.WithCancel(t.Context())
			server.BaseContext = func(net.Listener) context.Context { return requests }
			if c.path == "/never" {
				server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					close(arrived)
					<-never
				})
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			if c.path != "" {
				go func() {
					req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+l.Addr().String()+c.path, strings.NewReader(c.body))
					req.Header.Set("Content-Type", "application/json")
					req.Header.Set("Authorization", "Bearer sk-a")
					if res, err := http.DefaultClient.Do(req); err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
					}
				}()
			}
			switch {
			case c.ends:
				gone.arrives(t)
			case c.path != "":
				<-arrived
			}
			stop := stopping{server: server, g: g, endRequests: end, log: &serveLog{json: true, Logger: slog.New(slog.DiscardHandler)}, drain: 50 * time.Millisecond, end: 200 * time.Millisecond}
			if c.ends {
				stop.end = time.Hour
			}
			if err := stop.run(t.Context(), served); err != nil {
				t.Error(err)
			}
			if c.ends {
				gone.leaves(t)
			}
		})
	}
}

// puller is the one key that there is: it may download models.
type puller struct{}

func (puller) Entries() ([]guard.Entry, error) {
	return []guard.Entry{{Hash: sha256.Sum256([]byte("sk-a")), Caller: guard.Caller{Name: "a", Pull: true}}}, nil
}

// hanging are the requests that an engine has, and never answers.
type hanging struct{ arrived, left chan string }

func (h hanging) arrives(t *testing.T) {
	t.Helper()
	wait(t, h.arrived, "no request reaches the engine")
}

func (h hanging) leaves(t *testing.T) {
	t.Helper()
	wait(t, h.left, "the engine's client does not leave")
}

func wait(t *testing.T, c <-chan string, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatal(what)
	}
}

// hangingOllama is an Ollama whose work never ends.
func hangingOllama(t *testing.T) (*httptest.Server, hanging) {
	t.Helper()
	h := hanging{make(chan string, 9), make(chan string, 9)}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/version":
			fmt.Fprint(w, `{"version":"0.17.4"}`)
		case "/api/tags", "/api/ps":
			fmt.Fprint(w, `{"models":[{"name":"m:latest","model":"m:latest","digest":"aaaa","size":100}]}`)
		case "/api/show":
			fmt.Fprint(w, `{"capabilities":["completion"],"model_info":{}}`)
		default:
			if r.URL.Path == "/api/pull" {
				fmt.Fprintln(w, `{"status":"pulling manifest"}`)
			}
			_ = http.NewResponseController(w).Flush()
			h.arrived <- r.URL.Path
			<-r.Context().Done()
			h.left <- r.URL.Path
		}
	}))
	t.Cleanup(func() {
		engine.CloseClientConnections()
		engine.Close()
	})
	return engine, h
}
