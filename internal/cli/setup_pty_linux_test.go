package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tandem-llm/tandem/internal/engine"
)

// atSetup starts `tandem setup` at a terminal, with an Ollama of that manner and a GPU of
// 12 GB.
func atSetup(t *testing.T, f *fake, home, manner string, args ...string) *session {
	t.Helper()
	writeProgram(t, filepath.Join(home, "bin", "nvidia-smi"), "echo 'NVIDIA GeForce RTX 4070, 12282, 11800'")
	return setupAt(t, f, home, strings.TrimPrefix(f.URL, "http://")+"/"+manner, args...)
}

// setupAt starts it with a home of its own, and an Ollama there.
func setupAt(t *testing.T, f *fake, home, ollama string, args ...string) *session {
	t.Helper()
	cmd := prepared(t, f, home, "xterm", append([]string{"setup"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_STATE_HOME=" + filepath.Join(home, "state"), "XDG_DATA_HOME=" + filepath.Join(home, "data"), "TERM=xterm", "GORACE=atexit_sleep_ms=0",
		"PATH=" + filepath.Join(home, "bin") + ":/usr/bin:/bin", "OLLAMA_HOST=" + ollama, "TANDEM_CACHE=" + filepath.Join(home, "cache"), "DBUS_SESSION_BUS_ADDRESS=",
		"SOME_SERVICE=" + canary,
	}
	return started(t, cmd, "\r\r\ry\r") // what is typed before a question is no answer
}

func writeProgram(t *testing.T, path, script string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func ownConfig(t *testing.T, home string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(home, "config", "tandem", "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const (
	askModel    = `Model \(number or name\) .*: ?$`
	askFallback = `Fallback \(number or name\) \[.*\]: $`
	askDownload = `Download it\? \[Y/n\] $`
	askWrite    = `Write this\? \[Y/n\] $`
)

func TestSetupAsks(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	s := atSetup(t, f, home, "stocked")
	shown := s.expect(askModel)
	says(t, shown, "NVIDIA GeForce RTX 4070, 12.0 GiB, 11.5 GiB free", "1  newest:4b      installed", "qwen3.5:9b     6.1 GiB    64k", "[newest:4b]")
	if strings.Contains(shown, "embedder") || strings.Contains(shown, "cloud") {
		t.Errorf("what does not chat here is proposed: %s", shown)
	}
	s.types("\r")
	s.expect(askFallback)
	s.types("\r")
	s.expect(`providers.local.model: newest:4b`)
	s.expect(askWrite)
	if exists(filepath.Join(home, "config")) {
		t.Error("something was written before the yes")
	}
	s.types("\r")
	s.expect(`Hello wörld`)
	s.expect(`answered by local`)
	s.expect(`tandem embed notes -m embedder notes/`) // which is there
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	says(t, ownConfig(t, home), "use: local\n", `model: "newest:4b"`, "# Tandem's configuration")

	// Again: all is as it was, and nothing is to be written.
	s = atSetup(t, f, home, "stocked")
	s.expect(askModel)
	s.types("\r")
	s.expect(askFallback)
	s.types("none\r")
	s.expect(`answered by local`)
	if code := s.ends(); code != 0 || strings.Contains(s.all.String(), "Write this") {
		t.Errorf("exit code %d: %s", code, s.all.String())
	}
}

func TestSetupDownloadsWhatIsChosen(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	own := filepath.Join(home, "config", "tandem", "config.yaml")
	writeProgram(t, own, "") // makes the folder
	if err := os.WriteFile(own, []byte("# mine\nuse: [local]   # who\nproviders:\n  - name: local\n    idle: 2m # short\n    model: older:1b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := atSetup(t, f, home, "bare")
	says(t, s.expect(askModel), "1  older:1b", "[older:1b]")
	for answer, why := range map[string]string{"all-minilm": "makes embeddings", "gpt-oss:120b-cloud": "runs on ollama.com", "no such": "model name", "99": "a number from 1 to"} {
		s.types(answer + "\r")
		s.expect(why)
		s.expect(askModel)
	}
	s.types("mine:1b\r")
	s.expect(`mine:1b is not on this machine: size not known, .* free in`)
	s.expect(askDownload)
	s.types("n\r")
	s.expect(askModel)
	s.types("2\r")
	s.expect(`qwen3.5:9b is not on this machine: 6.1 GiB to download`)
	s.expect(askDownload)
	s.types("\r")
	s.expect(askFallback)
	s.types("11\r") // the default's number
	says(t, s.expect(askWrite), "providers.local.model: qwen3.5:9b (now older:1b)")
	s.types("y\r")
	s.expect(`local has qwen3.5:9b`)
	s.expect(`answered by local`)
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	says(t, ownConfig(t, home), "# mine\nuse: [local]   # who\n", "idle: 2m # short\n", "    model: \"qwen3.5:9b\"\n", "    num_ctx: 8192\n")
	if _, ok := f.had.Load("bare/mine:1b"); ok {
		t.Error("what was declined was downloaded")
	}
}

func TestSetupAsksForTheKey(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	s := atSetup(t, f, home, "stocked", "--model", "newest:4b")
	s.expect(askFallback)
	s.types("gemini\r")
	s.expect(`Model of Gemini \[.*\]: $`)
	s.types("gemini-x\r")
	says(t, s.expect(`\(not shown\): $`), "GEMINI_API_KEY is not set", "https://aistudio.google.com/apikey")
	s.types("two words\r")
	s.expect(`not one word`)
	s.expect(`\(not shown\): $`)
	s.types(canary + "\r")
	s.expect(`Check it now\? \[y/N\] $`)
	s.types("\r")
	says(t, s.expect(askWrite), "use: [local, gemini] (now local)", "providers.gemini.api_key: keyring:gemini")
	s.types("\r")
	s.expect(`gemini is not asked now`)
	s.expect(`answered by local`)
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	text := ownConfig(t, home)
	says(t, text, "use: [local, gemini]\n", `model: "gemini-x"`, "api_key: keyring:gemini")
	if strings.Contains(text, canary) || strings.Contains(s.all.String(), canary) {
		t.Error("the key is shown or in the file")
	}
	if key, err := os.ReadFile(filepath.Join(home, "data", "tandem", "keys", "gemini.key")); err != nil || strings.TrimSpace(string(key)) != canary {
		t.Errorf("the key is not stored: %v", err)
	}
}

func TestSetupChecksTheKeyOnlyAfterAYes(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	s := atSetup(t, f, home, "stocked", "--model", "newest:4b", "--fallback", "openai", "--base-url", f.URL+"/denied/v1")
	s.expect(`Model of OpenAI`)
	s.types("big\r")
	s.expect(`\(not shown\): $`)
	s.types(canary + "\r")
	s.expect(`Check it now\? \[y/N\] $`)
	s.types("y\r")
	s.expect(`Incorrect API key`)
	s.expect(`\(not shown\): $`)
	s.types("\r")
	s.expect(`No key: set OPENAI_API_KEY later`)
	s.expect(askWrite)
	s.types("n\r")
	s.expect(`nothing was written`)
	if code := s.ends(); code != 2 || exists(filepath.Join(home, "config")) || exists(filepath.Join(home, "data")) {
		t.Errorf("exit code %d, or something was written", code)
	}
	if strings.Contains(s.all.String(), canary) {
		t.Error("the key is shown")
	}
}

// Whatever stops the wizard leaves everything as it was, at each question and while it
// downloads: a key, a signal, or the end of the terminal.
func TestSetupIsLeft(t *testing.T) {
	f := newFake()
	defer f.Close()
	questions := []struct{ question, answer string }{
		{askModel, "slow:1b\r"},
		{askDownload, "y\r"},
		{askFallback, "groq\r"},
		{`Model of Groq`, "\r"},
		{`\(not shown\): $`, canary + "\r"},
		{`Check it now`, "\r"},
		{askWrite, "y\r"},
		{`aaaabbbbcccc 3\.0 of 4\.4 GiB`, ""}, // while it downloads
	}
	const keyAt, download = 4, 7
	for name, tc := range map[string]struct {
		keys   string
		signal syscall.Signal
		code   int
	}{
		"Ctrl-C": {keys: "\x03", code: 130}, "Ctrl-D": {keys: "\x04", code: 130}, "Esc": {keys: "\x1b\r", code: 130},
		"SIGTERM": {signal: syscall.SIGTERM, code: 143}, "SIGHUP": {signal: syscall.SIGHUP, code: 129},
		"the terminal is closed": {code: 129},
	} {
		for at, q := range questions {
			if at == download && tc.keys != "" && name != "Ctrl-C" { // no question is asked there
				continue
			}
			t.Run(name+" at "+q.question, func(t *testing.T) {
				home := t.TempDir()
				s := atSetup(t, f, home, "stocked")
				for i, q := range questions[:at+1] {
					s.expect(q.question)
					if i < at {
						s.types(q.answer)
					}
				}
				closed := false
				switch {
				case name == "Esc" && at == keyAt: // a key is typed there
					s.types("\x04")
				case tc.keys != "":
					s.types(tc.keys)
				case tc.signal != 0:
					if err := s.cmd.Process.Signal(tc.signal); err != nil {
						t.Fatal(err)
					}
				default:
					closed = true
					s.keys.Close()
				}
				if code := s.ends(); code != tc.code && !(closed && code == 130) { // what comes first, the signal or the input's end
					t.Errorf("exit code %d, want %d: %s", code, tc.code, s.all.String())
				}
				if !closed {
					says(t, s.all.String(), "nothing was written")
				}
				if exists(filepath.Join(home, "config")) || exists(filepath.Join(home, "data")) {
					t.Error("something was written")
				}
				if strings.Contains(s.all.String(), canary) {
					t.Error("the key is shown")
				}
			})
		}
	}
}

// Where the disk is full, nothing is half-written, and it is told whose disk that is.
func TestSetupWithAFullDisk(t *testing.T) {
	f := newFake()
	defer f.Close()
	t.Run("of the server", func(t *testing.T) {
		home := t.TempDir()
		s := atSetup(t, f, home, "stocked", "--model", "full:1b", "--fallback", "none")
		s.expect(askDownload)
		s.types("\r")
		s.expect(askWrite)
		s.types("\r")
		s.expect(`no\s+space\s+left\s+on\s+device;\s+make\s+space`)
		if code := s.ends(); code == 0 || exists(filepath.Join(home, "config")) {
			t.Errorf("exit code %d, or something was written: %s", code, s.all.String())
		}
	})
	t.Run("of the configuration", func(t *testing.T) {
		home := t.TempDir()
		own := filepath.Join(home, "config", "tandem", "config.yaml")
		writeProgram(t, own, "") // makes the folder
		const before = "# mine\n"
		if err := os.WriteFile(own, []byte(before+strings.Repeat("# a comment that takes space\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		was := ownConfig(t, home)
		cmd := prepared(t, f, home, "xterm", "use", "openai")
		cmd.Args = append([]string{"sh", "-c", `ulimit -f 2; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		cmd.Env = []string{"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "TERM=xterm", "PATH=/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "config.yaml: file too large") {
			t.Errorf("%v: %s", err, out)
		}
		if now := ownConfig(t, home); now != was {
			t.Errorf("the file has changed: %q", now)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(own), ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// withoutOllama looks for an Ollama where the program will.
func withoutOllama(t *testing.T) {
	t.Helper()
	t.Setenv("TANDEM_CACHE", t.TempDir())
	t.Setenv("PATH", "/usr/bin:/bin")
	if path, err := engine.FindBinary(""); err == nil {
		t.Skipf("this machine has an Ollama, %s", path)
	}
}

// The installer runs only if somebody says so, and is what ollama.com says.
func TestSetupInstallsOllamaOnlyOnAYes(t *testing.T) {
	withoutOllama(t)
	f := newFake()
	defer f.Close()
	for name, tc := range map[string]struct {
		args   []string
		answer string
		ran    bool
	}{
		"Enter": {nil, "\r", false}, "no": {nil, "n\r", false}, "yes": {nil, "y\r", true},
		"the flag": {[]string{"--install-ollama"}, "", true}, "--yes alone": {[]string{"--yes"}, "", false}, "offline": {[]string{"--install-ollama", "--offline"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			writeProgram(t, filepath.Join(home, "bin", "curl"), `echo "echo installing; env > `+home+`/env; echo $* > `+home+`/ran"`)
			s := setupAt(t, f, home, deserted(t), tc.args...)
			if tc.answer != "" {
				s.expect(`curl -fsSL https://ollama.com/install.sh \| sh`)
				s.expect(`Run it now\? \[y/N\] $`)
				s.types(tc.answer)
			}
			if tc.answer != "" && !tc.ran { // another server is offered
				s.expect(`Server \(number or name\) \[none\]: $`)
				s.types("\r")
			}
			if code := s.ends(); code != 5 {
				t.Errorf("exit code %d", code)
			}
			args, err := os.ReadFile(filepath.Join(home, "ran"))
			if (err == nil) != tc.ran || tc.ran && string(args) != "-fsSL https://ollama.com/install.sh\n" {
				t.Errorf("ran %q (%v), want: %v; %s", args, err, tc.ran, s.all.String())
			}
			if env, err := os.ReadFile(filepath.Join(home, "env")); (err == nil) != tc.ran || strings.Contains(string(env), canary) {
				t.Errorf("the installer's environment: %s, %v", env, err)
			}
			says(t, s.all.String(), map[bool]string{true: "the installer did not install Ollama", false: "Ollama is not installed"}[tc.ran])
		})
	}
}

// Without an Ollama, and without one wanted, another server is set up and is the only one
// in use.
func TestSetupWithAnotherServerInstead(t *testing.T) {
	withoutOllama(t)
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	s := setupAt(t, f, home, deserted(t))
	s.expect(`Run it now\? \[y/N\] $`)
	s.types("n\r")
	says(t, s.expect(`Server \(number or name\) \[none\]: $`), "Without Ollama, another server can answer", "OpenAI", "LM Studio")
	s.types("lmstudio\r")
	s.expect(`Address \(base URL\) \[http://127.0.0.1:1234/v1\]: $`)
	s.types(f.URL + "/ok/v1\r")
	says(t, s.expect(askWrite), "use: lmstudio (now local)")
	s.types("\r")
	s.expect(`ready; try: tandem ask`)
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.all.String())
	}
	says(t, ownConfig(t, home), "use: lmstudio\n", "local: true")
}

// The list begins with what is installed, and the default is one of them that fits.
func TestSetupListsInstalledModelsFirst(t *testing.T) {
	f := newFake()
	defer f.Close()
	s := atSetup(t, f, t.TempDir(), "toy")
	says(t, s.expect(askModel), "1  smollm2:135m", "only to try the program", "[qwen3.5:9b]")
	s.types("\x03")
	s.ends()

	s = atSetup(t, f, t.TempDir(), "stocked")
	says(t, s.expect(askModel), "1  newest:4b      installed", "2  middle:2b      installed", "3  older:1b       installed", "4  qwen3.5:9b", "[newest:4b]")
	s.types("\x03")
	s.ends()
}
