package cli_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tandem-llm/tandem/internal/testengine"
)

// canary is the key that every script's environment holds. Wherever a script
// leads, it must be found nowhere but in the header that carries it.
const canary = "sk-canary-DO-NOT-LEAK-51c2"

// TestScripts runs testdata/script/*.txt against the program and servers that
// behave as told; see fake_test.go for their manners.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds:                commands(),
	})
}

// TestScriptsOnRealEngines runs testdata/real/*.txt against Ollama and
// llama.cpp's server.
func TestScriptsOnRealEngines(t *testing.T) {
	local, hosted := testengine.Ollama(t), testengine.OpenAI(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "real"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                commands(),
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("OLLAMA", local.URL)
			env.Setenv("MODEL", local.Model)
			env.Setenv("EMBED_MODEL", local.EmbedModel)
			env.Setenv("OLLAMA_BIN", local.Bin)
			env.Setenv("STORE", local.ModelsDir)
			env.Setenv("HOSTED_URL", hosted.BaseURL)
			env.Setenv("HOSTED_MODEL", hosted.Model)
			env.Setenv("HOSTED_KEY", hosted.Key)
			err = setUp(env)
			env.Setenv("OLLAMA_HOST", "") // the configurations say where it is
			return err
		},
	})
}

// setUp gives each script a home of its own, the canary as key, two fakes, and
// a check, when it ends, that the canary lies nowhere.
func setUp(env *testscript.Env) error {
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each of some thousand processes takes a second longer
	home := filepath.Join(env.WorkDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "AppData": home, "LOCALAPPDATA": home,
		"XDG_CONFIG_HOME": filepath.Join(home, "config"), "XDG_STATE_HOME": filepath.Join(home, "state"),
		"XDG_DATA_HOME": filepath.Join(home, "data"), "XDG_CACHE_HOME": filepath.Join(home, "cache"),
		"OPENAI_API_KEY": canary, "CANARY": canary, "TERM": "xterm",
		"OLLAMA_HOST":              "127.0.0.1:1", // nothing is listening there, and no test starts one by accident
		"DBUS_SESSION_BUS_ADDRESS": "",
	} {
		env.Setenv(name, value)
	}
	f := newFake()
	env.Defer(f.Close)
	env.Setenv("FAKE", f.URL)
	env.Setenv("NAMED", strings.Replace(f.URL, "127.0.0.1", "localhost", 1)) // the same by another name
	env.Values[fakeKey{}] = f
	env.Values[batchServerKey{}] = &batchServer{}
	return nil
}

type fakeKey struct{}

// commands are what scripts know besides testscript's own.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"code": code, "secret": secret, "oneline": oneLine, "hits": hits, "sent": sent, "subst": subst, "bytes": rawBytes, "port": port, "eventually": eventually, "interrupt": interrupt,
		"killed": killed, "numbered": numbered, "batchapi": batchAPI, "batchcalls": batchCalls,
	}
}

// eventually TEXT COMMAND… runs the command again and again until its standard
// output holds the text.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s never says %q", strings.Join(args[1:], " "), args[0])
		}
	}
}

// code N COMMAND… runs the command, which must exit with N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	secret(ts, false, nil)
}

// secret checks that the canary is in no output and in no file of the script's.
func secret(ts *testscript.TestScript, _ bool, _ []string) {
	for _, name := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(name), canary[:20]) {
			ts.Fatalf("%s tells the key", name)
		}
	}
	err := filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".key") {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(data), canary[:20]) {
			ts.Fatalf("%s holds the key", path)
		}
		return nil // a file may have gone meanwhile
	})
	ts.Check(err)
}

// oneline checks that standard error is one line.
func oneLine(ts *testscript.TestScript, _ bool, _ []string) {
	if text := strings.TrimSuffix(ts.ReadFile("stderr"), "\n"); text == "" || strings.Contains(text, "\n") {
		ts.Fatalf("standard error is not one line: %q", text)
	}
}

// hits N checks how many generations the fake was asked for since the last
// hits.
func hits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := ts.Value(fakeKey{}).(*fake).hits.Swap(0); int(got) != want {
		ts.Fatalf("the server was asked %d times, want %d", got, want)
	}
}

// [!] sent TEXT checks the last request's body.
func sent(ts *testscript.TestScript, neg bool, args []string) {
	body := ts.Value(fakeKey{}).(*fake).last()
	if strings.Contains(body, args[0]) == neg {
		ts.Fatalf("the last request is %s; want %q in it: %v", body, args[0], !neg)
	}
}

// subst FILE… replaces $VARIABLES in files.
func subst(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// bytes FILE TEXT writes a file of the bytes that the Go string means: "\xff".
func rawBytes(ts *testscript.TestScript, _ bool, args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// port VARIABLE sets a variable to a port that is free.
func port(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, number, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], number)
}
