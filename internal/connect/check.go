package connect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/childenv"
)

// Trial is what [Check] runs.
type Trial struct {
	Client  *Client
	Gateway Gateway
	Program string // the client's, with its path
	Environ []string
	OS      string // as runtime.GOOS
	// Transport reaches the gateway.
	Transport http.RoundTripper
	Timeout   time.Duration
}

// Report is what came of a trial.
type Report struct {
	Requests []Request
	Output   string // what the client printed, its end at most
	Errors   string // and on standard error
	Err      error  // how the client failed; nil: it ended well
}

// Request is one that the gateway got from the client.
type Request struct {
	Method, Path string
	Status       int    // 0: no answer came
	Said         string // the beginning of an error's body
}

// Answered reports whether the client asked the gateway, got an answer, and ended well.
func (r Report) Answered() bool {
	return r.Err == nil && slices.ContainsFunc(r.Requests, func(q Request) bool {
		return q.Method == http.MethodPost && q.Status >= 200 && q.Status < 300
	})
}

// Check runs the client once, with a short question. Its settings are written as
// [System.Write] does, but below a home directory of its own, which is removed again,
// with what still runs there;
// the user's files are neither read nor changed. Requests pass through a listener on
// this machine that notes them. The error is for what kept the client from being run.
func Check(ctx context.Context, t Trial) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	home, err := os.MkdirTemp("", "tandem-connect-")
	if err != nil {
		return Report{}, fmt.Errorf("making a directory for the check: %w", err)
	}
	defer func() { EndLeft(home); _ = os.RemoveAll(home) }()
	upstream, err := url.Parse(t.Gateway.URL)
	if err != nil {
		return Report{}, err
	}
	watch := &watcher{}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return Report{}, fmt.Errorf("listening for the client: %w", err)
	}
	server := &http.Server{Handler: watch.proxy(upstream, t.Transport), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	defer func() { _ = server.Close(); <-served }()

	near := t.Gateway
	near.URL = "http://" + l.Addr().String()
	environ := t.environ(home)
	system := &System{OS: t.OS, Home: home, State: filepath.Join(home, "state"), Env: func(name string) string { return valueOf(environ, name) }}
	if _, err := system.Write(t.Client, near); err != nil {
		return Report{}, err
	}
	for _, v := range t.Client.settings(system, near).Also {
		value := v.Value
		if v.From != "" {
			value = valueOf(t.Environ, v.From)
		}
		environ = append(environ, v.Name+"="+value)
	}
	work := filepath.Join(home, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		return Report{}, err
	}
	cmd := exec.CommandContext(ctx, t.Program, t.Client.args(near, "Say hello")...)
	cmd.Dir, cmd.Env = work, environ
	out, errs := &tail{}, &tail{}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Cancel = func() error {
		if t.OS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(os.Interrupt) // so that it ends what it has started
	}
	cmd.WaitDelay = 3 * time.Second
	err = cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it had not ended after %s", t.Timeout)
	}
	return Report{Requests: watch.list(), Output: out.String(), Errors: errs.String(), Err: err}, nil
}

// environ is what the client gets: what any program needs, the key, and no file of the
// user's.
func (t Trial) environ(home string) []string {
	env := slices.DeleteFunc(childenv.Tool(t.Environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		name = strings.ToUpper(name)
		return strings.HasPrefix(name, "XDG_") || slices.Contains([]string{"HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "HOMEDRIVE", "HOMEPATH"}, name)
	})
	env = append(env, "HOME="+home)
	if t.OS == "windows" {
		env = append(env, "USERPROFILE="+home, "APPDATA="+filepath.Join(home, "AppData", "Roaming"), "LOCALAPPDATA="+filepath.Join(home, "AppData", "Local"))
	}
	if key := t.Gateway.KeyEnv; key != "" {
		env = append(env, key+"="+valueOf(t.Environ, key))
		if name := t.Client.key; name != "" {
			env = append(env, name+"="+valueOf(t.Environ, key))
		}
	}
	return append(env, t.Client.env...)
}

// valueOf is a variable of an environment.
func valueOf(environ []string, name string) string {
	for _, kv := range slices.Backward(environ) {
		if key, value, _ := strings.Cut(kv, "="); key == name {
			return value
		}
	}
	return ""
}

// watcher notes the requests that pass.
type watcher struct {
	mu       sync.Mutex
	requests []Request
}

// maxNoted is how many requests are noted.
const maxNoted = 200

func (w *watcher) list() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

func (w *watcher) note(req *http.Request, status int, said string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) < maxNoted {
		w.requests = append(w.requests, Request{req.Method, req.URL.Path, status, said})
	}
}

func (w *watcher) proxy(upstream *url.URL, transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ModifyResponse: func(resp *http.Response) error {
			said := ""
			if resp.StatusCode >= 400 {
				head, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
				said = strings.Join(strings.Fields(string(head[:min(len(head), 300)])), " ")
				resp.Body = &joined{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
			}
			w.note(resp.Request, resp.StatusCode, said)
			return nil
		},
		ErrorHandler: func(rw http.ResponseWriter, req *http.Request, err error) {
			w.note(req, 0, err.Error())
			rw.WriteHeader(http.StatusBadGateway)
		},
	}
}

// joined is a body of which the beginning was read.
type joined struct {
	io.Reader
	io.Closer
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const maxTail = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if over := len(t.data) - maxTail; over > 0 {
		t.data = append([]byte(nil), t.data[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.data), "�")
}
