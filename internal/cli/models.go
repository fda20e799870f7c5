package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "models", Short: "List, download and inspect models", Long: "List the models of the providers in `use`, as `tandem models list` does, or do more with them."}
	bareLists(cmd, func(ctx context.Context) error { return a.modelsList(ctx, nil, false) })
	cmd.AddCommand(a.modelsListCommand(), a.modelsPullCommand(), a.modelsShowCommand(), a.modelsPSCommand(), a.modelsHostsCommand(), a.modelsLoadCommand(), a.modelsDefaultCommand(), a.modelsAliasCommand())
	return cmd
}

// targetModels is one provider's answer to a question about its models.
type targetModels struct {
	Provider string           `json:"provider"`
	Models   []provider.Model `json:"models"`
	Error    *runner.Error    `json:"error,omitempty"`
	err      error
	kind     string
}

func (a *app) modelsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [PROVIDER]", Aliases: []string{"ls"}, Short: "List available models",
		Long: "List the models of the providers in `use`, or of PROVIDER.",
		Args: atMostOne("a provider's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.modelsList(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array, an object for each provider")
	return cmd
}

func (a *app) modelsList(ctx context.Context, names []string, asJSON bool) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	for _, name := range names {
		if err := checkAllowed("the command", name, a.allowed(stack)); stack.Has(name) && err != nil {
			return err
		}
	}
	if len(names) == 0 {
		names = stack.Config().Use
	}
	var all []targetModels
	failed := 0
	for _, name := range names {
		t, err := target(stack, name)
		if err != nil {
			return err
		}
		r := targetModels{Provider: name, kind: t.Config.Kind}
		r.Models, r.err = t.Provider.Models(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.Models == nil {
			r.Models = []provider.Model{} // a list in JSON, not null
		}
		if r.err != nil {
			failed++
			r.Error = a.errorOf(r.err)
		}
		all = append(all, r)
	}
	if asJSON {
		err = terminal.WriteJSON(a.term.Out, all)
	} else {
		err = a.printModels(all)
		for _, line := range aliasLines(stack.Config().Aliases, all) {
			a.infof("%s", a.term.Dim("· "+line))
		}
	}
	if err == nil && failed == len(all) {
		return reported(all[0].err)
	}
	return err
}

func (a *app) printModels(all []targetModels) error {
	w := a.term.Table("PROVIDER", "MODEL", "SIZE", "PARAMETERS", "QUANTIZATION", "RUNS")
	for _, t := range all {
		for _, m := range t.Models {
			runs := ""
			if m.Remote != "" {
				runs = "at " + m.Remote
			}
			w.Row(t.Provider, terminal.StripControls(m.Name), bytesText(m.Size), m.Params, m.Quant, runs)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, t := range all {
		switch {
		case t.err != nil:
			a.report(t.err)
		case len(t.Models) == 0 && t.kind == config.KindOllama:
			a.infof("%s has no models; get one with `tandem models pull smollm2:135m`", t.Provider)
		case len(t.Models) == 0:
			a.infof("%s lists no models", t.Provider)
		}
	}
	return nil
}
