package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/doctor"
	"github.com/tandem-llm/tandem/internal/wire"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) setupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Bring up the local model: start Ollama, download the model, check it all",
		Long: `Bring up what the first provider in use needs: start its Ollama if nothing
listens, download its model if it is not there, and run the doctor's checks.
What is done already is left alone; run it as often as you like.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.setup(cmd.Context()) },
	}
}

func (a *app) setup(ctx context.Context) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	for _, name := range stack.Config().Use {
		t, err := target(stack, name)
		if err != nil {
			return err
		}
		if t.Engine == nil {
			continue
		}
		if err := a.setupLocal(ctx, stack, t); err != nil {
			return err
		}
	}
	checks := doctor.Run(ctx, stack.Config(), stack, nil)
	if err := a.printChecks(checks); err != nil {
		return err
	}
	if doctor.Failed(checks) {
		return reported(errUnwell)
	}
	a.term.note("ready; try: tandem ask \"Who is the Prime Minister of India?\"")
	return nil
}

func (a *app) setupLocal(ctx context.Context, stack *wire.Stack, t wire.Target) error {
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	_, inspector, err := able[provider.Inspector](stack, t.Config.Name, "describe models")
	if err != nil {
		return err
	}
	_, err = inspector.Inspect(ctx, t.Config.Model)
	if !errors.Is(err, provider.ModelNotFound) {
		return err
	}
	a.term.note("%s", a.term.dim(fmt.Sprintf("· %s is not there yet; downloading it, which may take minutes", t.Config.Model)))
	return a.modelsPull(ctx, t.Config.Name, t.Config.Model)
}
