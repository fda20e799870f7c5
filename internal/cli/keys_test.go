package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeysSetListRemove(t *testing.T) {
	p := newPerson(t)
	file := filepath.Join(p.home, ".local", "share", "tandem", "keys", "openai.key")
	p.expect(0, "", "no keys stored; add one with `tandem keys set NAME`", "keys", "list")
	p.expect(0, "[]\n", "", "keys", "list", "--json")

	code, out, errOut := p.run(canaryKey+"\n", "keys", "set", "openai")
	if code != 0 || out != "" || !strings.Contains(errOut, `stored the key "openai" in `+file) {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	if strings.Contains(errOut, "no provider uses it") {
		t.Errorf("openai uses it, as its variable is not set: %s", errOut)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != canaryKey {
		t.Errorf("kept %q, %v", data, err)
	}
	p.expect(0, `[{"name":"openai","place":"file","path":"`+file+`"}]`, "", "keys", "list", "--json")
	p.expect(0, "openai  "+file+"  openai\n", "", "keys", "list")

	if _, _, errOut := p.run(canaryKey, "keys", "set", "work"); strings.Contains(errOut, "name: openai") || !strings.Contains(errOut, "base_url: https://HOST/v1") {
		t.Errorf("a key of another name is not for OpenAI: %s", errOut)
	}
	p.expect(0, "", "", "keys", "rm", "work")
	p.write(p.userFile(), "providers:\n  - {name: openai, api_key: keyring:openai}\n")
	if _, _, errOut := p.run(canaryKey, "keys", "set", "openai"); strings.Contains(errOut, "no provider uses it") {
		t.Errorf("a provider uses it: %s", errOut)
	}
	p.expect(0, "openai  "+file+"  openai\n", "", "keys", "list")
	p.expect(0, "", "openai still uses it", "keys", "rm", "openai")
	p.expect(2, "", `there is no key "openai"; see `+"`tandem keys list`", "keys", "rm", "openai")
}

// TestKeysNeverShowWhatWasTyped: whoever gives a key in the wrong place has it
// in the shell's history already; it need not be in a log, too.
func TestKeysNeverShowWhatWasTyped(t *testing.T) {
	p := newPerson(t)
	for _, args := range [][]string{
		{"keys", "set", "openai", canaryKey},
		{"keys", "set", canaryKey},
		{"keys", "set", "openai=" + canaryKey},
		{"keys", "set", "openai", "--key", canaryKey},
		{"keys", "set", "openai", "--" + canaryKey},
		{"keys", "set", "openai", "-" + canaryKey},
		{"keys", "rm", canaryKey},
		{"keys", "rm", "openai", canaryKey},
		{"keys", "list", canaryKey},
		{"keys", canaryKey},
		{"keys", "--" + canaryKey},
		{"keys", "set"},
	} {
		code, out, errOut := p.run(canaryKey, args...)
		if code != 2 || out != "" || errOut == "" {
			t.Errorf("%q: %d, %q, %q", args, code, out, errOut)
		}
	}
	for stdin, want := range map[string]string{
		"":                           "the key is empty; nothing was stored",
		" \n":                        "the key is empty; nothing was stored",
		canaryKey + "\n" + canaryKey: "the key is not one word of ASCII; did you paste more than the key?; nothing was stored",
		canaryKey + "\xff":           "the key is not one word of ASCII",
	} {
		if code, _, errOut := p.run(stdin, "keys", "set", "openai"); code != 2 || !strings.Contains(errOut, want) {
			t.Errorf("%q: %d, %q", stdin, code, errOut)
		}
	}
	p.expect(0, "[]\n", "", "keys", "list", "--json")
	p.expect(2, "", `unknown command "tandem keys lst"; did you mean `+"`tandem keys list`?", "keys", "lst")
}
