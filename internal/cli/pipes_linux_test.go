package cli_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/cli"
)

// A file that is named may be a pipe, such as a shell's <(…), and Ctrl-C ends
// the wait for what it brings.
func TestCtrlCEndsTheWaitForAPipe(t *testing.T) {
	t.Setenv("TANDEM_CONFIG", "none")
	for _, args := range [][]string{
		{"ask", "--image", "pipe.csv", "What is this?"},
		{"run", "chain.yaml", "-p", "x=@pipe.csv"},
		{"run", "chain.yaml", "--each", "pipe.csv"},
		{"prompt", "render", "chain.yaml", "-p", "x=@pipe.csv"},
		{"tools", "call", "a/b", "--yes", "--args", "@pipe.csv"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			t.Setenv("XDG_STATE_HOME", dir)
			if err := os.WriteFile("chain.yaml", []byte("inputs: {x: any}\nprompt: \"{x}\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo("pipe.csv", 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			code := make(chan int, 1)
			go func() { code <- cli.Main(ctx, args, os.Environ(), strings.NewReader(""), io.Discard, io.Discard) }()
			w := writer(t, "pipe.csv")
			defer w.Close()
			cancel()
			select {
			case c := <-code:
				if c != 130 {
					t.Errorf("exit code %d", c)
				}
			case <-time.After(10 * time.Second):
				t.Error("it still waits")
			}
		})
	}
}

// writer opens a pipe to write, as soon as somebody reads it.
func writer(t *testing.T, path string) *os.File {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		w, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			return w
		}
		if !errors.Is(err, syscall.ENXIO) {
			t.Fatal(err)
		}
	}
	t.Fatal("nobody reads the pipe")
	return nil
}
