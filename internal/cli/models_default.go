package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsDefaultCommand() *cobra.Command {
	return &cobra.Command{
		Use: "default MODEL", Short: "Set the model that is asked by default",
		Long: `Write a provider's model into your own configuration file: that of the provider
local, or of another one, as PROVIDER/MODEL. Comments in the file stay.`,
		Example: "  tandem models default qwen3:8b\n  tandem models default openai/gpt-6-sol",
		Args:    exactArgs("a model's name"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.modelsDefault(cmd.Context(), args[0]) },
	}
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
	return nil
}

// checkDefault says where the new default has no effect yet. It starts no engine.
func (a *app) checkDefault(ctx context.Context, st *stack.Stack, name, model string, p provider.Provider) {
	if cfg, err := a.load(); err == nil {
		if x, err := cfg.Explain("providers." + name + ".model"); err == nil && x.Value != model {
			a.infof("%s %s sets the model %v, which counts here", a.term.Yellow("warning:"), x.Origin, x.Value)
		}
	}
	t, _ := st.Target(name)
	inspector, ok := provider.As[provider.Inspector](p)
	if !ok || t.Config.Kind != config.KindOllama {
		_ = a.checkModel(ctx, st, name+"/"+model) // it warns: the server may take names that it does not list
		return
	}
	if _, err := inspector.Inspect(ctx, model); errors.Is(err, provider.ModelNotFound) {
		a.infof("%s %s does not have it yet; get it with `tandem models pull %s`", a.term.Yellow("warning:"), name, model)
	}
}
