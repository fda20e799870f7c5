package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// change is one value that the configuration file gets, by its key as `tandem config
// explain` takes it.
type change struct{ key, value, before string }

// changes are what the file gets, as far as that differs from what holds.
func (w *wizard) changes() []change {
	var list []change
	add := func(key, value string) {
		c := change{key: key, value: strings.Trim(value, `"`)}
		x, err := w.stack.Config().Explain(key)
		if err == nil && x.Set && x.Origin != string(config.RoleDefault) {
			c.before = fmt.Sprint(x.Value)
		}
		if c.before != c.value {
			list = append(list, c)
		}
	}
	for _, s := range w.modelSettings() {
		add("providers."+w.localName()+"."+s.Key, s.Value)
	}
	if w.server == nil {
		return list
	}
	if p := w.server.provider; !w.server.there {
		prefix := "providers." + p.Name + "."
		add(prefix+"base_url", p.BaseURL)
		add(prefix+"model", p.Model)
		if p.APIKey != "" {
			add(prefix+"api_key", string(p.APIKey))
		}
		if p.Compat.Preset != "" {
			add(prefix+"compat", p.Compat.Preset)
		}
		if p.Local {
			add(prefix+"local", "true")
		}
	}
	if use := w.newUse(); !slices.Equal(use, w.stack.Config().Use) {
		list = append(list, change{key: "use", value: useText(use), before: strings.Join(w.stack.Config().Use, ", ")})
	}
	return list
}

// newUse is the order of providers: the fallback comes right after the local one.
func (w *wizard) newUse() []string {
	use := slices.Clone(w.stack.Config().Use)
	if w.other && w.server != nil {
		return []string{w.server.provider.Name}
	}
	if w.server == nil || slices.Contains(use, w.server.provider.Name) {
		return use
	}
	if w.local == nil {
		return append(use, w.server.provider.Name)
	}
	return slices.Insert(use, slices.Index(use, w.localName())+1, w.server.provider.Name)
}

// errStopped is the user's no to what would be written.
var errStopped = usageError{fmt.Errorf("stopped; nothing was written")}

// agree shows what will be written, and asks whether it may.
func (w *wizard) agree(ctx context.Context) error {
	list := w.changes()
	if len(list) == 0 {
		return nil
	}
	draft, err := config.NewDraft(w.loadOptions(nil))
	if err != nil {
		return err
	}
	if _, err := w.edited(draft); err != nil { // it cannot be merged: better said now
		return err
	}
	what := ""
	if draft.New {
		what = ", a new file"
	}
	w.say("Will be written to %s%s:", draft.Path, what)
	for _, c := range list {
		text := c.key + ": " + c.value
		if c.before != "" {
			text += " (now " + c.before + ")"
		}
		w.infof("%s", terminal.Hang("  ", terminal.OneLine(text), w.term.ErrWidth()))
	}
	if w.download && w.model.window == 0 {
		w.say("The context window (num_ctx) is set after the download, to what fits.")
	}
	if !w.asks {
		return nil
	}
	yes, err := w.confirm(ctx, "Write this?", true)
	if err == nil && !yes {
		err = errStopped
	}
	return err
}

// edited is the user's file with the changes.
func (w *wizard) edited(draft *config.Draft) ([]byte, error) {
	d := *draft
	var err error
	if settings := w.modelSettings(); len(settings) > 0 {
		if d.Text, err = d.WithSettings(w.localName(), settings...); err != nil {
			return nil, err
		}
	}
	if w.server == nil {
		return d.Text, nil
	}
	if !w.server.there {
		if d.Text, err = d.WithProvider(w.server.provider); err != nil {
			return nil, err
		}
	}
	if use := w.newUse(); !slices.Equal(use, w.stack.Config().Use) {
		return d.WithUse(use)
	}
	return d.Text, nil
}

// write writes what was shown, and stores the key.
func (w *wizard) write() error {
	changes := w.changes()
	if len(changes) == 0 {
		return w.storeKey()
	}
	draft, err := config.NewDraft(w.loadOptions(nil))
	if err != nil {
		return err
	}
	text, err := w.edited(draft)
	if err != nil {
		return err
	}
	if err := w.storeKey(); err != nil {
		return err
	}
	if err := draft.Save(text); err != nil {
		return err
	}
	w.written = changes
	w.say("wrote %s", draft.Path)
	return nil
}

// storeKey keeps the key that was typed.
func (w *wizard) storeKey() error {
	if w.server == nil || w.server.key.Reveal() == "" {
		return nil
	}
	kept, err := w.keyStore().Set(w.server.provider.Name, w.server.key.Reveal())
	if err != nil {
		return err
	}
	w.say("stored the key %q %s", w.server.provider.Name, where(kept))
	return nil
}

// warnOverridden says where a project's file or the environment hides what was
// written.
func (w *wizard) warnOverridden() {
	if !w.writes() {
		return
	}
	w.ownOnly = false
	cfg, err := w.load()
	if err != nil {
		return // it is a project's mistake, which the next command here tells
	}
	plain := func(v any) string { return strings.NewReplacer("[", "", "]", "", ",", "").Replace(fmt.Sprint(v)) }
	for _, c := range w.written {
		if x, err := cfg.Explain(c.key); err == nil && plain(x.Value) != plain(c.value) {
			w.warnf("%s sets %s to %s, which counts here", x.Origin, c.key, plain(x.Value))
		}
	}
}
