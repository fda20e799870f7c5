package toolset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/childenv"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/mcp"
	"github.com/tandem-llm/tandem/provider"
)

// server is a configured server. [Set].mu guards all but turn.
type server struct {
	turn    chan struct{} // held by who starts it, or lists its tools
	session *session      // nil: it does not run
	version int           // of the configuration that session was last seen to follow
}

// session is a server that runs. It is stopped when it has been replaced and its
// last user has left. [Set].mu guards users and retired.
type session struct {
	*mcp.Session
	cfg     mcp.Config
	users   int
	retired bool
}

// offer is what a server offers now. Who has it uses its session.
type offer struct {
	session *session
	tools   []tool.Tool
	skipped []mcp.Skipped
}

var errClosed = errors.New("the program is about to end")

// offer lists a server's tools, and starts or reaches it if need be. One that has
// ended since its last use is started again.
func (s *Set) offer(ctx context.Context, cfg *Config, m config.MCPServer) (*offer, error) {
	one := s.server(m.Name)
	select {
	case one.turn <- struct{}{}:
		defer func() { <-one.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		now, reused, err := s.enter(ctx, cfg, m, one)
		if err != nil {
			return nil, err
		}
		o := &offer{session: now}
		if o.tools, o.skipped, err = now.Tools(ctx); err == nil {
			return o, nil
		}
		s.leave(now)
		if !reused || !now.Ended() {
			return nil, err
		}
	}
}

// server is the one of that name.
func (s *Set) server(name string) *server {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.servers[name]
	if one == nil {
		one = &server{turn: make(chan struct{}, 1)}
		s.servers[name] = one
	}
	return one
}

// enter makes the caller, whose turn it is, a user of a server's session: of the
// one there is, if it runs and is as configured, or of a new one.
func (s *Set) enter(ctx context.Context, cfg *Config, m config.MCPServer, one *server) (now *session, reused bool, err error) {
	if now := s.reuse(one, cfg.version, nil); now != nil {
		return now, true, nil
	}
	c, err := cfg.connection(ctx, m)
	if err != nil {
		return nil, false, err
	}
	if now := s.reuse(one, cfg.version, &c); now != nil {
		return now, true, nil
	}
	with := c
	with.Warn = cfg.Warn // no part of what a session is reused by
	connected, err := mcp.Connect(ctx, with)
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now = &session{Session: connected, cfg: c, users: 1}
	if s.sessions[now] = true; s.closed {
		s.stop(now)
		return nil, false, &mcp.Error{Server: m.Name, Err: errClosed}
	}
	s.retire(one)
	one.session, one.version = now, cfg.version
	return now, false, nil
}

// reuse makes the caller a user of a server's session, if it runs and follows that
// version of the configuration: it was seen to, or it was made with like.
func (s *Set) reuse(one *server, version int, like *mcp.Config) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := one.session
	if now == nil || now.Ended() || one.version != version && (like == nil || !reflect.DeepEqual(now.cfg, *like)) {
		return nil
	}
	one.version = version
	now.users++
	return now
}

// leave ends one use of a session.
func (s *Set) leave(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.users--; one.users == 0 && one.retired {
		s.stop(one)
	}
}

// retire takes a server's session from it. s.mu is held.
func (s *Set) retire(one *server) {
	old := one.session
	if one.session = nil; old == nil {
		return
	}
	if old.retired = true; old.users == 0 {
		s.stop(old)
	}
}

// stop closes a session, once. s.mu is held.
func (s *Set) stop(one *session) {
	if s.sessions[one] {
		delete(s.sessions, one)
		s.closing.Go(one.Close)
	}
}

// connection is a server as internal/mcp knows it, its keys looked up.
func (c *Config) connection(ctx context.Context, m config.MCPServer) (mcp.Config, error) {
	out := mcp.Config{Name: m.Name, Command: m.Command, URL: m.URL, Remote: c.remote(ctx, m), Timeout: time.Duration(m.Timeout), Version: c.Version, Secrets: c.Secrets}
	written := m.Env
	if m.URL != "" {
		written = m.Headers
		out.Policy, out.Header = c.Policy, http.Header{}
		out.Policy.LocalOnly = !out.Remote // and stays so, whatever its name resolves to later
	}
	values, err := c.Values(written)
	if err != nil {
		return out, &provider.Error{Kind: provider.Denied, Provider: m.Name, Err: err}
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text := values[name].Reveal()
		if config.IsRef(written[name]) {
			c.Secrets.AddHeader(text)
		}
		if m.URL != "" {
			out.Header.Set(name, config.Credential(name, written[name], values[name]))
		} else {
			env = append(env, name+"="+text)
		}
	}
	out.Env = append(childenv.Tool(c.Environ), env...)
	return out, nil
}

// missing is the error of a tool that the server does not offer.
func (o *offer) missing(name string) error {
	for _, s := range o.skipped {
		if s.Ref == name {
			return &diag.Error{Message: cannotBeUsed(s)}
		}
	}
	known := make([]string, len(o.tools))
	for i, t := range o.tools {
		known[i] = t.Ref
	}
	server, _, _ := strings.Cut(name, "/")
	return &diag.Error{Message: fmt.Sprintf("the MCP server %s has no tool %q", server, name), Remedy: diag.Suggest(name, known)}
}
