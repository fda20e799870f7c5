package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// loadInput is what `tandem models load` was told.
type loadInput struct {
	from   string
	model  string
	unload bool
	window int // 0: the one that questions use
}

func (a *app) modelsLoadCommand() *cobra.Command {
	var in loadInput
	cmd := &cobra.Command{
		Use: "load [MODEL]", Short: "Load a model into memory, or unload it",
		Long: `Load a model into memory, so that the next question need not wait for it. It
stays loaded for "keep_alive" (5 minutes) after its last use. With --unload it
is unloaded at once.`,
		Example: "  tandem models load\n  tandem models load local/smollm2:135m\n  tandem models load --unload",
		Args:    atMostOne("a model's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				in.model = args[0]
			}
			return a.modelsLoad(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.from, "provider", "", "the `provider` that loads it (default: the first in use that can)")
	f.BoolVar(&in.unload, "unload", false, "unload the model instead")
	f.IntVar(&in.window, "num-ctx", 0, "context window in `tokens` (default: the one that `tandem ask` uses)")
	return cmd
}

// windowLoader is a provider.Loader that can be told the window.
type windowLoader interface {
	LoadWindow(ctx context.Context, model string, window int) error
}

func (a *app) modelsLoad(ctx context.Context, in loadInput) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	if in.from == "" && in.model != "" {
		var use []string
		if use, in.model = stack.SplitModel(in.model); len(use) == 1 {
			in.from = use[0]
		}
	}
	t, loader, err := able[provider.Loader](stack, in.from, "load models; only Ollama can", a.allowed(stack))
	if err != nil {
		return err
	}
	if in.window < 0 {
		return usageError{fmt.Errorf("--num-ctx %d: expected a number of tokens", in.window)}
	}
	if in.model != "" {
		if err := checkModelName(t.Provider, in.model); err != nil {
			return err
		}
	}
	if !in.unload {
		if err := ready(ctx, a, t); err != nil {
			return err
		}
	}
	if in.model == "" {
		in.model = stack.Model(ctx, t.Config.Name)
	}
	if in.unload {
		return a.modelsUnload(ctx, t, in.model)
	}
	a.progress("loading " + in.model + " into memory …")
	start := time.Now()
	if w, ok := provider.As[windowLoader](t.Provider); ok {
		err = w.LoadWindow(ctx, in.model, in.window)
	} else {
		err = loader.Load(ctx, in.model)
	}
	if err != nil {
		return stack.ExplainMissing(ctx, err, "")
	}
	if k := t.Config.KeepAlive; k != nil && *k == 0 {
		a.infof("%s loaded %s and unloaded it again: keep_alive is 0", t.Config.Name, in.model)
		return nil
	}
	a.infof("%s loaded %s in %s", t.Config.Name, in.model, short(time.Since(start)))
	return nil
}

// modelsUnload takes a model out of memory. An engine that does not run has
// none there, and is not started for that.
func (a *app) modelsUnload(ctx context.Context, t stack.Configured, model string) error {
	u, ok := provider.As[provider.Unloader](t.Provider)
	if !ok {
		return usageError{fmt.Errorf("%s cannot unload models; only Ollama can", t.Config.Name)}
	}
	if !asleep(ctx, t) {
		if err := u.Unload(ctx, model); err != nil {
			return err
		}
	}
	a.infof("%s unloaded %s", t.Config.Name, model)
	return nil
}

// loadCommand is the command line that continues a load when this process
// ends; see stack.Options.
func (a *app) loadCommand() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	argv := []string{self, "--quiet"}
	if a.flags.config != "" {
		argv = append(argv, "--config", a.flags.config)
	}
	if a.flags.offline {
		argv = append(argv, "--offline")
	}
	if a.flags.localOnly {
		argv = append(argv, "--local-only")
	}
	return append(argv, "models", "load")
}
