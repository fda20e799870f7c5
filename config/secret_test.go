package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/config"
)

func TestSecretIsMaskedHoweverItIsPrinted(t *testing.T) {
	s, err := config.NewSecret("  " + canary + "\n")
	if err != nil || s.Reveal() != canary {
		t.Fatalf("%v, %v", s, err)
	}
	type holder struct {
		Key config.Secret
		Ptr *config.Secret
		Any any

		hidden config.Secret // fmt prints it without asking it
	}
	h := holder{s, &s, s, s}
	var out bytes.Buffer
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "T", "p", "10s", "-30v", "08.3f", "U", "c"} {
		fmt.Fprintf(&out, "%"+verb+"\n", s)
		fmt.Fprintf(&out, "%"+verb+"\n", &s)
		fmt.Fprintf(&out, "%"+verb+"\n", h)
		fmt.Fprintf(&out, "%"+verb+"\n", []any{s, map[string]config.Secret{"k": s}})
	}
	fmt.Fprintln(&out, s, &s, h, errors.New(s.String()), fmt.Errorf("%w %v", os.ErrExist, s))
	for _, v := range []any{s, &s, h, map[string]any{"k": s}} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out.Write(data)
		if data, err = yaml.Marshal(v); err != nil {
			t.Error(err)
		}
		out.Write(data)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("call", "key", s, "ptr", &s, "holder", h, slog.Group("g", "key", s))
	}
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Errorf("the key is printed:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "••••") {
		t.Error("nothing was masked")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "the key is empty",
		" \n":                  "the key is empty",
		canary + " " + canary:  "the key is not one word of ASCII; did you paste more than the key?",
		canary + "\n" + canary: "the key is not one word of ASCII; did you paste more than the key?",
		canary + "\u00a0x":     "the key is not one word of ASCII; did you paste more than the key?",
		canary + "\x00":        "the key is not one word of ASCII; did you paste more than the key?",
		"“" + canary + "”":     "the key is not one word of ASCII; did you paste more than the key?",
	} {
		if s, err := config.NewSecret(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v", in, s, err)
		}
	}
}

// ring is a keyring in memory.
type ring map[string]string

func (r ring) Get(name string) (string, error) {
	if v, ok := r[name]; ok {
		return v, nil
	}
	return "", fmt.Errorf("%w here", config.ErrNoKey)
}

func (r ring) Has(name string) bool { return r[name] != "" }

// brokenRing does not answer.
type brokenRing struct{}

func (brokenRing) Get(string) (string, error) { return "", errors.New("the bus is gone") }
func (brokenRing) Has(string) bool            { return false }

func TestKeys(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		return newSandbox(t).write(filepath.Join(home, name), text, mode)
	}
	good := write("good", canary+"\n", 0o600)
	for _, tc := range []struct {
		ref     string
		keyring config.Keyring
		want    string // the key, or how the error starts
		noKey   bool
	}{
		{ref: "env:MY_KEY", want: canary},
		{ref: "env:UNSET", want: "the environment variable UNSET is not set; set it, or store a key with `tandem keys set openai`", noKey: true},
		{ref: "env:BLANK", want: "the environment variable BLANK is not set", noKey: true},
		{ref: "env:TWO_WORDS", want: "env:TWO_WORDS: the key is not one word of ASCII"},
		{ref: "keyring:mine", keyring: ring{"mine": canary}, want: canary},
		{ref: "keyring:Mine", keyring: ring{"mine": canary}, want: "there is no key \"Mine\" yet; run `tandem keys set Mine`", noKey: true},
		{ref: "keyring:mine", keyring: brokenRing{}, want: "keyring:mine: the bus is gone"},
		{ref: "keyring:mine", want: "keyring:mine: no keyring is available"},
		{ref: "file:" + good, want: canary},
		{ref: "file:good-by-tilde", want: "there is no key file ", noKey: true},
		{ref: "file:" + write("open", canary, 0o640), want: "others may read the key file " + home + "/open (mode 0640); run `chmod 600 " + home + "/open`"},
		{ref: "file:" + write("world", canary, 0o604), want: "others may read the key file "},
		{ref: "file:" + write("empty", "\n", 0o600), want: "file:" + home + "/empty: the key is empty"},
		{ref: "file:" + write("huge", strings.Repeat(canary, 5000), 0o600), want: "the key file " + home + "/huge is too large to be a key"},
		{ref: "file:" + home, want: "the key file " + home + " is not a regular file"},
		{ref: "file:/dev/null", want: "the key file /dev/null is not a regular file"},
	} {
		t.Run(tc.ref, func(t *testing.T) {
			s := newSandbox(t).user("providers:\n  - {name: openai, api_key: '" + tc.ref + "'}\n").
				with(map[string]string{"MY_KEY": canary, "BLANK": " ", "TWO_WORDS": canary + " " + canary})
			s.opts.Keyring = tc.keyring
			key, err := s.mustLoad().Key("openai")
			switch {
			case tc.want == canary:
				if err != nil || key.Reveal() != canary {
					t.Errorf("got %v, %v", key, err)
				}
			case err == nil || !strings.HasPrefix(err.Error(), tc.want) || errors.Is(err, config.ErrNoKey) != tc.noKey:
				t.Errorf("got %v, want %s", err, tc.want)
			case strings.Contains(err.Error(), canary) || key.Reveal() != "":
				t.Errorf("the key leaks: %v", err)
			}
		})
	}
}

// A key that is stored under a provider's name is used where the variable of its
// api_key is not set, and goes nowhere but where the user's own configuration has that
// provider.
func TestAStoredKeyIsFound(t *testing.T) {
	const (
		corp      = "providers:\n  - {name: corp, kind: openai, base_url: https://llm.corp.example/v1, model: m, api_key: env:OPENAI_API_KEY}\n"
		elsewhere = "providers:\n  - {name: openai, base_url: https://llm.corp.example/v1}\n"
	)
	stored := ring{"openai": canary, "corp": canary, "new": canary}
	for name, tc := range map[string]struct {
		user, project, of string
		env               map[string]string
		keyring           config.Keyring
		ref               config.Ref
		want              string // how the error starts; empty: the stored key
	}{
		"by default":                  {of: "openai", ref: "keyring:openai"},
		"of another provider":         {user: corp, of: "corp", ref: "keyring:corp"},
		"beside a project's settings": {project: "temperature: 0\nproviders: [{name: openai, timeouts: {idle: 1s}}]\n", of: "openai", ref: "keyring:openai"},
		"the variable is empty":       {of: "openai", env: map[string]string{"OPENAI_API_KEY": "''"}, ref: "keyring:openai"},
		"the variable counts":         {of: "openai", env: map[string]string{"OPENAI_API_KEY": "no key"}, ref: "env:OPENAI_API_KEY", want: "env:OPENAI_API_KEY: the key is not one word"},
		"none is stored":              {of: "openai", keyring: ring{"corp": canary}, ref: "env:OPENAI_API_KEY", want: "the environment variable OPENAI_API_KEY is not set; set it, or store a key with `tandem keys set openai`"},
		"a keyring asks the user":     {of: "openai", keyring: brokenRing{}, ref: "env:OPENAI_API_KEY", want: "the environment variable OPENAI_API_KEY is not set"},
		"of a file that is missing":   {user: "providers: [{name: openai, api_key: 'file:nowhere'}]\n", of: "openai", want: "there is no key file"},
		// A pair of the user's own lets a project send the variable there, and nothing else.
		"a project moves the provider":   {user: corp, project: elsewhere, of: "openai", ref: "env:OPENAI_API_KEY", want: "the environment variable OPENAI_API_KEY is not set"},
		"a project makes the provider":   {project: "providers: [{name: new, kind: openai, base_url: 'https://api.openai.com/v1', model: gpt-4o-mini, api_key: env:OPENAI_API_KEY}]\nuse: openai\n", of: "new", ref: "env:OPENAI_API_KEY", want: "the environment variable OPENAI_API_KEY is not set"},
		"a project changes the variable": {user: corp + "  - {name: b, kind: openai, base_url: https://api.openai.com/v1, model: m, api_key: env:B}\n", project: "providers: [{name: openai, api_key: env:B}]\n", of: "openai", ref: "env:B", want: "the environment variable B is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t).with(tc.env)
			if tc.user != "" {
				s.user(tc.user)
			}
			if tc.project != "" {
				s.projectFile(tc.project)
			}
			s.opts.Keyring = stored
			if tc.keyring != nil {
				s.opts.Keyring = tc.keyring
			}
			l, err := s.load()
			if errors.Is(err, config.ErrUntrusted) { // what was trusted names the variable, and no stored key
				_, err = l.Trust()
			}
			if err != nil {
				t.Fatal(err)
			}
			if ref := l.KeyRef(tc.of); tc.ref != "" && ref != tc.ref {
				t.Errorf("from %s, want %s", ref, tc.ref)
			}
			switch key, err := l.Key(tc.of); {
			case tc.want == "" && (err != nil || key.Reveal() != canary):
				t.Errorf("got %v, %v", key, err)
			case tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want) || key.Reveal() != ""):
				t.Errorf("got %v, %v, want %s", key, err, tc.want)
			}
		})
	}
}

// TestKeyFilesOfTheUsersFile start at its directory, or at home.
func TestKeyFilesOfTheUsersFile(t *testing.T) {
	for _, ref := range []string{"file:keys/k", "file:~/.config/tandem/keys/k"} {
		s := newSandbox(t).user("providers:\n  - {name: openai, api_key: '" + ref + "'}\n")
		s.write(filepath.Join(filepath.Dir(s.userPath()), "keys", "k"), canary, 0o600)
		if key, err := s.mustLoad().Key("openai"); err != nil || key.Reveal() != canary {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestNoKeyIsAskedForAtTheStart(t *testing.T) {
	s := newSandbox(t).user("providers:\n  - {name: openai, api_key: keyring:x}\n")
	s.opts.Keyring = panicRing{}
	l := s.mustLoad()
	for _, p := range []string{"local", "nobody"} {
		if key, err := l.Key(p); key.Reveal() != "" || (err != nil) != (p == "nobody") {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := l.YAML(); err != nil {
		t.Error(err)
	}
}

type panicRing struct{}

func (panicRing) Get(string) (string, error) { panic("the keyring was asked") }
func (panicRing) Has(string) bool            { return true }

// TestAKeyThatStandsSomewhereElseIsMasked: whoever wrote the key into the wrong
// field does not see it in `config show`.
func TestAKeyThatStandsSomewhereElseIsMasked(t *testing.T) {
	s := newSandbox(t).user("stop: [" + canary + "]\nproviders:\n  - {name: openai, organization: " + canary + ", options: {api_key: " + canary + ", " + canary + ": [" + canary + "]}}\n")
	l := s.mustLoad()
	y, err1 := l.YAML()
	j, err2 := l.JSON()
	x, err3 := l.Explain("providers.openai.organization")
	if text := fmt.Sprint(string(y), string(j), x, l.Show(), errors.Join(err1, err2, err3)); strings.Contains(text, canary) {
		t.Errorf("it is shown:\n%s", text)
	}
}
