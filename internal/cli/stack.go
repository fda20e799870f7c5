package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// open loads the configuration and assembles the stack.
func (a *app) open(context.Context) (*stack.Stack, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	if !a.flags.quiet {
		for _, w := range cfg.Warnings {
			a.term.Noticef("%s %s", a.term.Yellow("warning:"), w)
		}
	}
	return a.assemble(cfg)
}

func (a *app) assemble(cfg *config.Loaded) (*stack.Stack, error) {
	answers, err := a.answers.options()
	if err != nil {
		return nil, err
	}
	return stack.Open(cfg, stack.Options{
		Answers:     answers,
		Pace:        a.pace,
		Secrets:     &a.term.Secrets,
		LoadCommand: a.loadCommand(),
		Observe:     a.showRouterEvent,
		StateDir:    a.stateDir(), Version: buildVersion().Version, Environ: a.environ,
		Progress: a.progress,
		Queued:   func(provider string) { a.wait.show("waiting for a free slot of " + provider) },
		Warn: func(msg string) {
			if !a.flags.quiet {
				a.term.Noticef("%s %s", a.term.Yellow("warning:"), terminal.StripControls(msg))
			}
		},
	})
}

// load reads the configuration, with the flags that every command takes. What the
// project's file wants and the user has not granted is no error: the providers that
// it wants it for are refused when they are to be asked, see [config.Loaded.Untrusted].
func (a *app) load() (*config.Loaded, error) {
	cfg, err := a.loadTrusted()
	if errors.Is(err, config.ErrUntrusted) {
		err = nil
	}
	return cfg, err
}

// loadTrusted is load where the trust is what is asked for: its error may be
// ErrUntrusted, of a configuration that is whole.
func (a *app) loadTrusted() (*config.Loaded, error) {
	set := map[string]string{}
	if len(a.flags.use) > 0 {
		set["use"] = strings.Join(a.flags.use, ",")
	}
	if a.flags.localOnly {
		set["privacy"] = "local"
	}
	if a.flags.offline {
		set["offline"] = "true"
	}
	if a.unlogged {
		set["log"] = config.LogOff
	}
	cfg, err := config.Load(a.loadOptions(set))
	a.config = cfg
	if own := a.budget; own != nil && (cfg.Budget.PerRun == nil || *cfg.Budget.PerRun > *own) {
		cfg.Budget.PerRun = own
	}
	if cfg.Skipped != "" && a.flags.verbose && !a.skipped {
		a.skipped = true
		a.term.Noticef("%s", skippedText(cfg.Skipped))
	}
	if err == nil && len(cfg.Quoted) > 0 && a.flags.verbose && !a.quoted {
		a.quoted = true
		a.term.Noticef("%s", a.term.Dim("· the quotation marks around the value of "+strings.Join(cfg.Quoted, ", ")+" are dropped"))
	}
	return cfg, err
}

func (a *app) loadOptions(set map[string]string) config.LoadOptions {
	return config.LoadOptions{UserFile: a.flags.config, NoProject: a.ownOnly, Env: a.lookupEnv, Set: set, Keyring: a.keyStore(), Secret: func(value string) { a.term.Secrets.AddHeader(value) }}
}

// stateDir is where tandem keeps what it remembers between calls: the
// configuration's [config.StateDir], or a temporary one for a user without a home.
func (a *app) stateDir() string {
	if dir := config.StateDir(a.lookupEnv); dir != "" {
		return dir
	}
	return filepath.Join(os.TempDir(), "tandem-state")
}

// skippedText says why a config.yaml is not read.
func skippedText(path string) string {
	return path + " is not a Tandem configuration (it names no provider and has other keys) and is ignored; a project's file may also be called tandem.yaml"
}
