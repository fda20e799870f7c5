package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsPullCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "pull MODEL", Short: "Download a model to this machine",
		Long:    "Download a model. An interrupted download resumes where it stopped.",
		Example: "  tandem models pull smollm2:135m",
		Args:    exactArgs("a model's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.modelsPull(cmd.Context(), from, args[0])
		},
	}
	cmd.Flags().StringVar(&from, "provider", "", "the Ollama `provider` to download to (default: the first in use)")
	return cmd
}

func (a *app) modelsPull(ctx context.Context, name, model string) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	t, puller, err := able[provider.Puller](stack, name, "download models; only Ollama can", a.allowed(stack))
	if err != nil {
		return err
	}
	if err := checkModelName(t.Provider, model); err != nil {
		return err
	}
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	p := newPullView(a.term, a.flags.quiet)
	for progress, err := range puller.Pull(ctx, model) {
		if err != nil {
			p.clearBar()
			return err
		}
		p.show(progress)
	}
	p.clearBar()
	a.infof("%s has %s", t.Config.Name, model)
	return nil
}

// checkModelName refuses what a provider takes for no model's name, before anyone
// is asked and an engine started.
func checkModelName(p provider.Provider, name string) error {
	checker, ok := provider.As[interface{ CheckModelName(string) error }](p)
	if !ok {
		return nil
	}
	if err := checker.CheckModelName(name); err != nil {
		return usageError{err}
	}
	return nil
}
