// Package engine runs Ollama for the user: it starts `ollama serve` when
// nothing listens where the configuration says, leaves it running so that the
// next call finds the model warm, and stops it after a time without use.
//
// Three processes take part. A command calls [Engine.Ensure], which starts a
// supervisor ([Supervise], the hidden command `tandem engine supervise`),
// detached. The supervisor starts `ollama serve` and watches it. Any of them
// may be killed at any time: locks die with their holder, and the next Ensure
// takes over what is left. A server is known by its process id, its start time,
// its program and a token in its environment together (owned.go); one that is
// not provably the supervisor's is never stopped.
package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
)

// Config says where the server listens and how long it stays.
type Config struct {
	Host   string        // host:port, a loopback address
	Binary string        // the ollama program; empty: looked for, see [FindBinary]
	Idle   time.Duration // stop after this long without use; 0: 15 minutes
	Dir    string        // where state, locks and logs live; made 0700
	Env    []string      // added to the little that the server gets of the environment, KEY=value
	// Supervisor is the command that calls Supervise; empty: this program with
	// the arguments `engine supervise`. The Config follows as flags.
	Supervisor []string
	// StartTimeout is how long a start may take; 0: 60 s.
	StartTimeout time.Duration
}

// DefaultIdle is how long an unused server stays.
const DefaultIdle = 15 * time.Minute

// Engine is the managed server on one host. It holds no resources.
type Engine struct{ cfg Config }

// New returns the engine of a host. It starts nothing.
func New(cfg Config) *Engine {
	if cfg.Idle <= 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = time.Minute
	}
	return &Engine{cfg: cfg}
}

// StateDir is the directory for a host's engine below a state directory.
func StateDir(state, host string) string {
	return filepath.Join(state, "engine", strings.NewReplacer(":", "_", "[", "", "]", "", "/", "_").Replace(host))
}

// Status is what is known of the server on the host.
type Status struct {
	Host      string     `json:"host"`
	Answering bool       `json:"answering"`
	Version   string     `json:"version,omitempty"`
	Taken     bool       `json:"taken"`             // something that is not Ollama has the port
	Ours      bool       `json:"started_by_tandem"` // a process of ours serves the host
	PID       int        `json:"pid,omitempty"`
	Watched   bool       `json:"watched"` // a supervisor will stop it when idle
	Started   *time.Time `json:"started,omitempty"`
	StopsAt   *time.Time `json:"stops_at,omitempty"` // if it is not used before
	Binary    string     `json:"binary,omitempty"`
	Log       string     `json:"log,omitempty"`
	// Why says why the process that the state file names is not taken for ours.
	Why string `json:"not_ours_because,omitempty"`
}

// Status asks the server and reads the state. It starts nothing.
func (e *Engine) Status(ctx context.Context) Status {
	s := Status{Host: e.cfg.Host}
	v, err := e.version(ctx)
	s.Answering, s.Version = err == nil, v
	st, why, ok := e.ownedServer()
	if s.Why = why; ok {
		s.Ours, s.PID, s.Started, s.Binary = true, st.PID, &st.Started, st.Binary
		s.Watched = e.supervised()
		if s.Watched {
			at := e.lastTouch().Add(st.Idle)
			s.StopsAt = &at
		}
	}
	s.Taken = !s.Answering && !s.Ours && !httpx.Refused(err) && e.occupied(ctx)
	if _, err := os.Stat(e.LogPath()); err == nil {
		s.Log = e.LogPath()
	}
	return s
}

// KeepAlive notes that the server is in use, and sees to it that a server of ours
// is watched. It reports whether the server is just being stopped for want of
// use: it should not be asked then; Ensure starts it again. It costs a few
// system calls, and almost nothing for a server that is not ours.
func (e *Engine) KeepAlive() (stopping bool) {
	if !e.Started() {
		return false
	}
	e.touch()
	st, err := e.loadState()
	if err != nil {
		return false
	}
	owned, _ := owned(st, e.inspectProcess(st))
	switch {
	case e.supervised():
		return st.Stopping // the server may have ended already
	case owned:
		e.restartSupervisor()
	}
	return false
}

// Started reports whether the server on the host is one that Tandem started, as far as
// its state says. It costs one system call.
func (e *Engine) Started() bool {
	_, err := os.Stat(e.path(stateFile))
	return err == nil
}

// errNotOllama: something else listens on the host.
var errNotOllama = errors.New("not Ollama")

// version asks the server who it is. Errors: net errors when nothing listens,
// errNotOllama when something else answers.
func (e *Engine) version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.cfg.Host+"/api/version", nil)
	if err != nil {
		return "", err
	}
	tr := &http.Transport{DialContext: httpx.LoopbackDialer(time.Second).DialContext, DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var v struct {
		Version string `json:"version"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&v) != nil || v.Version == "" {
		return "", errNotOllama
	}
	return v.Version, nil
}

// occupied reports whether something listens on the host.
func (e *Engine) occupied(ctx context.Context) bool {
	c, err := httpx.LoopbackDialer(time.Second).DialContext(ctx, "tcp", e.cfg.Host)
	if err != nil {
		return false
	}
	_ = c.Close() // it was only a question
	return true
}
