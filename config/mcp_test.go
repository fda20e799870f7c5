package config_test

import (
	"path/filepath"
	"strings"
	"testing"
)

const servers = `mcp_servers:
  - name: files
    command: [./bin/files, /home/Someone/Projects/2026/notes]
    env: {MODE: read only, API_TOKEN: "env:FILES_TOKEN"}
    local: true
    timeout: 5s
  - name: tickets
    url: https://tickets.example.org/mcp/
    headers: {Authorization: "keyring:tickets", X-Team: blue}
`

func TestMCPServers(t *testing.T) {
	s := newSandbox(t).with(map[string]string{"FILES_TOKEN": "tok-1"})
	s.user(servers)
	l := s.mustLoad()
	files, ok := l.MCPServer("files")
	if want := filepath.Join(filepath.Dir(s.userPath()), "bin", "files"); !ok || files.Command[0] != want || !files.Local || files.Timeout.String() != "5s" {
		t.Errorf("%+v, want the program %s", files, want)
	}
	tickets, _ := l.MCPServer("tickets")
	if tickets.URL != "https://tickets.example.org/mcp/" || tickets.Local {
		t.Errorf("%+v", tickets)
	}
	env, err := l.Values(files.Env)
	if err != nil || env["MODE"].Reveal() != "read only" || env["API_TOKEN"].Reveal() != "tok-1" {
		t.Errorf("%v, %v", env, err)
	}
	if _, err := l.Values(tickets.Headers); err == nil || !strings.Contains(err.Error(), "Authorization") {
		t.Errorf("a key that is not there: %v", err)
	}
	// What is shown means the same, and shows no key.
	text, err := l.YAML()
	if err != nil || strings.Contains(string(text), "tok-1") || !strings.Contains(string(text), "/Projects/2026/notes") {
		t.Fatalf("%s, %v", text, err)
	}
	again := newSandbox(t)
	again.user(string(text))
	shown, err := again.mustLoad().YAML()
	if err != nil || string(shown) != string(text) {
		t.Errorf("%v\n%s\nis not\n%s", err, shown, text)
	}
	x, err := l.Explain("mcp_servers")
	if err != nil || !x.Set || !strings.Contains(x.Origin, "config.yaml:2") {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestMCPServersInAProject(t *testing.T) {
	s := newSandbox(t)
	s.projectFile(servers)
	l, err := s.load()
	if err == nil || !strings.Contains(err.Error(), "only your own file may configure MCP servers") || len(l.MCPServers) > 0 {
		t.Fatalf("%v, %+v", err, l.MCPServers)
	}
	places(t, err)
}

func TestMistakesInMCPServers(t *testing.T) {
	for text, want := range map[string]string{
		"- command: [a]":                                                      `the key "name" is missing`,
		"- name: a b\n    command: [a]":                                       "cannot be an MCP server's name",
		"- name: a":                                                           "neither a command nor a url",
		"- {name: a, command: [a], url: http://a}":                            "a command or a url, not both",
		"- {name: a, url: ftp://a}":                                           "not an http:// or https:// address",
		"- {name: a, url: http://u:p@a}":                                      "an address with credentials",
		"- {name: a, url: http://a, local: true}":                             "local is only for a command",
		"- {name: a, url: http://a, env: {A: b}}":                             "env is for a command",
		"- {name: a, command: [a], headers: {A: b}}":                          "headers is for a url",
		"- {name: a, command: []}":                                            "the program is missing",
		"- {name: a, command: [a, " + canary + "]}":                           "looks like a key",
		"- {name: a, command: [a], env: {MY_TOKEN: abc}}":                     "a key does not belong in a file",
		"- {name: a, command: [a], env: {A: " + canary + "}}":                 "a key does not belong in a file",
		"- {name: a, url: https://a, headers: {Authorization: \"Bearer x\"}}": "a key does not belong in a file",
		"- {name: a, command: [a], env: {A: \"env:a b\"}}":                    "expected env:VARIABLE",
		"- {name: a, command: [a], env: {a-b: c}}":                            "is not the name of a variable",
		"- {name: a, url: https://a, headers: {\"a b\": c}}":                  "is not the name of a header",
		"- {name: a, command: [a], comand: [b]}":                              `unknown key "comand"`,
		"- {name: a, command: [a]}\n  - {name: a, command: [b]}":              "appears twice",
		"- {name: a, command: [a], timeout: long}":                            "timeout",
	} {
		t.Run(want, func(t *testing.T) {
			s := newSandbox(t)
			s.user("mcp_servers:\n  " + text + "\n")
			l, err := s.load()
			if err == nil {
				t.Fatalf("taken: %+v", l.MCPServers)
			}
			if lines := strings.Join(places(t, err), "\n"); !strings.Contains(lines, want) || strings.Contains(lines, canary) {
				t.Errorf("%s", lines)
			}
		})
	}
}

func TestAKeyOfAnMCPServerOverHTTP(t *testing.T) {
	for url, warnings := range map[string]int{"http://example.org/mcp": 1, "https://example.org/mcp": 0, "http://127.0.0.1:81/mcp": 0} {
		s := newSandbox(t)
		s.user("mcp_servers: [{name: a, url: '" + url + "', headers: {Authorization: env:A}}]\n")
		if l := s.mustLoad(); len(l.Warnings) != warnings {
			t.Errorf("%s: %q", url, l.Warnings)
		}
	}
}
