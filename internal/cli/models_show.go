package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsShowCommand() *cobra.Command {
	var from string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show [MODEL]", Short: "Tell all about one model", Args: atMostOne("a model's name"),
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
		if use, m := splitModel(model, stack.Has); len(use) == 1 {
			name, model = use[0], m
		}
	}
	t, inspector, err := able[provider.Inspector](stack, name, "describe models")
	if err != nil {
		return err
	}
	if model != "" && t.Config.Kind == config.KindOllama {
		if err := checkModelName(model); err != nil {
			return err
		}
	}
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	info, err := inspector.Inspect(ctx, model)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.term.out, info)
	}
	return printModel(a.term.out, t.Config.Name, info)
}

func printModel(out io.Writer, name string, m provider.ModelInfo) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	row := func(k, v string) {
		if v != "" {
			fmt.Fprintf(w, "%s\t%s\n", k, stripControls(v))
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
	row("digest", m.Digest)
	if !m.Modified.IsZero() {
		row("modified", m.Modified.Local().Format(time.DateTime))
	}
	row("defaults", strings.Join(strings.Fields(m.Parameters), " "))
	license, _, _ := strings.Cut(strings.TrimSpace(m.License), "\n")
	row("licence", strings.TrimSpace(license))
	return w.Flush()
}
