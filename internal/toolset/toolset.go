// Package toolset gives chains the tools of the configured MCP servers. A
// server is started or reached when its tools are first asked for, shared by
// everybody in the process, and stopped with the [Set].
package toolset

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/mcp"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// Config says which servers there are, and what they may reach.
type Config struct {
	Servers []config.MCPServer
	// Values looks up the keys that a server's environment and headers refer to.
	Values func(map[string]string) (map[string]config.Secret, error)
	// Private and Offline refuse servers whose work may leave this machine.
	Private, Offline bool
	Policy           httpx.Policy
	// Here reports whether a URL is on this machine.
	Here    func(ctx context.Context, url string) bool
	Environ []string // KEY=value, of which a program gets what is not a secret
	Version string   // the program's own
	Secrets *redact.Redactor
	Warn    func(string) // nil: nobody is warned

	version int // counts the reloads
}

// Set is the MCP servers of a process. It is safe for concurrent use.
type Set struct {
	mu       sync.Mutex
	cfg      Config
	servers  map[string]*server
	sessions map[*session]bool // that are not yet closed
	closed   bool
	closing  sync.WaitGroup
}

// New returns the servers of a configuration. It starts none.
func New(cfg Config) *Set {
	return &Set{cfg: cfg, servers: map[string]*server{}, sessions: map[*session]bool{}}
}

// Tools returns the tools that names ask for, in that order, each once. A name
// is SERVER/TOOL, or SERVER/* for all that a server offers. The servers named
// are started or reached if need be; no others are. The tools work until done is
// called, which is never nil; the servers then stay for the next caller.
//
// Errors: Private or Offline, before any server is started, when one may not run;
// *[diag.Error] for a wrong name; *[mcp.Error] when a server fails.
func (s *Set) Tools(ctx context.Context, names []string) (tools []tool.Tool, done func(), err error) {
	cfg := s.config()
	servers, err := cfg.named(names)
	if err != nil {
		return nil, func() {}, err
	}
	for _, m := range servers {
		if err := cfg.allow(ctx, m); err != nil {
			return nil, func() {}, err
		}
	}
	offers := map[string]*offer{}
	done = sync.OnceFunc(func() {
		for _, o := range offers {
			s.leave(o.session)
		}
	})
	for _, m := range servers {
		o, err := s.offer(ctx, &cfg, m)
		if err != nil {
			done()
			return nil, func() {}, err
		}
		offers[m.Name] = o
	}
	if tools, err = cfg.choose(offers, names); err != nil {
		done()
		return nil, func() {}, err
	}
	return tools, done, nil
}

func (s *Set) config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// Reload replaces the configuration. A server that is configured as before
// stays. One that is not is stopped when nobody uses it any more, and started
// anew when it is next asked for.
func (s *Set) Reload(cfg Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg.version = s.cfg.version + 1
	s.cfg = cfg
	for name, one := range s.servers {
		if m, ok := cfg.server(name); !ok || cfg.allow(context.Background(), m) != nil {
			s.retire(one)
		}
	}
}

// Close stops all servers, side by side. It takes about a second at most.
func (s *Set) Close() {
	s.mu.Lock()
	s.closed = true
	for one := range s.sessions {
		s.stop(one)
	}
	s.mu.Unlock()
	s.closing.Wait()
}

// named are the servers that names ask for, each once.
func (c *Config) named(names []string) (servers []config.MCPServer, err error) {
	var known []string
	for _, m := range c.Servers {
		known = append(known, m.Name)
	}
	for _, name := range names {
		server, one, ok := strings.Cut(name, "/")
		if !ok || server == "" || one == "" {
			return nil, &diag.Error{Message: diag.Quote(name) + " is not a tool's name", Remedy: "write SERVER/TOOL or SERVER/*, as `tandem tools list` shows"}
		}
		m, ok := c.server(server)
		switch {
		case !ok && len(known) == 0:
			return nil, &diag.Error{Message: fmt.Sprintf("there is no MCP server %q: none is configured", server), Remedy: "add it to `mcp_servers` in the user file that `tandem config path` shows"}
		case !ok:
			return nil, &diag.Error{Message: fmt.Sprintf("there is no MCP server %q in the configuration", server), Remedy: diag.Suggest(server, known)}
		case !slices.ContainsFunc(servers, func(o config.MCPServer) bool { return o.Name == server }):
			servers = append(servers, m)
		}
	}
	return servers, nil
}

func (c *Config) server(name string) (config.MCPServer, bool) {
	for _, m := range c.Servers {
		if m.Name == name {
			return m, true
		}
	}
	return config.MCPServer{}, false
}

// allow refuses a server whose work may leave the machine where it must not.
func (c *Config) allow(ctx context.Context, m config.MCPServer) error {
	kind, mode := provider.Private, "privacy is local"
	switch {
	case c.Offline:
		kind, mode = provider.Offline, "offline mode is on"
	case !c.Private:
		return nil
	}
	if !c.remote(ctx, m) {
		return nil
	}
	why := "it is a program that may send its arguments anywhere; if it does not, set `local: true` for it in the configuration"
	if m.URL != "" {
		why = m.URL + " is not this machine"
	}
	return provider.Errorf(kind, "", "", "the MCP server %s was not started, because %s: %s", m.Name, mode, why)
}

// remote reports whether a server's work leaves the machine, or may.
func (c *Config) remote(ctx context.Context, m config.MCPServer) bool {
	if m.URL == "" {
		return !m.Local
	}
	return !c.Here(ctx, m.URL)
}

// choose returns the tools that names ask for.
func (c *Config) choose(offers map[string]*offer, names []string) ([]tool.Tool, error) {
	var all []tool.Tool
	for name, o := range offers {
		all = append(all, o.tools...)
		if c.Warn == nil || !slices.Contains(names, name+"/*") {
			continue // what is left out was not asked for, or missing says so
		}
		for _, skip := range o.skipped {
			c.Warn(cannotBeUsed(skip))
		}
	}
	tools, missing := tool.Select(all, names)
	if missing != "" {
		server, _, _ := strings.Cut(missing, "/")
		return nil, offers[server].missing(missing)
	}
	return tools, nil
}

func cannotBeUsed(s mcp.Skipped) string {
	return fmt.Sprintf("the tool %s cannot be used: %s", s.Ref, s.Reason)
}
