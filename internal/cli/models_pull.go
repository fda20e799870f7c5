package cli

import (
	"context"
	"fmt"
	"strings"

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
	if err := checkModelName(model); err != nil {
		return err
	}
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	t, puller, err := able[provider.Puller](stack, name, "download models; only Ollama can", a.allowed(stack))
	if err != nil {
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

// checkModelName refuses what cannot be the name of an Ollama model before
// anyone is asked.
func checkModelName(name string) error {
	wrong := strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("/:._-@", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	for _, part := range strings.Split(name, "/") {
		wrong = wrong || strings.Trim(part, ".:@") == ""
	}
	if wrong {
		return usageError{fmt.Errorf("%q is not a model name: names have letters, digits and / : . _ - only, such as smollm2:135m", name)}
	}
	return nil
}
