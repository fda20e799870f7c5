package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) useCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use [NAME[,NAME...]]", Short: "Show or switch who is asked",
		Long: `Show which providers are asked, in order, and which others are configured. With
names, write them into your own configuration file as ` + "`use`" + `: the first is asked,
and the others are its fallbacks. To switch for one command only, add --use.`,
		Example: `  tandem use
  tandem use openai
  tandem use local,openai`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.showUse()
			}
			if len(a.flags.use) > 0 {
				return usageError{fmt.Errorf("give the names once: `tandem use %s`, without --use", strings.Join(args, ","))}
			}
			return a.setUse(strings.Split(strings.Join(args, ","), ","))
		},
	}
}

// showUse lists the providers, those in use first.
func (a *app) showUse() error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	w := a.term.Table("USE", "PROVIDER", "MODEL", "AT")
	for i, name := range cfg.Use {
		p, _ := cfg.Provider(name)
		w.Row(strconv.Itoa(i+1), name, terminal.StripControls(p.Model), addressOf(p))
	}
	other := "NAME"
	for _, p := range cfg.Providers {
		if !slices.Contains(cfg.Use, p.Name) {
			w.Row("-", p.Name, terminal.StripControls(p.Model), addressOf(p))
			other = p.Name
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	from := ""
	if x, err := cfg.Explain("use"); err == nil && x.Origin != string(config.RoleDefault) {
		from = "set in " + x.Origin + "; "
	}
	a.infof("%s", a.term.Dim(terminal.Hang("· ", from+"`tandem use "+other+"` switches", a.term.ErrWidth())))
	return nil
}

// addressOf is where a provider's prompts go, as people write it: without the port that
// its scheme has anyway.
func addressOf(p config.Provider) string {
	all := strings.Split(p.Endpoint(), ", ")
	for i, address := range all {
		u, err := url.Parse(address)
		if err == nil && (u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80") {
			u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
			all[i] = u.String()
		}
	}
	return strings.Join(all, ", ")
}

// setUse writes who is asked into the user's own file.
func (a *app) setUse(names []string) error {
	a.ownOnly = true
	own, err := a.load()
	if err != nil {
		return err
	}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if _, ok := own.Provider(names[i]); !ok {
			return unknownUse(own, names[i])
		}
		if slices.Contains(names[:i], names[i]) {
			return usageError{fmt.Errorf("%s is given twice", names[i])}
		}
	}
	draft, err := config.NewDraft(a.loadOptions(nil))
	if err != nil {
		return err
	}
	text, err := draft.WithUse(names)
	if err != nil {
		return err
	}
	if err := draft.Save(text); err != nil {
		return err
	}
	a.infof("%s", terminal.Hang("", fmt.Sprintf("wrote `use: %s` into %s", useText(names), draft.Path), a.term.ErrWidth()))
	a.ownOnly = false
	cfg, err := a.load()
	if err != nil {
		return nil //nolint:nilerr // a project's mistake, which the next command here tells
	}
	if x, err := cfg.Explain("use"); err == nil && !slices.Equal(cfg.Use, names) {
		a.warnf("%s sets `use: %s`, which counts here", x.Origin, useText(cfg.Use))
		return nil
	}
	a.noteUse(cfg)
	return nil
}

// useText is `use` as a file has it.
func useText(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// unknownUse is the error of a name that no provider of the user's has.
func unknownUse(cfg *config.Loaded, name string) error {
	var names []string
	for _, p := range cfg.Providers {
		names = append(names, p.Name)
	}
	if _, ok := catalog.FindServer(name); ok {
		return usageError{fmt.Errorf("there is no provider %q yet; add it with `tandem setup --preset %[1]s`", name)}
	}
	if near, ok := diag.Nearest(name, append(catalog.ServerNames(), names...)); ok {
		return usageError{fmt.Errorf("there is no provider %q; did you mean `tandem use %s`?", name, near)}
	}
	hint := ""
	if strings.ContainsAny(name, ":/") {
		hint = fmt.Sprintf("; to choose a model: `tandem models default %s`", name)
	}
	return usageError{fmt.Errorf("there is no provider %q; there are: %s%s", name, strings.Join(names, ", "), hint)}
}

// noteUse says what changes with who is asked now: where prompts go, and what keeps a
// provider from being asked.
func (a *app) noteUse(cfg *config.Loaded) {
	for i, name := range cfg.Use {
		p, _ := cfg.Provider(name)
		hosted := !p.Loopback()
		switch {
		case hosted && cfg.KeepsLocal():
			a.warnf("%s is not asked: your configuration keeps prompts on this machine (privacy: local or offline)", name)
			continue
		case hosted && i == 0:
			a.note("prompts go to %s (%s, %s)", addressOf(p), name, p.Model)
		case hosted:
			a.note("prompts go to %s (%s, %s) where %s cannot answer", addressOf(p), name, p.Model, cfg.Use[0])
		}
		if variable, ok := strings.CutPrefix(string(cfg.KeyRef(name)), "env:"); ok && a.getenv(variable) == "" {
			a.warnf("%s has no key: set %s, or store one with `tandem keys set %[1]s`", name, variable)
		}
	}
}

// warnf shows a warning in the terminal's width, and note a remark.
func (a *app) warnf(format string, args ...any) {
	const mark = "warning: "
	text := terminal.Hang(mark, terminal.OneLine(fmt.Sprintf(format, args...)), a.term.ErrWidth())
	a.infof("%s%s", a.term.Yellow(mark), strings.TrimPrefix(text, mark))
}

func (a *app) note(format string, args ...any) {
	a.infof("%s", a.term.Dim(terminal.Hang("· ", terminal.OneLine(fmt.Sprintf(format, args...)), a.term.ErrWidth())))
}
