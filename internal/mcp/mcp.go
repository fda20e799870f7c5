// Package mcp makes tools of what MCP servers offer: programs of the user's own
// that speak over their standard streams, or servers at a URL. It is the one
// place that knows the protocol's SDK.
//
// A server is a stranger. What it sends is bounded, its descriptions lose their
// control characters, it is given no environment but what it needs, it can ask
// nothing of its client (no sampling, no roots, no elicitation), and it ends
// with its [Session], and whatever it started with it.
package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Config is one server: Command or URL is set.
type Config struct {
	Name string // the user's name for it
	// Command is the program to run and its arguments.
	Command []string
	Env     []string // its whole environment, KEY=value
	// URL is where a server listens that speaks streamable HTTP.
	URL    string
	Policy httpx.Policy // which addresses may be dialled for it
	Header http.Header  // sent with every call, and nowhere but to URL
	// Remote says that the work of its tools leaves this machine, or may.
	Remote bool
	// Timeout is the most that starting, listing, and each call may take; 0:
	// one minute.
	Timeout time.Duration
	// Version is the program's own, which the server is told.
	Version string
	// Secrets are taken out of whatever the server says: its errors, its log, its
	// tools and their results. Nil: only what looks like a key is.
	Secrets *redact.Redactor
	// Warn, if not nil, is told what is odd about a server and does not keep it
	// from being used. It may be called at any time, from any goroutine.
	Warn func(string)
}

const (
	defaultTimeout = time.Minute
	mostFrame      = 8 << 20  // bytes of one message
	mostBody       = 32 << 20 // bytes of one HTTP answer, a stream of them included
	connectWithin  = 10 * time.Second
)

// Session is a server that has been reached. It is safe for concurrent use.
type Session struct {
	cfg  Config
	cs   *sdk.ClientSession
	proc *process // nil: it is at a URL
	http *statusTransport
	over chan struct{} // closed when cs is
}

// Error is how a server fails. Its text is fit for a model; Log is for the user
// alone, for a server may write anything there.
type Error struct {
	Server string
	Err    error
	Log    string // the last that the server wrote to its standard error; "" if nothing
}

func (e *Error) Error() string { return fmt.Sprintf("the MCP server %s: %v", e.Server, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errTimeout is the cause of a context that ended by Timeout.
var errTimeout = errors.New("it did not answer in time")

// Connect starts the server, or reaches it, and greets it. ctx ends the attempt,
// not the session: that ends with [Session.Close], which whoever connects calls.
// Errors: *[Error], or ctx's own unchanged.
func Connect(ctx context.Context, cfg Config) (*Session, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	s := &Session{cfg: cfg}
	var transport sdk.Transport
	if len(cfg.Command) > 0 {
		proc, err := start(cfg.Command, cfg.Env, cfg.Secrets)
		if err != nil {
			return nil, &Error{Server: cfg.Name, Err: cfg.Secrets.Error(err)}
		}
		proc.out.noise = s.warnOfNoise
		s.proc = proc
		transport = &sdk.IOTransport{Reader: proc.out, Writer: proc.stdin, MaxLineLength: mostFrame}
	} else {
		client := httpx.BoundedClient(cfg.Policy, connectWithin, cfg.Header, mostBody)
		s.http = &statusTransport{RoundTripper: client.Transport}
		client.Transport = s.http
		transport = &sdk.StreamableClientTransport{
			Endpoint: cfg.URL, HTTPClient: client,
			MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: mostFrame,
		}
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "tandem", Version: cfg.Version}, &sdk.ClientOptions{
		Capabilities:   &sdk.ClientCapabilities{}, // it may ask us for nothing
		MultiRoundTrip: &sdk.MultiRoundTripOptions{Disabled: true},
	})
	ctx, status := withStatus(ctx)
	cs, err := withTimeout(ctx, cfg.Timeout, func(ctx context.Context) (*sdk.ClientSession, error) {
		return client.Connect(ctx, transport, nil)
	})
	if err != nil {
		err = s.sessionError(ctx, status, err)
		s.Close()
		return nil, err
	}
	s.cs, s.over = cs, make(chan struct{})
	go func() {
		_ = cs.Wait() // how it ended, the next call says
		close(s.over)
	}()
	return s, nil
}

// warnOfNoise warns of a line that was passed over.
func (s *Session) warnOfNoise(line string) {
	if s.cfg.Warn != nil {
		line = s.cfg.Secrets.Text(cleanText(line, false))
		s.cfg.Warn(fmt.Sprintf("the MCP server %s wrote a line to standard output that is not MCP, which is ignored: %q; servers must log to standard error", s.cfg.Name, textx.Brief(line, 80)))
	}
}

// Ended reports whether the session is over: its program has ended, or the
// server's connection is closed.
func (s *Session) Ended() bool {
	gone := s.over
	if s.proc != nil {
		gone = s.proc.gone
	}
	select {
	case <-s.over:
		return true
	case <-gone:
		return true
	default:
		return false
	}
}

// withTimeout runs do for at most limit. It comes back when ctx ends, whatever do
// does; do then ends with its connection.
func withTimeout[T any](ctx context.Context, limit time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer cancel()
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := do(ctx)
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		if o.err != nil && ctx.Err() != nil {
			o.err = context.Cause(ctx)
		}
		return o.v, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// sessionError is err as the user reads it; the caller's own context error is left
// as it is.
func (s *Session) sessionError(ctx context.Context, status *httpStatus, err error) error {
	if own := ctx.Err(); own != nil {
		return own
	}
	e := &Error{Server: s.cfg.Name, Err: err}
	if errors.Is(err, errTimeout) {
		e.Err = fmt.Errorf("%w (%s); raise `timeout` in the configuration", errTimeout, s.cfg.Timeout)
	}
	if s.proc == nil {
		e.Err = s.cfg.Secrets.Error(status.explain(e.Err))
		return e
	}
	how, ended := "", false
	if !errors.Is(err, errTimeout) {
		how, ended = s.proc.waitEnded(exitGrace)
	}
	e.Log = s.proc.log.lastLine() // after its end, which comes after the last that it wrote
	switch {
	case s.proc.out.notMCP.Load():
		e.Err = errors.New("its standard output is not MCP; a server must log to standard error")
	case s.proc.out.tooLarge.Load():
		e.Err = fmt.Errorf("it sent a message over %d MiB", mostFrame>>20)
	case ended:
		e.Err = fmt.Errorf("it exited (%s)", how)
	}
	e.Err = s.cfg.Secrets.Error(e.Err)
	return e
}

// exitGrace is how long a process that has closed its streams is given to end, so
// that it can be said how.
const exitGrace = 300 * time.Millisecond

// Close ends the session: a program of ours is asked to end, and then made to,
// with all that it started. It takes about a second at most.
func (s *Session) Close() {
	if s.proc != nil {
		s.proc.stop()
	}
	if s.cs != nil {
		_, _ = withTimeout(context.Background(), closeTimeout, func(context.Context) (struct{}, error) {
			return struct{}{}, s.cs.Close() // it is over, whatever that says
		})
	}
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
}

// closeTimeout is how long a server at a URL is given to hear that it is over.
const closeTimeout = time.Second
