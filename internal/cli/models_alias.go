package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsAliasCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "alias [NAME MODEL]", Short: "Give a model a shorter name, or list such names",
		Long: `Write NAME as an alias of MODEL, or of PROVIDER/MODEL, into your own configuration
file. Then ` + "`-m NAME`, a chain's `model: NAME` and `/model NAME`" + ` ask that model.
Without arguments, list the aliases.`,
		Example: "  tandem models alias fast qwen3:8b\n  tandem models alias smart openai/gpt-6-sol\n  tandem ask -m fast \"Why is the sky blue?\"",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactArgs("an alias", "the model that it stands for")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.modelsAliases(asJSON)
			}
			return a.modelsAlias(cmd.Context(), args[0], args[1])
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, alias: model")
	return cmd
}

// modelsAliases lists the aliases.
func (a *app) modelsAliases(asJSON bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if asJSON {
		aliases := cfg.Aliases
		if aliases == nil {
			aliases = config.Aliases{}
		}
		return terminal.WriteJSON(a.term.Out, aliases)
	}
	if len(cfg.Aliases) == 0 {
		a.infof("there are no aliases; `tandem models alias NAME MODEL` makes one")
		return nil
	}
	w := tabwriter.NewWriter(a.term.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ALIAS\tMODEL")
	for _, name := range slices.Sorted(maps.Keys(cfg.Aliases)) {
		fmt.Fprintf(w, "%s\t%s\n", name, terminal.StripControls(cfg.Aliases[name]))
	}
	return w.Flush()
}

// modelsAlias writes an alias.
func (a *app) modelsAlias(ctx context.Context, name, model string) error {
	if !config.ValidName(name) {
		return usageError{fmt.Errorf("%q cannot be an alias; use letters, digits, dots, dashes and underscores", name)}
	}
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	if st.Has(name) {
		return usageError{fmt.Errorf("%s is a provider; choose another name", name)}
	}
	for _, t := range st.Targets {
		if t.Config.Kind == config.KindOllama && t.Config.Loopback() && installed(ctx, st, t.Config.Name, name) {
			return usageError{fmt.Errorf("%s is a model that %s has installed; choose another name, or that model could not be asked for", name, t.Config.Name)}
		}
	}
	draft, err := config.NewDraft(a.loadOptions(nil))
	if err != nil {
		return err
	}
	text, err := draft.WithAlias(name, model)
	if err != nil {
		return err
	}
	if err := draft.Save(text); err != nil {
		return err
	}
	a.infof("wrote %s as an alias of %s into %s", name, terminal.StripControls(model), draft.Path)
	return nil
}

// installed reports whether a provider lists a model of that name. It starts no engine.
func installed(ctx context.Context, st *stack.Stack, provider, name string) bool {
	models, err := st.Listed(ctx, provider)
	return err == nil && slices.ContainsFunc(models, called(name))
}

// called reports whether a model has that name, with or without its default tag.
func called(name string) func(provider.Model) bool {
	return func(m provider.Model) bool { return m.Name == name || m.Name == name+":latest" }
}

// aliasLines say which aliases there are, and which of them hide a listed model.
func aliasLines(aliases config.Aliases, all []targetModels) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(aliases)) {
		line := fmt.Sprintf("%s is an alias of %s", name, aliases[name])
		for _, t := range all {
			if slices.ContainsFunc(t.Models, called(name)) {
				line += fmt.Sprintf(", and hides the model of that name that %s has", t.Provider)
			}
		}
		lines = append(lines, terminal.OneLine(line))
	}
	return lines
}
