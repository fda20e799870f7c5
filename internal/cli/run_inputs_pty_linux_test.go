package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// At a terminal, run asks for the inputs that are missing: by name, with what the
// file says of them, and again where a value is of another type.
func TestRunAsksForInputs(t *testing.T) {
	f := newFake()
	defer f.Close()
	chain := "inputs:\n  country: {type: text, description: \"the country\\e[35m to ask about\"}\n  words: list\n  year: {default: '1990'}\nprompt: '{country}, {words} in {year}'\n"
	for name, c := range map[string]struct {
		args  []string
		talk  []string // what is shown, and what is typed then, in turn
		shown string
		code  int
	}{
		"both":         {talk: []string{`country \(the country to ask about\): $`, "Côte d'Ivoire\r", `words \(a list, as JSON\): $`, "[\"a\"]\r"}, shown: `Côte d'Ivoire, \['a'\] in 1990`},
		"a mistake":    {args: []string{"-p", "country=India"}, talk: []string{`words .*: $`, "a, b\r", `"a, b" is not JSON[^$]*\s+words .*: $`, "[]\r"}, shown: `India, \[\] in 1990`},
		"a file":       {args: []string{"-p", "words=[]"}, talk: []string{`country .*: $`, "@nosuch\r", `cannot read nosuch.*\s+country .*: $`, "@france.txt\r"}, shown: `France`},
		"nothing":      {talk: []string{`country .*: $`, "\r"}, shown: `missing input "country" .*: add -p country=VALUE`, code: 2},
		"the end":      {args: []string{"--json"}, talk: []string{`country .*: $`, "\x04"}, shown: `"exit_code":2`, code: 2},
		"Ctrl-C":       {talk: []string{`country .*: $`, "\x03"}, shown: `interrupted`, code: 130},
		"one given":    {args: []string{"-p", "words=[]", "Peru"}, shown: `Peru, \[\] in 1990`},
		"a long value": {args: []string{"-p", "words=[]"}, talk: []string{`country .*: $`, strings.Repeat("é", 1000) + "\r"}, shown: `é{1000}, \[\] in`},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			cmd := prepared(t, f, home, "xterm", append([]string{"run", "c.yaml"}, c.args...)...)
			cmd.Dir = home
			for file, text := range map[string]string{"c.yaml": chain, "france.txt": "France"} {
				if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := started(t, cmd, "")
			for i := 0; i < len(c.talk); i += 2 {
				s.expect(c.talk[i])
				s.types(c.talk[i+1])
			}
			s.expect(c.shown)
			if code := s.ends(); code != c.code {
				t.Errorf("exit code %d, shown: %q", code, s.all.String())
			}
			if strings.Contains(s.all.String(), "\x1b[35m") {
				t.Errorf("shown: %q", s.all.String())
			}
		})
	}
}
