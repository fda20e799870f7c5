package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/headers"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// MCPServer is a server of tools: a program of the user's, or a URL.
type MCPServer struct {
	Name    string
	Command []string // the program and its arguments; a path is absolute
	// Env is added to the few variables that the program gets. A value is a
	// text, or a reference to a key, see [IsRef].
	Env map[string]string
	URL string // where it speaks streamable HTTP
	// Headers are sent to URL. Values are as Env's.
	Headers map[string]string
	// Local is the user's word that the program sends nothing off this machine,
	// which Tandem cannot check. For a URL, the connection shows it.
	Local   bool
	Timeout Duration // most time for starting, listing and each call; 0: one minute
}

func serverFields() []string {
	return []string{"name", "command", "env", "url", "headers", "local", "timeout"}
}

// MCPServer returns the server of that name.
func (c *Config) MCPServer(name string) (MCPServer, bool) {
	i := slices.IndexFunc(c.MCPServers, func(s MCPServer) bool { return s.Name == name })
	if i < 0 {
		return MCPServer{}, false
	}
	return c.MCPServers[i], true
}

// Loopback reports whether URL is on this machine, by its text alone.
func (s *MCPServer) Loopback() bool { return loopback(s.URL) }

func (s *MCPServer) carriesKey() bool { return hasRef(s.Headers) }

// hasRef reports whether a value is a reference.
func hasRef(values map[string]string) bool {
	for _, v := range values {
		if IsRef(v) {
			return true
		}
	}
	return false
}

// members is the server as a file has it.
func (s *MCPServer) members() members {
	m := members{{"name", s.Name}}
	if len(s.Command) > 0 {
		words := make([]any, len(s.Command)) // none is a key: reading saw to that
		for i, word := range s.Command {
			words[i] = word
		}
		m = append(m, member{"command", words})
	}
	if len(s.Env) > 0 {
		m = append(m, member{"env", texts(s.Env)})
	}
	if s.URL != "" {
		m = append(m, member{"url", s.URL})
	}
	if len(s.Headers) > 0 {
		m = append(m, member{"headers", texts(s.Headers)})
	}
	if s.Local {
		m = append(m, member{"local", true})
	}
	if s.Timeout > 0 {
		m = append(m, member{"timeout", s.Timeout.String()})
	}
	return m
}

func texts(values map[string]string) (m members) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		m = append(m, member{name, values[name]})
	}
	return m
}

// readServers reads mcp_servers.
func readServers(r reader, m yamlx.Map, name string) any {
	servers := []MCPServer{}
	for _, sub := range m.Maps(name, "servers, each as `- name: …`", "an MCP server", serverFields()) {
		s, ok := readServer(r, sub)
		if !ok {
			continue
		}
		if slices.ContainsFunc(servers, func(o MCPServer) bool { return o.Name == s.Name }) {
			sub.Fail("name", fmt.Sprintf("the MCP server %q appears twice", s.Name), "merge the two, or rename one")
			continue
		}
		servers = append(servers, s)
	}
	return servers
}

func readServer(r reader, m yamlx.Map) (s MCPServer, ok bool) {
	if !m.Require("name", "an MCP server starts with `- name: …`") {
		return s, false
	}
	if s.Name = m.String("name"); !ValidName(s.Name) {
		m.Fail("name", diag.Quote(s.Name)+" cannot be an MCP server's name", "use letters, digits, dots, dashes and underscores")
		return s, false
	}
	r.provider = s.Name
	switch {
	case m.Has("command") && m.Has("url"):
		m.Fail("url", "an MCP server has a command or a url, not both", "remove one")
	case m.Has("command"):
		s.Command = readCommand(r, m)
		refuse(m, "headers", "is for a url")
	case m.Has("url"):
		s.URL = readServerURL(r, m)
		refuse(m, "env", "is for a command")
		refuse(m, "local", "is only for a command: for a url, the address tells")
	default:
		m.Fail("name", fmt.Sprintf("the MCP server %q has neither a command nor a url", s.Name), "add `command: [PROGRAM, ARGUMENT]` or `url: https://…`")
	}
	s.Env = readValues(r, m, "env", isVariable, "the name of a variable")
	s.Headers = readValues(r, m, "headers", headers.IsName, headerName)
	if b := m.Bool("local"); b != nil {
		s.Local = *b
	}
	if d := m.Duration("timeout"); d != nil {
		s.Timeout = Duration(*d)
	}
	return s, true
}

func refuse(m yamlx.Map, name, why string) {
	if m.Has(name) {
		m.Fail(name, name+" "+why, "remove it")
	}
}

// readCommand reads a program and its arguments. A bare name is looked for on
// PATH later.
func readCommand(r reader, m yamlx.Map) []string {
	command := m.Strings("command")
	if len(command) == 0 || command[0] == "" {
		m.Fail("command", "the program is missing", "write `command: [PROGRAM, ARGUMENT]`")
		return nil
	}
	for _, word := range command {
		if looksLikeKeyNotPath(word) || strings.ContainsFunc(word, isControl) {
			m.Fail("command", "a word here looks like a key, or has control characters", "give a key by `env`: {NAME: keyring:"+r.provider+"}")
			return nil
		}
	}
	command = slices.Clone(command)
	if strings.ContainsAny(command[0], `/\`) {
		command[0] = r.path(command[0])
	}
	return command
}

func readServerURL(r reader, m yamlx.Map) string {
	s, ok := readText(r, m, "url").(string)
	if !ok {
		return ""
	}
	if _, err := parseBaseURL(s); err != nil {
		failAddress(m, "url", err, "expected something like https://example.org/mcp")
		return ""
	}
	return unquoted(s)
}

// readValues reads a mapping of texts and of references to keys.
func readValues(r reader, m yamlx.Map, name string, valid func(string) bool, what string) map[string]string {
	sub, ok := m.Map(name, name, nil)
	if !ok {
		return nil
	}
	values := map[string]string{}
	for _, k := range sub.Keys() {
		text := sub.String(k)
		switch ref, isRef := parseRef(text, r.path); {
		case !valid(k):
			sub.Fail(k, diag.Quote(k)+" is not "+what, "")
		case what == headerName && headers.Reserved(k):
			sub.Fail(k, "the header "+k+" is set by the program itself", "remove it")
		case isRef:
			values[k] = string(ref)
		case IsRef(text):
			sub.Fail(k, "expected env:VARIABLE, keyring:NAME or file:PATH", "")
		case looksLikeKeyNotPath(text), redact.SoundsSecret(k) && text != "":
			sub.Fail(k, "a key does not belong in a file", "run `tandem keys set "+r.provider+"` and write "+k+": keyring:"+r.provider+" (or env:VARIABLE, or file:PATH)")
		case strings.ContainsFunc(text, isControl):
			sub.Fail(k, "expected one line of text, without control characters", "")
		default:
			values[k] = text
		}
	}
	return values
}

// looksLikeKeyNotPath is LooksLikeKey for values that are often paths, which may
// be as long and as mixed as keys.
func looksLikeKeyNotPath(text string) bool {
	for _, p := range keyPrefixes() {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return !strings.ContainsAny(text, `/\`) && LooksLikeKey(text)
}
