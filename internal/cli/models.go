package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/wire"
	"github.com/tandem-llm/tandem/provider"
)

func (a *app) modelsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "models", Short: "List, download and inspect models"}
	cmd.AddCommand(a.modelsListCommand(), a.modelsPullCommand(), a.modelsShowCommand(), a.modelsPSCommand())
	return cmd
}

// targetModels is one provider's answer to a question about its models.
type targetModels struct {
	Provider string           `json:"provider"`
	Models   []provider.Model `json:"models"`
	Error    *errorJSON       `json:"error,omitempty"`
	err      error
}

func (a *app) modelsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [PROVIDER]", Aliases: []string{"ls"}, Short: "List the models that can be asked",
		Long: "List the models of the providers in `use`, or of the one that is named.",
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
		r := targetModels{Provider: name}
		r.Models, r.err = t.Provider.Models(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.err != nil {
			failed++
			r.Error = errorOf(r.err)
		}
		all = append(all, r)
	}
	if asJSON {
		err = writeJSON(a.term.out, all)
	} else {
		err = a.printModels(all)
	}
	if err == nil && failed == len(all) {
		return reported(all[0].err)
	}
	return err
}

func (a *app) printModels(all []targetModels) error {
	w := tabwriter.NewWriter(a.term.out, 0, 4, 2, ' ', 0)
	rows := 0
	for _, t := range all {
		for _, m := range t.Models {
			if rows == 0 {
				fmt.Fprintln(w, "PROVIDER\tMODEL\tSIZE\tPARAMETERS\tQUANTIZATION\tRUNS")
			}
			rows++
			runs := ""
			if m.Remote != "" {
				runs = "at " + m.Remote
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Provider, stripControls(m.Name), bytesText(m.Size), m.Params, m.Quant, runs)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, t := range all {
		switch {
		case t.err != nil:
			a.report(t.err)
		case len(t.Models) == 0:
			a.term.note("%s has no models; get one with `tandem models pull smollm2:135m`", t.Provider)
		}
	}
	return nil
}

func (a *app) modelsPullCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "pull MODEL", Short: "Download a model to this machine",
		Long:    "Download a model. A download that was broken off goes on from where it was.",
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
	t, puller, err := able[provider.Puller](stack, name, "download models; only Ollama does")
	if err != nil {
		return err
	}
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	p := newPullView(a.term)
	for progress, err := range puller.Pull(ctx, model) {
		if err != nil {
			p.end()
			return err
		}
		p.show(progress)
	}
	p.end()
	a.term.note("%s has %s", t.Config.Name, model)
	return nil
}

// checkModelName refuses what cannot be a model's name before anyone is asked.
func checkModelName(name string) error {
	if i := strings.IndexFunc(name, func(r rune) bool {
		return !strings.ContainsRune("/:._-@", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}); i >= 0 || name == "" {
		return usageError{fmt.Errorf("%q is no model name: names have letters, digits and / : . _ - only, such as smollm2:135m", name)}
	}
	return nil
}

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
	_, runner, err := able[provider.Runner](stack, name, "tell which models are in memory; only Ollama does")
	if err != nil {
		return err
	}
	running, err := runner.Running(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.term.out, running)
	}
	if len(running) == 0 {
		a.term.note("no model is in memory; the next question loads one")
		return nil
	}
	w := tabwriter.NewWriter(a.term.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tSIZE\tON\tCONTEXT\tUNLOADS")
	for _, m := range running {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", m.Name, bytesText(m.Size), processor(m), m.Context, unloads(m.Expires))
	}
	return w.Flush()
}

// processor says how much of a model is on the GPU.
func processor(m provider.RunningModel) string {
	switch {
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

// target returns the provider of that name.
func target(stack *wire.Stack, name string) (wire.Target, error) {
	t, ok := stack.Target(name)
	if !ok {
		return t, usageError{fmt.Errorf("there is no provider %q; see `tandem config show`", name)}
	}
	return t, nil
}

// able returns the provider of that name, or the first in use, that has the
// ability T.
func able[T any](stack *wire.Stack, name, what string) (wire.Target, T, error) {
	var none T
	names := stack.Config().Use
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		t, err := target(stack, n)
		if err != nil {
			return t, none, err
		}
		if v, ok := provider.As[T](t.Provider); ok {
			return t, v, nil
		}
	}
	return wire.Target{}, none, usageError{fmt.Errorf("%s cannot %s", strings.Join(names, ", "), what)}
}

// ready starts a managed engine that is about to be asked.
func ready(ctx context.Context, a *app, t wire.Target) error {
	if t.Engine == nil {
		return nil
	}
	err := t.Engine.Ensure(ctx, func(msg string) { a.term.note("%s", a.term.dim("· "+msg)) })
	if err != nil && !errors.Is(err, context.Canceled) {
		return &provider.Error{Kind: provider.Unavailable, Provider: t.Config.Name, Err: err}
	}
	return err
}

func bytesText(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+1<<9)>>10)
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
