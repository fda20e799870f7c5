package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/doctor"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) setupCommand() *cobra.Command {
	var in preset
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set up the local model: start Ollama, download the model, check everything",
		Long: `Set up what your providers need on this machine: start Ollama if nothing listens,
download the model if it is missing, and run the doctor's checks. Steps
that are already done are skipped, so run it as often as you like.

With --preset, add a server that already runs on this machine to your own
configuration file instead: llama.cpp, vllm or lmstudio. It is added with
local: true, which is your word that the server runs its models itself.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case in.name != "":
				return a.setupPreset(cmd.Context(), in)
			case in.url != "":
				return usageError{errors.New("--base-url needs --preset")}
			}
			return a.setup(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&in.name, "preset", "", "add a `server` that runs on this machine: llama.cpp, vllm or lmstudio")
	cmd.Flags().StringVar(&in.url, "base-url", "", "`URL` of that server's API, if it is not the usual one")
	return cmd
}

func (a *app) setup(ctx context.Context) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	for i, name := range stack.Config().Use {
		t, err := target(stack, name)
		if err != nil {
			return err
		}
		if t.Config.Kind != config.KindOllama || !t.Config.Loopback() {
			continue
		}
		err = a.setupLocal(ctx, stack, t)
		if err != nil && (i == 0 || ctx.Err() != nil) {
			return err
		}
		if err != nil { // it is only a fallback; the checks below continue
			a.report(err)
		}
	}
	checks := doctor.Run(ctx, stack.Config(), stack, nil)
	if err := a.printChecks(checks); err != nil {
		return err
	}
	if doctor.Failed(checks) {
		return reported(errUnwell)
	}
	a.infof("ready; try: tandem ask \"Who is the Prime Minister of India?\"")
	a.infof("to search your own texts by meaning (tandem embed), get an embedding model: tandem models pull all-minilm")
	return nil
}

func (a *app) setupLocal(ctx context.Context, stack *stack.Stack, t stack.Configured) error {
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	_, inspector, err := able[provider.Inspector](stack, t.Config.Name, "describe models", nil)
	if err != nil {
		return err
	}
	_, err = inspector.Inspect(ctx, t.Config.Model)
	if !errors.Is(err, provider.ModelNotFound) {
		return err
	}
	a.showProgress(t.Config.Model + " is missing; downloading it, which may take minutes")
	err = a.modelsPull(ctx, t.Config.Name, t.Config.Model)
	if errors.Is(err, provider.Unavailable) {
		return fmt.Errorf("%w; `make demo` in a checkout of tandem brings smollm2:135m another way; then run `tandem setup` again", err)
	}
	return err
}
