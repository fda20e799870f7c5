package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Show, explain, check and edit the configuration",
		Long: `Show, explain, check and edit the configuration. A value comes from the first of
these that sets it: flags, environment variables, the project's ./config.yaml or
./tandem.yaml, your own file, built-in defaults. Privacy and offline can only be
tightened.`,
	}
	cmd.AddCommand(
		a.configShowCommand(), a.configExplainCommand(), a.configPathCommand(),
		a.configCheckCommand(), a.configEditCommand(), a.configTrustCommand(),
	)
	return cmd
}

// loadAny is load for commands that only look: they say which providers an untrusted
// project's file keeps from being asked.
func (a *app) loadAny() (*config.Loaded, error) {
	cfg, err := a.load()
	if err != nil || cfg.Trusted() {
		return cfg, err
	}
	var names []string
	for _, d := range cfg.Demands() {
		if !slices.Contains(names, d.Provider) {
			names = append(names, d.Provider)
		}
	}
	a.term.Noticef("%s the project's configuration is not trusted, so %s is not asked; see `tandem config trust`", a.term.Yellow("note:"), strings.Join(names, ", "))
	return cfg, nil
}

func (a *app) configShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show", Short: "Print the merged configuration", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error { return a.configShow(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) configShow(asJSON bool) error {
	cfg, err := a.loadAny()
	if err != nil {
		return err
	}
	text, err := cfg.YAML()
	if asJSON {
		text, err = cfg.JSON()
		text = append(text, '\n')
	}
	if err != nil {
		return err
	}
	_, err = a.term.Out.Write(text)
	return err
}

func (a *app) configExplainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "explain KEY", Short: "Show a key's value and where it comes from",
		Example: `  tandem config explain temperature
  tandem config explain providers.local.model`,
		Args: exactArgs("a key, such as `use`"),
		RunE: func(_ *cobra.Command, args []string) error { return a.configExplain(args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) configExplain(key string, asJSON bool) error {
	cfg, err := a.loadAny()
	if err != nil {
		return err
	}
	x, err := cfg.Explain(key)
	if err != nil {
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, x)
	}
	w := a.term.Table()
	if x.Set {
		w.Row(x.Key+": "+valueText(x.Value), fmt.Sprint("from ", x.Origin))
	} else {
		w.Row(x.Key+": ", "not set; the engine's own default applies")
	}
	for _, o := range x.Overrides {
		note := "overridden"
		if o.Note != "" {
			note = o.Note
		}
		w.Row("  "+valueText(o.Value), fmt.Sprintf("from %s (%s)", o.Origin, note))
	}
	return w.Flush()
}

// valueText is a value on one line, as a file would have it.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = valueText(e)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	return fmt.Sprint(v)
}

func (a *app) configPathCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "path", Short: "Show which configuration files are read, and which exist", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error { return a.configPath(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

type fileJSON struct {
	Role   config.Role `json:"role"`
	Path   string      `json:"path"`
	Exists bool        `json:"exists"`
	// Skipped: it is another program's.
	Skipped bool `json:"skipped,omitempty"`
}

func (a *app) configPath(asJSON bool) error {
	cfg, err := a.load() // it has the files, whatever is wrong with them
	files := []fileJSON{}
	for _, f := range cfg.Files {
		files = append(files, fileJSON{Role: f.Role, Path: f.Path, Exists: f.Exists})
	}
	if cfg.Skipped != "" {
		files = append(files, fileJSON{Role: config.RoleProject, Path: cfg.Skipped, Exists: true, Skipped: true})
	}
	if len(files) == 0 && err != nil { // none is read, and this is why
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, files)
	}
	if len(files) == 0 {
		a.term.Noticef("no file is read: --config or TANDEM_CONFIG is none")
	}
	w := a.term.Table()
	for _, f := range files {
		state := "exists"
		switch {
		case f.Skipped:
			state = "ignored: not a Tandem configuration"
		case !f.Exists:
			state = "does not exist"
		}
		w.Row(f.Role, f.Path, state)
	}
	return w.Flush()
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Check the configuration, or one file, for mistakes",
		Long: `Report every mistake in the configuration that applies here: files, environment
and flags. With FILE, check only that file.`,
		Args: atMostOne("a file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.configCheck(args) },
	}
}

func (a *app) configCheck(files []string) error {
	var warnings []string
	var err error
	if len(files) == 1 {
		warnings, err = config.Check(files[0], a.lookupEnv)
	} else {
		var cfg *config.Loaded
		cfg, err = a.loadTrusted()
		warnings = cfg.Warnings
		for _, f := range cfg.Files {
			if f.Exists {
				files = append(files, f.Path)
			}
		}
	}
	for _, w := range warnings {
		a.term.Noticef("%s %s", a.term.Yellow("warning:"), w)
	}
	if err != nil {
		return err
	}
	what := strings.Join(files, ", ")
	if what == "" {
		what = "the built-in defaults"
	}
	_, err = fmt.Fprintf(a.term.Out, "ok: %s\n", what)
	return err
}

func (a *app) configTrustCommand() *cobra.Command {
	var yes, revoke bool
	cmd := &cobra.Command{
		Use: "trust", Short: "Trust the project's configuration",
		Long: `Show what the project's configuration needs your consent for, and ask for it:
sending a key or prompts where your own configuration does not, or running a
program. Any change to the file needs consent again.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if revoke {
				return a.configRevoke()
			}
			return a.configTrust(cmd.Context(), yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "revoke the trust")
	return cmd
}

func (a *app) configTrust(ctx context.Context, yes bool) error {
	cfg, err := a.loadTrusted()
	if err != nil && !errors.Is(err, config.ErrUntrusted) {
		return err
	}
	switch {
	case len(cfg.Demands()) == 0 && err == nil:
		a.term.Noticef("nothing to trust: there is no project configuration, or nothing in it needs your consent")
		return nil
	case cfg.Trusted():
		a.term.Noticef("already trusted; revoke it with `tandem config trust --revoke`")
	}
	for _, d := range cfg.Demands() {
		line := chatui.Visible(fmt.Sprintf("%s: it wants to %s", d.Place, d.Text))
		if _, err := fmt.Fprintln(a.term.Out, line); err != nil {
			return err
		}
		if !a.term.OutIsTTY && !yes && !cfg.Trusted() {
			a.term.Subjectf("%s", line) // whoever is asked must see it
		}
	}
	if cfg.Trusted() {
		return nil
	}
	if !yes && !a.term.Interactive() {
		return usageError{errors.New("there is no terminal to ask on; if you agree, run `tandem config trust --yes`")}
	}
	if !yes {
		switch agreed, err := a.term.Confirm(ctx, "Do you agree?"); {
		case err != nil:
			return err
		case !agreed:
			return usageError{errors.New("not trusted; nothing was changed")}
		}
	}
	path, err := cfg.Trust()
	if err != nil {
		return err
	}
	a.term.Noticef("trusted %s; any change to it needs trust again", path)
	return nil
}

func (a *app) configRevoke() error {
	cfg, _ := a.load() // trust can be taken back from a file with mistakes
	path, revoked, err := cfg.Revoke()
	if err != nil {
		return err
	}
	if !revoked {
		a.term.Noticef("%s was not trusted", path)
		return nil
	}
	a.term.Noticef("%s is no longer trusted", path)
	return nil
}
