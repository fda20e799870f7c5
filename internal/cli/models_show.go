package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsShowCommand() *cobra.Command {
	var from string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [MODEL]", Short: "Show the details of a model", Args: atMostOne("a model's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			model := ""
			if len(args) == 1 {
				model = args[0]
			}
			return a.modelsShow(cmd.Context(), from, model, asJSON)
		},
	}
	cmd.Flags().StringVar(&from, "provider", "", "the `provider` to ask (default: the first in use)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, metadata included")
	return cmd
}

func (a *app) modelsShow(ctx context.Context, name, model string, asJSON bool) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	if name == "" && model != "" {
		var use []string
		if use, model = stack.SplitModel(model); len(use) == 1 {
			name = use[0]
		}
	}
	t, inspector, err := able[provider.Inspector](stack, name, "describe models", a.allowed(stack))
	if err != nil {
		return err
	}
	if model != "" {
		if err := checkModelName(t.Provider, model); err != nil {
			return err
		}
	}
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	if model == "" {
		model = stack.Model(ctx, t.Config.Name)
	}
	info, err := inspector.Inspect(ctx, model)
	if err != nil {
		return stack.ExplainMissing(ctx, err, "")
	}
	shown := shownModel{ModelInfo: info}
	if m, ok, err := preload.MemoryOf(ctx, t.Provider, info); ok && err == nil {
		shown.Memory = &m
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, shown)
	}
	return printModel(a.term, t.Config.Name, shown)
}

// shownModel is a model with its memory.
type shownModel struct {
	provider.ModelInfo
	Memory *preload.Memory `json:"memory,omitempty"`
}

func printModel(t *terminal.Terminal, name string, m shownModel) error {
	w := t.Table()
	row := func(k, v string) {
		if v != "" {
			w.Row(k, terminal.StripControls(v))
		}
	}
	row("model", m.Name)
	row("provider", name)
	row("runs at", m.Remote)
	row("family", m.Family)
	row("parameters", m.Params)
	row("quantization", m.Quant)
	row("size", bytesText(m.Size))
	if m.Context > 0 {
		row("context length", fmt.Sprintf("%d tokens", m.Context))
	}
	var can []string
	for _, c := range m.Capabilities {
		can = append(can, string(c))
	}
	row("capabilities", strings.Join(can, ", "))
	forecast, measured := memoryText(m.Memory)
	row("forecast", forecast)
	row("measured", measured)
	row("digest", m.Digest)
	if !m.Modified.IsZero() {
		row("modified", m.Modified.Local().Format(time.DateTime))
	}
	row("defaults", strings.Join(strings.Fields(m.Parameters), " "))
	license, _, _ := strings.Cut(strings.TrimSpace(m.License), "\n")
	row("licence", strings.TrimSpace(license))
	return w.Flush()
}

// memoryText puts a model's memory, as forecast and as measured, in words.
func memoryText(m *preload.Memory) (forecast, measured string) {
	if m == nil {
		return "", ""
	}
	if e := m.Forecast; e != nil {
		forecast = fmt.Sprintf("%s: %s of weights, %s for %d tokens, %s to compute", bytesText(e.Total()), bytesText(e.Weights), bytesText(e.Cache), e.Window, bytesText(e.Compute))
		if e.Unsure != "" {
			forecast += fmt.Sprintf("; %s to %s, for %s", bytesText(e.Low), bytesText(e.High), e.Unsure)
		}
		switch m.Fit {
		case vram.Fits:
			forecast += "; it fits"
		case vram.Spills, vram.Exceeds:
			forecast += "; it does not fit: " + m.Says
		case vram.Unsure:
			forecast += "; it may not fit"
		}
	}
	measured = "not in memory now"
	if r := m.Measured; r != nil {
		measured = fmt.Sprintf("%s for %d tokens, on %s", bytesText(r.Size), r.Context, processor(*r))
	}
	return forecast, measured
}
