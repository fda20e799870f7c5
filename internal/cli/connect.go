package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/connect"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// connectInput is what `tandem connect` was told.
type connectInput struct {
	client             *connect.Client
	url, keyEnv, model string
	window             int // 0: the one that the configuration has
	write, undo, check bool
	timeout            time.Duration
}

func (a *app) connectCommand() *cobra.Command {
	var in connectInput
	cmd := &cobra.Command{
		Use: "connect PROGRAM", Short: "Connect another program to your models",
		Long: `Print the settings that connect a program to "tandem serve". With --write they go
into the program's own file: what is there stays, and a backup is made. --undo takes
them out again. --check runs the program once, with settings of its own.

Programs: ` + terminal.Hang("", strings.Join(clientNames(), ", "), 74) + `.

A key is never written. Name its variable with --key-env, and the program is told to
read that.`,
		Example: `  tandem connect claude
  tandem connect codex --write
  tandem connect codex --undo
  tandem connect opencode --model qwen3:8b --check`,
		Args: exactArgs("a program, such as claude"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ok bool
			if in.client, ok = connect.Find(args[0]); !ok {
				return usageError{fmt.Errorf("unknown program %q; %s", args[0], diag.Suggest(args[0], clientNames()))}
			}
			return a.connect(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.url, "url", "", "`address` of the gateway (default: the one of \"tandem serve\")")
	f.StringVar(&in.keyEnv, "key-env", "", "environment `variable` that holds the gateway's key")
	f.StringVarP(&in.model, "model", "m", exchange.Default, "`model` that the program asks for; the default is your configuration's choice, with its fallback")
	f.IntVar(&in.window, "num-ctx", 0, "the model's context window in `tokens` (default: the configured one)")
	f.BoolVar(&in.write, "write", false, "write the settings to the program's file, with a backup beside it")
	f.BoolVar(&in.undo, "undo", false, "take out what --write put there")
	f.BoolVar(&in.check, "check", false, "run the program once with these settings, and show what it asked the gateway")
	f.DurationVar(&in.timeout, "timeout", 2*time.Minute, "with --check, stop after this long")
	return cmd
}

func clientNames() (names []string) {
	for _, c := range connect.Clients() {
		names = append(names, c.Name)
	}
	return names
}

func (a *app) connect(ctx context.Context, in connectInput) error {
	if in.write && in.undo || in.undo && in.check || in.write && in.check {
		return usageError{errors.New("--write, --undo and --check exclude each other; leave two of them out")}
	}
	s, err := a.clientSystem()
	if err != nil {
		return err
	}
	if (in.write || in.undo) && !in.client.Writes() {
		return usageError{fmt.Errorf("%s keeps its settings to itself, so there is no file to change; `tandem connect %s` shows what to enter", in.client.Title, in.client.Name)}
	}
	if in.undo {
		return a.connectUndo(s, in.client)
	}
	g, err := a.gatewayOf(ctx, in)
	if err != nil {
		return err
	}
	switch {
	case in.check:
		return a.connectCheck(ctx, in, g)
	case in.write:
		err = a.connectWrite(s, in.client, g)
	default:
		err = a.connectShow(s, in.client, g)
	}
	if err == nil {
		err = a.connectNotes(ctx, s, in, g)
	}
	return err
}

// clientSystem is this machine, for the files of clients.
func (a *app) clientSystem() (*connect.System, error) {
	home := a.getenv(map[bool]string{true: "USERPROFILE", false: "HOME"}[runtime.GOOS == "windows"])
	state := config.StateDir(a.lookupEnv)
	if !filepath.IsAbs(home) || state == "" {
		return nil, usageError{errors.New("your home directory is unknown; set $HOME")}
	}
	return &connect.System{OS: runtime.GOOS, Home: home, State: state, Env: a.getenv}, nil
}

func (a *app) connectWrite(s *connect.System, c *connect.Client, g connect.Gateway) error {
	changes, err := s.Write(c, g)
	a.showChanges(changes)
	if err != nil {
		return err
	}
	set, err := s.Settings(c, g)
	if err != nil {
		return err
	}
	for _, v := range set.Also {
		a.infof("Set this where you start %s: %s", c.Title, v.Line(s.OS))
	}
	for _, step := range set.Steps {
		a.infof("%s", step)
	}
	return nil
}

func (a *app) connectUndo(s *connect.System, c *connect.Client) error {
	changes, err := s.Undo(c)
	a.showChanges(changes)
	if err == nil && len(changes) == 0 {
		a.infof("nothing to undo: `tandem connect %s --write` has changed no file", c.Name)
	}
	return err
}

func (a *app) showChanges(changes []connect.Change) {
	for _, c := range changes {
		switch c.Did {
		case connect.Created:
			a.infof("created %s", c.Path)
		case connect.Changed:
			a.infof("changed %s; before: %s", c.Path, c.Backup)
		case connect.Unchanged:
			a.infof("%s has these settings already", c.Path)
		case connect.Restored:
			a.infof("restored %s", c.Path)
		case connect.TakenOut:
			a.infof("took Tandem's settings out of %s, which was edited since; a backup of before is %s", c.Path, c.Backup)
		case connect.Removed:
			a.infof("removed %s", c.Path)
		case connect.Gone:
			a.infof("%s no longer exists", c.Path)
		case connect.Nothing:
			a.infof("%s no longer has settings of Tandem", c.Path)
		}
		for _, left := range c.Left {
			a.term.Noticef("%s %s was changed since, and is left as it is", a.term.Yellow("warning:"), left)
		}
	}
}

// onPath finds a program on the user's PATH.
func (a *app) onPath(name string) (string, bool) {
	for _, dir := range filepath.SplitList(a.getenv("PATH")) {
		if filepath.IsAbs(dir) {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, true
			}
		}
	}
	return "", false
}

// clients are the programs that can be connected.
func clients(context.Context, *completion) (list []cobra.Completion) {
	for _, c := range connect.Clients() {
		list = append(list, cobra.CompletionWithDesc(c.Name, c.Title))
	}
	return list
}
