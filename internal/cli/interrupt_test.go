package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// interrupt N COMMAND… runs the command, sends it an interrupt once the fake
// has begun to answer, and checks that it exits with N and that the fake saw
// its client leave.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	f := ts.Value(fakeKey{}).(*fake)
	f.hits.Store(0)
	cmd := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[1]), args[2:]...)
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "OPENAI_API_KEY", "OLLAMA_HOST", "TANDEM_CONFIG", "PATH"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &out, &errs
	ts.Check(cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()
	for f.said.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // what was said is on its way
	f.said.Store(0)
	ts.Check(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait() // its code is read below
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d; standard error: %s", got, want, errs.String())
	}
	select {
	case <-f.left:
	case <-time.After(10 * time.Second):
		ts.Fatalf("the generation goes on upstream")
	}
	_, _ = ts.Stdout().Write(out.Bytes())
	_, _ = ts.Stderr().Write(errs.Bytes())
}
