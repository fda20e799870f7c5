// Package attack attacks the built program from outside: system calls that fail,
// processes that are killed, servers that lie, names that lead elsewhere.
// docs/security.md says which promise each test holds.
//
// `go test` runs a short form of each attack; `make attack` sets TANDEM_ATTACK=long
// and runs many times as many tries. Every try has a seed, which a failure
// prints and TANDEM_ATTACK_SEED sets.
package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// canary is the key that every home is given. It may appear nowhere.
const canary = "sk-canary-A1b2C3d4E5f6G7h8I9j0K1l2M3n4"

// program is the built tandem.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tandem-attack-")
	if err == nil {
		program = filepath.Join(dir, "tandem")
		build := exec.Command("go", "build", "-o", program, "github.com/tandem-llm/tandem/cmd/tandem")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("building the program: %w\n%s", err, out)
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// tries is how many tries a test makes: few under `go test`, many under
// `make attack`.
func tries(short, long int) int {
	if os.Getenv("TANDEM_ATTACK") == "long" {
		return long
	}
	return short
}

// random returns a source of random choices whose seed a failing test prints.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("TANDEM_ATTACK_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: TANDEM_ATTACK_SEED=%d go test ./internal/attack -run '^%s$'", seed, t.Name())
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// home is a user's home directory, with a configuration, and a project in it.
type home struct {
	dir, project string
	env          []string
}

// newHome makes a home whose user file is config.
func newHome(t *testing.T, config string) *home {
	t.Helper()
	h := &home{dir: t.TempDir()}
	h.project = filepath.Join(h.dir, "project")
	h.write(t, ".config/tandem/config.yaml", config)
	h.write(t, "project/.keep", "")
	h.env = []string{
		"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + h.dir, "TANDEM_KEYRING=file", "TANDEM_ATTACK_KEY=" + canary,
	}
	return h
}

func (h *home) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// outcome is how a command ended.
type outcome struct {
	code           int // -1: killed
	stdout, stderr string
}

// run runs tandem and waits for it, a minute at most.
func (h *home) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return h.exec(t, append([]string{program}, args...)...)
}

// exec runs a command as the home's user.
func (h *home) exec(t *testing.T, argv ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd, out, errs := h.command(ctx, argv...)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("did not end within a minute: %s\n%s", strings.Join(argv, " "), errs)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (h *home) command(ctx context.Context, argv ...string) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = h.project, slices.Clone(h.env)
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.WaitDelay = 5 * time.Second
	return cmd, out, errs
}

// crashed reports whether the program's end was a crash of Go's.
func (o outcome) crashed() bool {
	return strings.Contains(o.stderr, "panic:") || strings.Contains(o.stderr, "goroutine 1 [") || strings.Contains(o.stderr, "fatal error:")
}

// leaked returns the files below the home, and the streams of o, that hold the
// canary or eight of its characters in a row.
func (h *home) leaked(t *testing.T, o outcome) (where []string) {
	t.Helper()
	part := canary[len("sk-canary-") : len("sk-canary-")+8]
	if strings.Contains(o.stdout, part) {
		where = append(where, "standard output")
	}
	if strings.Contains(o.stderr, part) {
		where = append(where, "standard error")
	}
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(part)) {
			where = append(where, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a file that went away meanwhile
		t.Fatal(err)
	}
	return where
}
