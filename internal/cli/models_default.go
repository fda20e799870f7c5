package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsDefaultCommand() *cobra.Command {
	return &cobra.Command{
		Use: "default [MODEL]", Short: "Show or set the model that a provider is asked for",
		Long: `Without MODEL, show the model of each provider in use. With it, write a provider's
model into your own configuration file: that of the provider local, or of another
one, as PROVIDER/MODEL. Who is asked stays; ` + "`tandem use`" + ` changes that. Comments in
the file stay.`,
		Example: "  tandem models default qwen3:8b\n  tandem models default openai/gpt-6-sol",
		Args:    atMostOne("a model's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.showDefaults(cmd.Context())
			}
			return a.modelsDefault(cmd.Context(), args[0])
		},
	}
}

// showDefaults shows the models of the providers in use.
func (a *app) showDefaults(ctx context.Context) error {
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	cfg := st.Config()
	w := a.term.Table("PROVIDER", "MODEL", "SET IN")
	for _, name := range cfg.Use {
		t, err := target(st, name)
		if err != nil {
			return err
		}
		from := "default"
		if x, err := cfg.Explain("providers." + name + ".model"); err == nil && x.Set {
			from = x.Origin
		}
		model := t.Config.Model
		if asked := st.Model(ctx, name); asked != model {
			from = fmt.Sprintf("the default, %s, is not installed", model)
			model = asked
		}
		w.Row(name, terminal.StripControls(model), from)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	prefix := ""
	if cfg.Use[0] != config.LocalName {
		prefix = cfg.Use[0] + "/"
	}
	a.note("`tandem models default %sMODEL` sets another model, `tandem use NAME` another provider", prefix)
	return nil
}

func (a *app) modelsDefault(ctx context.Context, given string) error {
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	name := config.LocalName
	use, model := st.SplitModel(given)
	if len(use) == 1 {
		name = use[0]
	}
	if model == "" {
		return usageError{fmt.Errorf("%q names a provider; give its model, too: tandem models default %[1]s/MODEL", name)}
	}
	t, err := target(st, name)
	if err != nil {
		return err
	}
	if err := checkModelName(t.Provider, model); err != nil {
		return err
	}
	draft, err := config.NewDraft(a.loadOptions(nil))
	if err != nil {
		return err
	}
	text, err := draft.WithModel(name, model)
	if err != nil {
		return err
	}
	if err := draft.Save(text); err != nil {
		return err
	}
	a.infof("wrote %s as the model of %s into %s", terminal.StripControls(model), name, draft.Path)
	a.checkDefault(ctx, st, name, model, t.Provider)
	a.noteOrder(name)
	return nil
}

// noteOrder says that a provider's model does not change who is asked.
func (a *app) noteOrder(name string) {
	cfg, err := a.load()
	if err != nil || len(cfg.Use) == 0 || cfg.Use[0] == name {
		return
	}
	names := []string{name}
	for _, n := range cfg.Use {
		if n != name && slices.Contains(cfg.Use, name) {
			names = append(names, n)
		}
	}
	a.note("%s is still asked first; to ask %s: `tandem use %s`", cfg.Use[0], name, strings.Join(names, ","))
}

// checkDefault says where the new default has no effect yet. It starts no engine.
func (a *app) checkDefault(ctx context.Context, st *stack.Stack, name, model string, p provider.Provider) {
	if cfg, err := a.load(); err == nil {
		if x, err := cfg.Explain("providers." + name + ".model"); err == nil && x.Value != model {
			a.warnf("%s sets the model %v, which counts here", x.Origin, x.Value)
		}
	}
	t, _ := st.Target(name)
	inspector, ok := provider.As[provider.Inspector](p)
	if !ok || t.Config.Kind != config.KindOllama {
		_ = a.checkModel(ctx, st, name+"/"+model) // it warns: the server may take names that it does not list
		return
	}
	if _, err := inspector.Inspect(ctx, model); errors.Is(err, provider.ModelNotFound) {
		a.warnf("%s does not have it yet; get it with `tandem models pull %s`", name, model)
	}
}
