package cli

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
)

// setupPreset writes the provider of a server into the user's file.
func (a *app) setupPreset(ctx context.Context, in setupInput) error {
	preset, ok := catalog.FindServer(in.preset)
	if !ok {
		return unknownPreset(in.preset)
	}
	w := &wizard{app: a, in: in, asks: a.term.Interactive()}
	a.ownOnly = true
	var err error
	if w.stack, err = a.open(ctx); err != nil {
		return err
	}
	defer w.stack.Close()
	if a.inFile(preset.Name) {
		return usageError{fmt.Errorf("the provider %s already exists; see `tandem config show`, change it with `tandem config edit`", preset.Name)}
	}
	if preset.Local && in.url == "" {
		in.url = preset.BaseURL
	}
	if in.model == "" && !preset.Local {
		in.model = preset.Model
	}
	if w.server, err = w.configure(ctx, preset, in); err != nil {
		return err
	}
	draft, err := config.NewDraft(a.loadOptions(nil))
	if err != nil {
		return err
	}
	text, err := draft.WithProvider(w.server.provider)
	if err != nil {
		return err
	}
	if err := w.storeKey(); err != nil {
		return err
	}
	if err := draft.Save(text); err != nil {
		return err
	}
	p, local := w.server.provider, ""
	if p.Local {
		local = ", local: true"
	}
	a.infof("wrote the provider %s (%s at %s%s) into %s; try: tandem --use %[1]s ask hello", p.Name, p.Model, p.BaseURL, local, draft.Path)
	return nil
}
