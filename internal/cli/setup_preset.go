package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
)

// presetURL is where a server that runs models itself listens by default.
func presetURL(preset string) (url string, ok bool) {
	url, ok = map[string]string{
		"llama.cpp": "http://127.0.0.1:8080/v1",
		"vllm":      "http://127.0.0.1:8000/v1",
		"lmstudio":  "http://127.0.0.1:1234/v1",
	}[preset]
	return url, ok
}

// preset is what `setup --preset` was told.
type preset struct {
	name, url string
}

// setupPreset writes the provider of a server that runs its models on this
// machine into the user's file, with the first model that it lists.
func (a *app) setupPreset(ctx context.Context, in preset) error {
	usual, ok := presetURL(in.name)
	if !ok {
		return usageError{fmt.Errorf("unknown preset %q; the presets are llama.cpp, vllm and lmstudio", in.name)}
	}
	if in.url == "" {
		in.url = usual
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if _, exists := cfg.Provider(in.name); exists {
		return usageError{fmt.Errorf("the provider %s already exists; see `tandem config show`, change it with `tandem config edit`", in.name)}
	}
	model, err := firstModel(ctx, in)
	if err != nil {
		return err
	}
	draft, err := config.NewDraft(config.LoadOptions{UserFile: a.flags.config})
	if err != nil {
		return err
	}
	text, err := draft.WithProvider(config.Provider{Name: in.name, Kind: config.KindOpenAI, BaseURL: in.url, Model: model, Local: true})
	if err != nil {
		return err
	}
	if err := draft.Save(text); err != nil {
		return err
	}
	a.infof("wrote the provider %s (%s at %s, local: true) into %s; try: tandem --use %[1]s ask hello", in.name, model, in.url, draft.Path)
	return nil
}

// firstModel asks a server on this machine which models it has.
func firstModel(ctx context.Context, in preset) (string, error) {
	models, gateway, err := stack.ModelsAt(ctx, in.name, in.url)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w; start the server first, or give its address with --base-url", err)
	case gateway != "":
		return "", usageError{fmt.Errorf("the server at %s answers through %s, so it does not run its models itself; write its provider without `local: true`", in.url, gateway)}
	case len(models) == 0:
		return "", errors.New("the server at " + in.url + " lists no model; load one first")
	}
	return models[0].Name, nil
}
