package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// chosenServer is a server that becomes a provider, and the key that is stored for it.
type chosenServer struct {
	provider config.Provider
	key      config.Secret // empty: none is stored
	there    bool          // it is configured as it stays
	checked  bool          // the server may be asked about the key
}

// chooseServer asks which server answers when the local model cannot.
func (w *wizard) chooseServer(ctx context.Context) error {
	name := w.in.fallback
	if name == "" && w.asks && (w.local != nil || w.other) {
		var err error
		if name, err = w.askServer(ctx); err != nil {
			return err
		}
	}
	preset, ok := catalog.FindServer(name)
	switch {
	case !ok && w.other:
		return w.noOllama("get it from https://ollama.com/download, or choose a server with `tandem setup --preset NAME`; for an Ollama on another machine, set `host` with `tandem config edit`")
	case !ok:
		return nil
	}
	if w.stack.Has(preset.Name) && w.inFile(preset.Name) && !w.asks {
		t, _ := w.stack.Target(preset.Name)
		w.server = &chosenServer{provider: t.Config, there: true}
		return nil
	}
	in := setupInput{url: w.in.url}
	var err error
	w.server, err = w.configure(ctx, preset, in, "")
	return err
}

func (w *wizard) askServer(ctx context.Context) (string, error) {
	use := w.stack.Config().Use
	def, names := "none", catalog.ServerNames()
	if i := slices.Index(use, w.localName()); i >= 0 && i+1 < len(use) {
		def = "keep " + use[i+1]
	}
	text := "Fallback (number or name)"
	if w.other {
		def, text = "none", "Server (number or name)"
		w.say("Without Ollama, another server can answer: one that runs on this machine, or a hosted one, which gets your prompts.")
	} else {
		w.say("Another server can answer when the local model cannot. With use: [local, openai], openai is asked only then, and only then does a prompt leave this machine.")
	}
	var rows [][]string
	for _, s := range catalog.Servers() {
		where := "hosted"
		if s.Local {
			where = "on this machine"
		}
		rows = append(rows, []string{s.Title, where})
	}
	w.list(rows)
	if w.stack.Config().KeepsLocal() {
		w.say("Your configuration keeps prompts on this machine (privacy: local or offline), so a hosted one would not be asked.")
	}
	n, _, err := w.choose(ctx, text, append(names, def), len(names), func(answer string) error { return fmt.Errorf("%q is not in the list", answer) })
	if err != nil || n >= len(names) {
		return "", err
	}
	return names[n], nil
}

// inFile reports whether a file speaks of a provider.
func (a *app) inFile(name string) bool {
	if a.config == nil {
		return false
	}
	for _, field := range []string{"kind", "base_url", "model", "api_key"} {
		x, err := a.config.Explain("providers." + name + "." + field)
		if err == nil && x.Set && x.Origin != string(config.RoleDefault) {
			return true
		}
	}
	return false
}

// configure finds out what a preset's provider needs: its address, model and key. A
// reference to a key that the file has already is kept.
func (w *wizard) configure(ctx context.Context, preset catalog.Server, in setupInput, keyRef string) (*chosenServer, error) {
	s := &chosenServer{provider: config.Provider{Name: preset.Name, Kind: config.KindOpenAI, BaseURL: in.url, Model: in.model, Local: preset.Local}}
	p := &s.provider
	if err := w.address(ctx, preset, p); err != nil {
		return nil, err
	}
	if preset.Local {
		var err error
		if p.Model == "" {
			p.Model, err = firstModel(ctx, *p)
		}
		return s, err
	}
	if p.Model == "" {
		p.Model = preset.Model
		for asked := false; w.asks && (!asked || p.Model == ""); asked = true {
			var err error
			if p.Model, err = w.question(ctx, "Model of "+preset.Title, preset.Model); err != nil {
				return nil, err
			}
		}
	}
	if p.Model == "" {
		return nil, usageError{fmt.Errorf("%s has no usual model: give the name of yours with --model", preset.Title)}
	}
	if keyRef != "" {
		p.APIKey = config.Ref(keyRef)
		return s, nil
	}
	if err := w.findKey(ctx, preset, s); err != nil {
		return nil, err
	}
	return s, nil
}

// address sets the address of the server, and how it differs where its host does not
// tell that.
func (w *wizard) address(ctx context.Context, preset catalog.Server, p *config.Provider) error {
	if p.BaseURL == "" {
		p.BaseURL = preset.BaseURL
		if w.asks && (preset.Local || p.BaseURL == "") {
			if preset.Example != "" {
				w.say("The address is like %s.", preset.Example)
			}
			var err error
			if p.BaseURL, err = w.question(ctx, "Address (base URL)", preset.BaseURL); err != nil {
				return err
			}
		}
	}
	if p.BaseURL == "" {
		return usageError{fmt.Errorf("each user of %s has an address of their own: give yours with --base-url, such as %s", preset.Title, preset.Example)}
	}
	if u, err := url.Parse(p.BaseURL); err == nil && compat.ForHost(u.Hostname()).Name != preset.Compat {
		p.Compat.Preset = preset.Compat
	}
	return nil
}

// findKey finds the key in the usual variable or among the stored ones, or asks for it.
func (w *wizard) findKey(ctx context.Context, preset catalog.Server, s *chosenServer) error {
	env := config.Ref("env:" + preset.Key)
	switch {
	case w.getenv(preset.Key) != "":
		s.provider.APIKey = env
		w.say("The key is read from %s.", preset.Key)
		return nil
	case w.keyStore().Has(preset.Name):
		s.provider.APIKey = config.Ref("keyring:" + preset.Name)
		w.say("The stored key %q is used.", preset.Name)
		return nil
	case !w.asks:
		return usageError{fmt.Errorf("no key for %s: set %s, or store one with `tandem keys set %s`; get one at %s", preset.Title, preset.Key, preset.Name, preset.KeyPage)}
	}
	w.say("%s is not set. Get a key at %s. It is stored in the system's keyring, or in a file that only you can read.", preset.Key, preset.KeyPage)
	for {
		text, err := w.readSecret(ctx, "Key "+preset.Name, "the key")
		w.term.Secrets.Add(text)
		if err != nil {
			return err
		}
		if text == "" {
			s.provider.APIKey = env
			w.say("No key: set %s later, or store one with `tandem keys set %s`.", preset.Key, preset.Name)
			return nil
		}
		if s.key, err = config.NewSecret(text); err != nil {
			w.report(err)
			continue
		}
		s.provider.APIKey = config.Ref("keyring:" + preset.Name)
		good, err := w.checkKey(ctx, preset, s)
		if err != nil || good {
			return err
		}
	}
}

// checkKey has the server asked for its models, if the user agrees. It reports whether
// the key may be good.
func (w *wizard) checkKey(ctx context.Context, preset catalog.Server, s *chosenServer) (good bool, err error) {
	if w.stack.Config().Offline {
		return true, nil
	}
	w.say("To check the key, %s is asked for its list of models.", preset.Title)
	s.checked, err = w.confirm(ctx, "Check it now?", false)
	if err != nil || !s.checked {
		return err == nil, err
	}
	models, _, err := stack.ModelsOf(ctx, s.provider, s.key.Reveal())
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, provider.Denied):
		w.report(err)
		w.say("Type another key, or press Enter for none.")
		return false, nil
	case err != nil:
		w.report(err)
		w.say("The key could not be checked, and is kept.")
	case slices.ContainsFunc(models, func(m provider.Model) bool { return m.Name == s.provider.Model }):
		w.say("%s accepts the key, and has %s.", preset.Title, s.provider.Model)
	default:
		w.say("%s accepts the key; its list of models does not have %s.", preset.Title, s.provider.Model)
	}
	return true, nil
}

// firstModel asks a server on this machine for its models, and returns the first that
// chats, as far as the names tell.
func firstModel(ctx context.Context, p config.Provider) (string, error) {
	models, gateway, err := stack.ModelsOf(ctx, p, "")
	switch {
	case err != nil:
		return "", fmt.Errorf("%w; start the server first, or give its address with --base-url", err)
	case gateway != "":
		return "", usageError{fmt.Errorf("the server at %s answers through %s, so it does not run its models itself; write its provider without `local: true`", p.BaseURL, gateway)}
	case len(models) == 0:
		return "", errors.New("the server at " + p.BaseURL + " lists no model; load one first")
	}
	for _, m := range models {
		if catalog.Chats(m.Name) {
			return m.Name, nil
		}
	}
	return "", fmt.Errorf("the server at %s lists no chat model: %s makes embeddings; load one first, or name one with --model", p.BaseURL, models[0].Name)
}
