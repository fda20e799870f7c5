package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsPSCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ps [PROVIDER]", Short: "List the models in memory", Args: atMostOne("a provider's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.modelsPS(cmd.Context(), strings.Join(args, ""), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

func (a *app) modelsPS(ctx context.Context, name string, asJSON bool) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	t, runner, err := able[provider.Runner](stack, name, "list the models in memory; only Ollama can", a.allowed(stack))
	if err != nil {
		return err
	}
	running := []provider.RunningModel{}
	if !asleep(ctx, t) {
		if running, err = runner.Running(ctx); err != nil {
			return err
		}
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, running)
	}
	if len(running) == 0 {
		a.infof("no model is in memory; the next question loads one")
		return nil
	}
	w := a.term.Table("MODEL", "SIZE", "ON", "CONTEXT", "UNLOADS")
	for _, m := range running {
		w.Row(terminal.StripControls(m.Name), bytesText(m.Size), processor(m), m.Context, unloads(m.Expires))
	}
	return w.Flush()
}

// processor says how much of a model is on the GPU.
func processor(m provider.RunningModel) string {
	switch {
	case m.Remote != "":
		return m.Remote
	case m.SizeVRAM == 0:
		return "CPU"
	case m.SizeVRAM >= m.Size:
		return "GPU"
	}
	return fmt.Sprintf("%d%% GPU, the rest spilled to CPU", m.SizeVRAM*100/m.Size)
}

func unloads(at time.Time) string {
	d := time.Until(at)
	switch {
	case at.IsZero() || d > 10*365*24*time.Hour:
		return "never"
	case d < 0:
		return "now"
	}
	return "in " + short(d)
}

// asleep reports whether a managed engine is simply not running: no model is in
// memory then, and there is no reason to start it.
func asleep(ctx context.Context, t stack.Configured) bool {
	if t.Engine == nil {
		return false
	}
	st := t.Engine.Status(ctx)
	return !st.Answering && !st.Taken
}
