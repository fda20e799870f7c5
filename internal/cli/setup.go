package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/doctor"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// setupInput is what `tandem setup` was told.
type setupInput struct {
	yes           bool
	installOllama bool
	noDownload    bool
	model         string
	fallback      string
	preset        string
	url           string
}

func (a *app) setupCommand() *cobra.Command {
	var in setupInput
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set up a local model, and a fallback if you want one",
		Long: `Set up Tandem on this machine: find or start Ollama, choose a model that fits the
memory, add a fallback if you want one, write your configuration file, download
the model, check everything, and ask a first question. At a terminal it asks at
each step, Enter accepts the answer in brackets, and Ctrl-C stops: nothing is
written before you agree. Run it as often as you like.

Without a terminal it asks nothing. It starts Ollama, downloads the model that is
configured, and runs the checks. With --yes it accepts all defaults: an installed model,
or else the download of the one that fits best, and no fallback.

With --preset it adds a server to your configuration file, and does nothing else:
` + strings.Join(catalog.ServerNames(), ", ") + `.
A key is read from the server's usual environment variable, or asked for and
stored in the system's keyring.`,
		Example: `  tandem setup
  tandem setup --yes --model qwen3.5:4b
  tandem setup --fallback openai
  tandem setup --preset lmstudio`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case in.preset != "" && (in.yes || in.fallback != "" || in.installOllama || in.noDownload):
				return usageError{errors.New("--preset only adds a server; leave out --yes, --fallback, --install-ollama and --no-download")}
			case in.preset != "":
				return a.setupPreset(cmd.Context(), in)
			case in.url != "" && in.fallback == "":
				return usageError{errors.New("--base-url needs --preset or --fallback")}
			}
			if _, known := catalog.FindServer(in.fallback); in.fallback != "" && in.fallback != "none" && !known {
				return unknownPreset(in.fallback, "none")
			}
			return a.setup(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&in.yes, "yes", "y", false, "ask nothing and accept the defaults; downloads the proposed model")
	f.StringVarP(&in.model, "model", "m", "", "`model` to set up; with --preset, the server's model")
	f.StringVar(&in.fallback, "fallback", "", "`server` that answers when the local model cannot, as --preset names it, or none")
	f.BoolVar(&in.installOllama, "install-ollama", false, "run Ollama's official installer if Ollama is missing (Linux)")
	f.BoolVar(&in.noDownload, "no-download", false, "download no model")
	f.StringVar(&in.preset, "preset", "", "only add this `server` to your configuration file")
	f.StringVar(&in.url, "base-url", "", "`URL` of the server's API, if it is not the usual one")
	return cmd
}

// setup runs the wizard: with questions at a terminal, and else with their defaults.
// The first Ollama on this machine that is in use is set up; the others are made
// ready.
func (a *app) setup(ctx context.Context, in setupInput) (err error) {
	w := &wizard{app: a, in: in, asks: a.term.Interactive() && !in.yes}
	defer func() {
		if w.writes() && w.written == nil && (ctx.Err() != nil || errors.Is(err, context.Canceled)) {
			w.say("nothing was written")
		}
	}()
	a.ownOnly = w.writes()
	if w.stack, err = a.open(ctx); err != nil {
		return err
	}
	defer func() { w.stack.Close() }()
	for i, name := range w.stack.Config().Use {
		t, err := target(w.stack, name)
		if err != nil {
			return err
		}
		if t.Config.Kind != config.KindOllama || !t.Config.Loopback() {
			continue
		}
		if w.local == nil {
			w.local = &t
			if err = w.chooseLocal(ctx); errors.Is(err, errDeclined) {
				w.local, w.other, err = nil, true, nil
			}
		} else {
			err = a.setupOther(ctx, w.stack, t)
		}
		if err != nil && (i == 0 || ctx.Err() != nil) {
			return err
		}
		if err != nil { // it is only a fallback; the checks below continue
			a.report(err)
		}
	}
	if w.local == nil && !w.other && (in.model != "" || in.installOllama) {
		return usageError{errors.New("no Ollama on this machine is in use; see `tandem config explain use`")}
	}
	if err := w.finish(ctx); err != nil {
		return err
	}
	return w.check(ctx)
}

// check runs the doctor's checks, and asks a first question.
func (w *wizard) check(ctx context.Context) error {
	checks := doctor.Run(ctx, w.toCheck(), w.stack, nil)
	lacks := w.in.noDownload && w.local != nil && w.model.tag != "" && !w.model.installed
	for i := range checks { // a model that is not there, as --no-download left it
		if lacks && checks[i].Name == w.local.Config.Name+": model" && checks[i].Status == doctor.Fail {
			checks[i].Status = doctor.Warn
		}
	}
	if err := w.printChecks(checks); err != nil {
		return err
	}
	if doctor.Failed(checks) {
		return reported(errUnwell)
	}
	if lacks {
		w.warnOverridden()
		w.warnf("%s is not on this machine, and --no-download was given; get it with `tandem models pull %[1]s`", w.model.tag)
		w.say("then try: tandem ask \"Who is the Prime Minister of India?\"")
		return nil
	}
	if err := w.firstAnswer(ctx); err != nil {
		return err
	}
	w.warnOverridden()
	w.say("ready; try: tandem ask \"Who is the Prime Minister of India?\"")
	w.hintEmbed(ctx)
	return nil
}

// hintEmbed says how to search texts by their meaning: with an embedding model that is
// installed, or else after the download of a small one.
func (w *wizard) hintEmbed(ctx context.Context) {
	if w.local == nil {
		return
	}
	switch model, err := w.embedder(ctx); {
	case err != nil: // the checks have said what is wrong
	case model == "":
		w.say("to search your own texts by meaning (tandem embed), get an embedding model: tandem models pull all-minilm")
	default:
		w.say("to search your own texts by meaning: tandem embed notes -m %s notes/", model)
	}
}

// embedder is a model on this machine that makes embeddings, or "".
func (w *wizard) embedder(ctx context.Context) (string, error) {
	models, err := w.stack.Listed(ctx, w.local.Config.Name)
	if err != nil {
		return "", err
	}
	t, _ := w.stack.Target(w.local.Config.Name)
	inspector, ok := provider.As[provider.Inspector](t.Provider)
	for _, m := range models {
		if m.Remote != "" || !ok {
			continue
		}
		info, err := inspector.Inspect(ctx, m.Name)
		if can, _ := info.Can(provider.CanEmbed); can && err == nil {
			return strings.TrimSuffix(m.Name, ":latest"), nil
		}
	}
	return "", nil
}

// setupOther makes another Ollama ready, with the model that is configured.
func (a *app) setupOther(ctx context.Context, stack *stack.Stack, t stack.Configured) error {
	if err := ready(ctx, a, t); err != nil {
		return err
	}
	model := stack.Model(ctx, t.Config.Name)
	inspector, ok := provider.As[provider.Inspector](t.Provider)
	if !ok {
		return nil
	}
	_, err := inspector.Inspect(ctx, model)
	if !errors.Is(err, provider.ModelNotFound) {
		return err
	}
	return a.setupPull(ctx, t.Config.Name, model)
}

// setupPull downloads a model that is missing.
func (a *app) setupPull(ctx context.Context, name, model string) error {
	a.infof("%s", a.term.Dim(terminal.Hang("· ", model+" is missing; downloading it, which may take minutes", a.term.ErrWidth())))
	err := a.modelsPull(ctx, name, model)
	switch {
	case errors.Is(err, failure.ErrDiskFull):
		return err
	case errors.Is(err, provider.Unavailable):
		return &advised{err, "`make demo` in a checkout of tandem brings smollm2:135m another way; then run `tandem setup` again"}
	case err != nil && ctx.Err() == nil:
		return &advised{err, "choose another with `tandem setup --model NAME`"}
	}
	return err
}
