package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// setupPreset writes the provider of a server into the user's file. Where the file has
// that provider, it gets what is missing, and what the flags say.
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
	draft, err := config.NewDraft(a.loadOptions(nil))
	if err != nil {
		return err
	}
	before, there := draft.Settings(preset.Name)
	if kind := before["kind"]; kind != "" && kind != config.KindOpenAI {
		return usageError{fmt.Errorf("%s has a provider %s of kind %s; give that one another name with `tandem config edit` first", draft.Path, preset.Name, kind)}
	}
	in.url = firstOf(in.url, before["base_url"])
	in.model = firstOf(in.model, before["model"])
	if preset.Local {
		in.url = firstOf(in.url, preset.BaseURL)
	} else {
		in.model = firstOf(in.model, preset.Model)
	}
	if w.server, err = w.configure(ctx, preset, in, before["api_key"]); err != nil {
		return err
	}
	p, changed := missingIn(w.server.provider, before, there)
	if len(changed) > 0 {
		text, err := draft.WithProvider(p)
		if err != nil {
			return err
		}
		if err := w.storeKey(); err != nil {
			return err
		}
		if err := draft.Save(text); err != nil {
			return err
		}
	}
	w.presetDone(draft.Path, there, changed)
	return nil
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// missingIn is a provider with the fields only that a file's entry for it does not have
// so, and their keys.
func missingIn(p config.Provider, before map[string]string, there bool) (config.Provider, []string) {
	out := config.Provider{Name: p.Name}
	var changed []string
	has := func(key string) bool { _, ok := before[key]; return ok }
	if !there || !has("kind") && p.Name != config.OpenAIName {
		out.Kind = p.Kind
		changed = append(changed, "kind")
	}
	if before["base_url"] != p.BaseURL {
		out.BaseURL = p.BaseURL
		changed = append(changed, "base_url")
	}
	if before["model"] != p.Model {
		out.Model = p.Model
		changed = append(changed, "model")
	}
	if !has("api_key") && p.APIKey != "" {
		out.APIKey = p.APIKey
		changed = append(changed, "api_key")
	}
	if !has("compat") && p.Compat.Preset != "" {
		out.Compat.Preset = p.Compat.Preset
		changed = append(changed, "compat")
	}
	if !has("local") && p.Local {
		out.Local = true
		changed = append(changed, "local")
	}
	return out, changed
}

// presetDone says what was written, and how to ask the server.
func (w *wizard) presetDone(path string, there bool, changed []string) {
	p, local := w.server.provider, ""
	if p.Local {
		local = ", local: true"
	}
	what := fmt.Sprintf("%s (%s at %s%s)", p.Name, p.Model, p.BaseURL, local)
	switch {
	case len(changed) == 0:
		w.say("%s already has the provider %s, and nothing is missing. Another model: `tandem models default %s/MODEL`, or --model here. Another address: --base-url here.", path, what, p.Name)
	case there:
		w.say("wrote %s of the provider %s into %s", strings.Join(changed, ", "), what, path)
	default:
		w.say("wrote the provider %s into %s", what, path)
	}
	if variable, ok := strings.CutPrefix(string(p.APIKey), "env:"); ok && w.getenv(variable) == "" && !w.keyStore().Has(p.Name) {
		w.warnf("%s has no key: set %s, or store one with `tandem keys set %[1]s`", p.Name, variable)
	}
	w.infof("%s", terminal.Hang("", fmt.Sprintf("try: tandem --use %s ask hello; to ask it from now on: tandem use %[1]s", p.Name), w.term.ErrWidth()))
}
