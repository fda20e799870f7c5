package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/tandem-llm/tandem/internal/childenv"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// installCommand is what ollama.com/download tells Linux users to run. On other
// systems there is a page with a program to download: then it is "".
func installCommand() string {
	if runtime.GOOS == "linux" {
		return "curl -fsSL https://ollama.com/install.sh | sh"
	}
	return ""
}

// findOllama says what there is of Ollama, has it installed if the user says so, and
// starts it.
func (w *wizard) findOllama(ctx context.Context) error {
	if w.local.Engine == nil { // somebody else starts it
		return nil
	}
	s := w.local.Engine.Status(ctx)
	if s.Answering {
		if w.writes() {
			w.say("Ollama %s is running at %s.", s.Version, w.local.Endpoint)
		}
		return ready(ctx, w.app, *w.local)
	}
	path, err := engine.FindBinary(w.local.Config.Binary)
	switch {
	case errors.Is(err, engine.ErrNoBinary) && !s.Taken:
		if err := w.install(ctx); err != nil {
			return err
		}
	case err == nil && w.writes():
		w.say("Ollama is installed: %s", path)
	}
	return ready(ctx, w.app, *w.local)
}

// errDeclined says that there is no Ollama, and that the user wants none installed.
var errDeclined = errors.New("Ollama is not installed, and was not wanted")

// noOllama is the error of a missing Ollama, with what to do.
func (w *wizard) noOllama(next string) error {
	return &advised{&provider.Error{Kind: provider.Unavailable, Provider: w.localName(), Err: engine.ErrNoBinary}, next}
}

// install runs Ollama's official installer, if the user says yes to this very command.
func (w *wizard) install(ctx context.Context) error {
	command := installCommand()
	run := w.in.installOllama
	switch offline := w.stack.Config().Offline; {
	case command == "" && run:
		return w.noOllama("--install-ollama works on Linux only; get it from https://ollama.com/download, then run `tandem setup` again")
	case offline && run:
		return w.noOllama("offline mode is on, so its installer is not run")
	case command == "" && w.asks, offline && w.asks:
		w.say("Ollama is not installed. It is at https://ollama.com/download.")
		return errDeclined
	case command == "", offline:
		return w.noOllama("get it from https://ollama.com/download, then run `tandem setup` again")
	}
	if run || w.asks {
		w.say("Ollama is not installed. Its official installer for Linux is:")
		if !w.flags.quiet {
			w.term.Verbatimf("  %s", command)
		}
	}
	if !run && w.asks {
		var err error
		w.say("It asks for your password if it needs it.")
		if run, err = w.confirm(ctx, "Run it now?", false); err != nil {
			return err
		}
	}
	switch {
	case !run && w.asks:
		return errDeclined
	case !run:
		return w.noOllama("`tandem setup --install-ollama` installs it with `" + command + "`, and `tandem setup --preset NAME` adds another server")
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Env = childenv.Engine(w.environ) // no keys
	cmd.Stdout, cmd.Stderr = terminal.Raw(w.term.Err), terminal.Raw(w.term.Err)
	if w.asks {
		cmd.Stdin = w.term.In
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		_, err = engine.FindBinary(w.local.Config.Binary)
	}
	if err != nil {
		return &provider.Error{Kind: provider.Unavailable, Provider: w.localName(), Err: &advised{fmt.Errorf("the installer did not install Ollama (%w)", err), "see https://ollama.com/download, then run `tandem setup` again"}}
	}
	return nil
}

// diskUsage is replaced in tests: what is proposed depends on it.
var diskUsage = disk.UsageWithContext

// diskFree is the free space where Ollama on this machine keeps its models, in bytes.
// ok is false where that is not known.
func (w *wizard) diskFree(ctx context.Context) (free int64, where string, ok bool) {
	places := []string{w.getenv("OLLAMA_MODELS")}
	if home := w.getenv("HOME"); home != "" {
		places = append(places, filepath.Join(home, ".ollama", "models"))
	}
	places = append(places, "/usr/share/ollama/.ollama/models")
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, home) // where it makes its folder
	}
	for _, dir := range places {
		if dir == "" {
			continue
		}
		if u, err := diskUsage(ctx, dir); err == nil {
			return int64(u.Free), dir, true //nolint:gosec // no disk has 8 EiB
		}
	}
	return 0, "", false
}
