package stack

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/childenv"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/mcp"
	"github.com/tandem-llm/tandem/provider"
)

// Tools starts or reaches the MCP servers that names speak of, and returns
// those of their tools, in the order of names, each once. A name is SERVER/TOOL,
// or SERVER/* for all that a server offers. Nothing else is started. The tools
// work until done is called, which ends the servers; it is never nil.
//
// Where privacy is local, or offline mode on, only servers run whose work stays
// on this machine: Private or Offline before any is started. Other errors say
// which name is wrong, or how which server failed (*[mcp.Error]).
func (s *Stack) Tools(ctx context.Context, names []string) (tools []tool.Tool, done func(), err error) {
	o := opened{stack: s, sessions: map[string]*offer{}}
	servers, err := s.toolServers(names)
	if err != nil {
		return nil, func() {}, err
	}
	for _, server := range servers {
		if err := s.mayRun(ctx, server); err != nil {
			return nil, func() {}, err
		}
	}
	for _, server := range servers {
		if err := o.open(ctx, server); err != nil {
			o.close()
			return nil, func() {}, err
		}
	}
	if tools, err = o.choose(names); err != nil {
		o.close()
		return nil, func() {}, err
	}
	return tools, o.close, nil
}

// toolServers are the servers that names speak of, each once.
func (s *Stack) toolServers(names []string) (servers []config.MCPServer, err error) {
	var known []string
	for _, m := range s.cfg.MCPServers {
		known = append(known, m.Name)
	}
	for _, name := range names {
		server, one, ok := strings.Cut(name, "/")
		if !ok || server == "" || one == "" {
			return nil, &diag.Error{Message: diag.Quote(name) + " names no tool", Remedy: "write SERVER/TOOL, or SERVER/* for all of a server's, as `tandem tools list` shows them"}
		}
		m, ok := s.cfg.MCPServer(server)
		switch {
		case !ok && len(known) == 0:
			return nil, &diag.Error{Message: fmt.Sprintf("there is no MCP server %q, for none is configured", server), Remedy: "name it in `mcp_servers` of the user file that `tandem config path` shows"}
		case !ok:
			return nil, &diag.Error{Message: fmt.Sprintf("there is no MCP server %q in the configuration", server), Remedy: diag.Suggest(server, known)}
		case !slices.ContainsFunc(servers, func(o config.MCPServer) bool { return o.Name == server }):
			servers = append(servers, m)
		}
	}
	return servers, nil
}

// mayRun refuses a server whose work may leave the machine where it is not to.
func (s *Stack) mayRun(ctx context.Context, m config.MCPServer) error {
	kind := provider.Private
	switch {
	case s.cfg.Offline:
		kind = provider.Offline
	case s.cfg.Privacy != config.PrivacyLocal:
		return nil
	}
	if !s.remote(ctx, m) {
		return nil
	}
	why := "it is a program that may send what it is given anywhere; if it does not, say `local: true` of it in the configuration"
	if m.URL != "" {
		why = m.URL + " is not this machine"
	}
	mode := map[provider.Kind]string{provider.Private: "privacy is local", provider.Offline: "offline mode is on"}[kind]
	return provider.Errorf(kind, "", "", "the MCP server %s was not started, for %s: %s", m.Name, mode, why)
}

// remote tells whether a server's work leaves the machine, or may.
func (s *Stack) remote(ctx context.Context, m config.MCPServer) bool {
	if m.URL == "" {
		return !m.Local
	}
	return !s.here(m.URL)(ctx)
}

// opened are the servers of one call of Tools.
type opened struct {
	stack    *Stack
	sessions map[string]*offer
}

// offer is a server, and what it offers.
type offer struct {
	*mcp.Session
	tools   []tool.Tool
	skipped []mcp.Skipped
}

func (o *opened) open(ctx context.Context, m config.MCPServer) error {
	c, err := o.stack.mcpConfig(ctx, m)
	if err != nil {
		return err
	}
	session, err := mcp.Connect(ctx, c)
	if err != nil {
		return err
	}
	made := &offer{Session: session}
	o.sessions[m.Name] = made
	made.tools, made.skipped, err = session.Tools(ctx)
	return err
}

// mcpConfig is a server as internal/mcp knows it, its keys looked up.
func (s *Stack) mcpConfig(ctx context.Context, m config.MCPServer) (mcp.Config, error) {
	c := mcp.Config{Name: m.Name, Command: m.Command, URL: m.URL, Remote: s.remote(ctx, m), Timeout: time.Duration(m.Timeout), Version: s.options.Version, Secrets: s.secrets}
	values, err := s.cfg.Values(m.Env)
	if err == nil && m.URL != "" {
		values, err = s.cfg.Values(m.Headers)
	}
	if err != nil {
		return c, &provider.Error{Kind: provider.Denied, Provider: m.Name, Err: err}
	}
	said := m.Env
	if m.URL != "" {
		said = m.Headers
		c.Policy, c.Header = s.policy(), http.Header{}
		c.Policy.LocalOnly = !c.Remote // and stays so, whatever its name resolves to later
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text := values[name].Reveal()
		if config.IsRef(said[name]) {
			s.secrets.Add(text)
			if http.CanonicalHeaderKey(name) == "Authorization" && m.URL != "" {
				text = "Bearer " + text
			}
		}
		if m.URL != "" {
			c.Header.Set(name, text)
		} else {
			env = append(env, name+"="+text)
		}
	}
	c.Env = append(childenv.Tool(os.Environ()), env...)
	return c, nil
}

// choose returns the tools that names speak of.
func (o *opened) choose(names []string) ([]tool.Tool, error) {
	var all []tool.Tool
	for server, from := range o.sessions {
		all = append(all, from.tools...)
		if !slices.Contains(names, server+"/*") {
			continue // what is left out was not asked for, or missing says so
		}
		for _, skip := range from.skipped {
			o.stack.warnOf(fmt.Sprintf("the tool %s cannot be used: %s", skip.Ref, skip.Reason))
		}
	}
	tools, missing := tool.Select(all, names)
	if missing != "" {
		server, _, _ := strings.Cut(missing, "/")
		return nil, o.sessions[server].missing(missing)
	}
	return tools, nil
}

func (o *offer) missing(name string) error {
	for _, s := range o.skipped {
		if s.Ref == name {
			return &diag.Error{Message: fmt.Sprintf("the tool %s cannot be used: %s", name, s.Reason)}
		}
	}
	known := make([]string, len(o.tools))
	for i, t := range o.tools {
		known[i] = t.Ref
	}
	server, _, _ := strings.Cut(name, "/")
	return &diag.Error{Message: fmt.Sprintf("the MCP server %s has no tool %q", server, name), Remedy: diag.Suggest(name, known)}
}

// close ends the servers, side by side.
func (o *opened) close() {
	var all sync.WaitGroup
	for _, s := range o.sessions {
		all.Go(s.Close)
	}
	all.Wait()
	clear(o.sessions)
}

func (s *Stack) warnOf(text string) {
	if s.warn != nil {
		s.warn(text)
	}
}
