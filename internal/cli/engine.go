package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) engineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "engine",
		Short: "Show and control the Ollama that tandem started",
		Long: `If nothing listens on a loopback host, tandem starts Ollama and leaves it running,
so that the model stays loaded for the next question. It stops after "idle" (15
minutes) without use. Tandem also uses an Ollama that you started, and never stops
it.`,
	}
	status, lines := a.engineStatusCommand(), 0
	logs := a.engineVerb("logs", "Show the log of the managed Ollama", func(_ context.Context, t stack.Configured) error {
		if lines < 0 {
			return usageError{fmt.Errorf("--lines %d: expected 0 (all) or more", lines)}
		}
		return a.tail(t.Engine.LogPath(), lines)
	})
	logs.Flags().IntVarP(&lines, "lines", "n", 50, "number of lines from the end (0: all)")
	cmd.AddCommand(
		status,
		a.engineVerb("start", "Start Ollama now", func(ctx context.Context, t stack.Configured) error {
			if err := ready(ctx, a, t); err != nil {
				return err
			}
			return a.printStatus(t.Config.Name, t.Engine.Status(ctx))
		}),
		a.engineVerb("stop", "Stop the Ollama that tandem started", func(ctx context.Context, t stack.Configured) error {
			if err := t.Engine.Stop(ctx); err != nil {
				return err
			}
			a.infof("stopped the Ollama on %s", t.Endpoint)
			return nil
		}),
		logs,
		a.superviseCommand(),
	)
	return cmd
}

// engineVerb is a command about one managed engine: the provider that is
// named, or the first that has one.
func (a *app) engineVerb(use, short string, do func(context.Context, stack.Configured) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " [PROVIDER]", Short: short, Args: atMostOne("a provider's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer st.Close()
			t, err := managedTarget(st, args)
			if err != nil {
				return err
			}
			return do(cmd.Context(), t)
		},
	}
}

func managedTarget(st *stack.Stack, args []string) (stack.Configured, error) {
	for _, t := range st.Targets {
		if len(args) == 1 && t.Config.Name != args[0] {
			continue
		}
		if t.Engine != nil {
			return t, nil
		}
		if len(args) == 1 && t.Untrusted != nil {
			return t, t.Untrusted
		}
		if len(args) == 1 {
			return t, usageError{fmt.Errorf("provider %s is not managed by tandem: only an Ollama on this machine without `managed: false` is", args[0])}
		}
	}
	if len(args) == 1 {
		return stack.Configured{}, noProvider(st, args[0])
	}
	return stack.Configured{}, usageError{errors.New("no provider is managed by tandem: none is an Ollama on this machine without `managed: false`")}
}

func (a *app) engineStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := a.engineVerb("status", "Show whether Ollama is running, who started it, and when it stops", func(ctx context.Context, t stack.Configured) error {
		st := t.Engine.Status(ctx)
		if asJSON {
			return terminal.WriteJSON(a.term.Out, st)
		}
		return a.printStatus(t.Config.Name, st)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) printStatus(name string, s engine.Status) error {
	var line string
	switch {
	case s.Taken:
		line = fmt.Sprintf("%s is used by a program that is not Ollama; stop it, or set another `host`", s.Host)
	case !s.Answering && s.Ours:
		line = fmt.Sprintf("Ollama is starting on %s (process %d)", s.Host, s.PID)
	case !s.Answering:
		line = fmt.Sprintf("Ollama is not running on %s; it starts with the next question, or with `tandem engine start`", s.Host)
	case s.Ours:
		line = fmt.Sprintf("Ollama %s runs on %s, started by tandem %s ago (process %d)", s.Version, s.Host, short(time.Since(*s.Started)), s.PID)
		if s.StopsAt != nil {
			line += fmt.Sprintf("; stops in %s if it is not used", short(max(0, time.Until(*s.StopsAt))))
		}
	default:
		line = fmt.Sprintf("Ollama %s runs on %s; tandem did not start it, and does not stop it", s.Version, s.Host)
	}
	if s.Why != "" {
		line += "; " + s.Why
	}
	_, err := fmt.Fprintf(a.term.Out, "%s: %s\n", name, terminal.StripControls(line))
	return err
}

// tail prints the last n lines of a file.
func (a *app) tail(path string, n int) error {
	f, err := os.Open(path) //nolint:gosec // our own log
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no log yet: tandem has not started Ollama; start it with `tandem engine start`")
	}
	if err != nil {
		return fmt.Errorf("cannot read the log %s: %w", path, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	from := 0
	for i, seen := len(data)-2, 0; n > 0 && i >= 0; i-- {
		if data[i] == '\n' {
			if seen++; seen == n {
				from = i + 1
				break
			}
		}
	}
	_, err = io.WriteString(a.term.Out, terminal.StripControls(string(data[from:])))
	return err
}

// superviseCommand is the process that watches a managed Ollama. It is not for
// users.
func (a *app) superviseCommand() *cobra.Command {
	var cfg engine.Config
	cmd := &cobra.Command{
		Use: "supervise", Hidden: true, Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Host == "" || cfg.Dir == "" {
				return usageError{errors.New("this command is internal; use `tandem engine start`")}
			}
			return engine.Supervise(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Host, "host", "", "")
	f.StringVar(&cfg.Dir, "dir", "", "")
	f.StringVar(&cfg.Binary, "binary", "", "")
	f.DurationVar(&cfg.Idle, "idle", 0, "")
	return cmd
}

func atMostOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usageError{fmt.Errorf("`%s` takes at most %s, but got %d arguments; see `%[1]s --help`", cmd.CommandPath(), name, len(args))}
	}
}
