package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// modelChoice is a model that can be chosen.
type modelChoice struct {
	tag       string
	installed bool
	size      int64 // of its download, in bytes; 0: not known
	window    int   // that fits, in tokens; 0: not known
	toy       bool
	spills    bool // it is there, and too large for the memory
	noSpace   bool // it is not there, and larger than the free space on the disk
	can       []provider.Capability
}

// maxChoices is how many models are proposed.
const maxChoices = 8

// room is the memory of the machine that the local models run on.
func (w *wizard) room(ctx context.Context) (preload.Room, bool) {
	if w.local == nil {
		return preload.Room{}, false
	}
	return preload.RoomOf(ctx, w.local.Provider)
}

// chooseModel chooses the local model, and whether it is downloaded.
func (w *wizard) chooseModel(ctx context.Context) error {
	there, err := w.stack.Installed(ctx, w.local.Config.Name)
	if err != nil {
		return err
	}
	room, _ := w.room(ctx)
	list := choices(room, there)
	if free, _, ok := w.diskFree(ctx); ok {
		for i := range list {
			list[i].noSpace = !list[i].installed && list[i].size >= free
		}
	}
	named := w.in.model
	if named == "" && !w.stack.Config().DefaultModel(w.local.Config.Name) {
		named = w.local.Config.Model
	}
	if named != "" {
		one, err := w.find(ctx, list, room, named)
		if err != nil {
			return err
		}
		list = append([]modelChoice{one}, slices.DeleteFunc(list, func(c modelChoice) bool { return ollamahost.SameModel(c.tag, one.tag) })...)
	}
	list = shortened(list)
	def := 0
	if named == "" {
		def = preferred(list)
	}
	if w.asks && w.in.model == "" {
		return w.askModel(ctx, room, list, def)
	}
	return w.defaultModel(ctx, list, def, named != "")
}

// shortened are at most maxChoices of the choices, a few that are not installed among
// them.
func shortened(list []modelChoice) []modelChoice {
	missing := 0
	for _, c := range list {
		if !c.installed {
			missing++
		}
	}
	const few = 3
	for i := len(list) - 1; i >= 0 && len(list) > maxChoices; i-- {
		switch {
		case list[i].installed:
			list = slices.Delete(list, i, i+1)
		case missing > few:
			list = slices.Delete(list, i, i+1)
			missing--
		}
	}
	return list
}

// preferred is the choice that is the default: an installed model that fits, or else
// the best that fits in the memory and on the disk. A toy is the default only where
// nothing else fits. -1: there are no choices.
func preferred(list []modelChoice) int {
	for _, good := range []func(modelChoice) bool{
		func(c modelChoice) bool { return c.installed && !c.toy && !c.spills },
		func(c modelChoice) bool { return !c.installed && !c.toy && !c.noSpace },
		func(c modelChoice) bool { return !c.spills && !c.noSpace },
		func(c modelChoice) bool { return !c.spills },
		func(modelChoice) bool { return true },
	} {
		if i := slices.IndexFunc(list, good); i >= 0 {
			return i
		}
	}
	return -1
}

// choices are the models that are there, those that fit first and toys behind them, and
// then those of the catalogue that fit.
func choices(room preload.Room, there []stack.Installed) []modelChoice {
	var list []modelChoice
	for _, m := range there {
		list = append(list, installedChoice(room, m))
	}
	order := func(c modelChoice) int {
		switch {
		case c.spills:
			return 2
		case c.toy:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b modelChoice) int { return order(a) - order(b) })
	for _, p := range catalog.Propose(room.Machine, room.Reclaim) {
		if !slices.ContainsFunc(there, func(m stack.Installed) bool { return ollamahost.SameModel(m.Name, p.Tag) }) {
			list = append(list, modelChoice{tag: p.Tag, size: p.Size, window: p.Window, toy: p.Toy, can: p.Can})
		}
	}
	return list
}

func installedChoice(room preload.Room, m stack.Installed) modelChoice {
	c := modelChoice{tag: strings.TrimSuffix(m.Name, ":latest"), installed: true, size: m.Size, window: windowOf(room, m.ModelInfo), can: m.Capabilities}
	// What fits with a smaller window than it is used with now gets that.
	c.spills = (m.Fit == vram.Spills || m.Fit == vram.Exceeds) && c.window == 0
	for _, known := range catalog.Models() {
		c.toy = c.toy || known.Toy && ollamahost.SameModel(known.Tag, m.Name)
	}
	return c
}

// windowOf is the largest window with which a model surely fits; 0: none, or that
// cannot be told.
func windowOf(room preload.Room, info provider.ModelInfo) int {
	limit := info.Context
	if _, err := vram.Forecast(info, room.Options); err != nil || limit == 0 {
		return 0
	}
	return catalog.Window(room.Machine, room.Reclaim, limit, func(window int) vram.Estimate {
		o := room.Options
		o.Window = window
		e, err := vram.Forecast(info, o)
		if err != nil {
			e.High = 1 << 62 // it fits nowhere
		}
		return e
	})
}

// find is the choice of that name: one of the list, one that the server has, or one of
// the catalogue that does not fit; or else one of which nothing is known.
func (w *wizard) find(ctx context.Context, list []modelChoice, room preload.Room, name string) (modelChoice, error) {
	for _, c := range list {
		if ollamahost.SameModel(c.tag, name) {
			return c, nil
		}
	}
	inspector, ok := provider.As[provider.Inspector](w.local.Provider)
	if !ok {
		return modelChoice{tag: name}, nil
	}
	info, err := inspector.Inspect(ctx, name)
	switch {
	case err == nil && info.Remote != "": // its window is not this machine's
		return modelChoice{tag: name, installed: true}, nil
	case err == nil:
		return installedChoice(room, stack.Installed{ModelInfo: info}), nil
	case !errors.Is(err, provider.ModelNotFound):
		return modelChoice{}, err
	}
	for _, m := range catalog.Models() {
		if ollamahost.SameModel(m.Tag, name) {
			return modelChoice{tag: m.Tag, size: m.Size, toy: m.Toy, can: m.Can}, nil
		}
	}
	return modelChoice{tag: name}, nil
}

// checkModel refuses what cannot be a chat model that runs on this machine.
func (w *wizard) checkModel(name string) error {
	if err := checkModelName(w.local.Provider, name); err != nil {
		return err
	}
	switch {
	case ollamahost.CloudModel(name):
		return usageError{fmt.Errorf("%s runs on ollama.com; choose a model that runs on this machine", name)}
	case !catalog.Chats(name):
		return usageError{fmt.Errorf("%s does not chat: it makes embeddings; choose a chat model", name)}
	}
	return nil
}

// defaultModel is the model where nobody is asked: the one that is named, or else the
// default. Only --yes, --model or the configuration lets one be downloaded.
func (w *wizard) defaultModel(ctx context.Context, list []modelChoice, def int, named bool) error {
	switch {
	case named, w.in.yes && !w.in.noDownload && def >= 0:
		w.model = list[def]
	default:
		if i := slices.IndexFunc(list, func(c modelChoice) bool { return c.installed }); i >= 0 {
			w.model = list[i]
		}
	}
	switch {
	case w.model.tag == "" && len(list) == 0:
		return usageError{errors.New("no model is installed, and none of the catalogue fits this machine's memory; name one with --model")}
	case w.model.tag == "":
		return usageError{fmt.Errorf("no model is installed, and none is configured; `tandem setup --yes` downloads %s (%s), and --model NAME another", list[def].tag, bytesText(list[def].size))}
	case w.model.installed || w.in.noDownload:
		return nil
	case w.asks:
		var err error
		w.download, err = w.confirmDownload(ctx)
		return err
	}
	if text, fits := w.downloadText(ctx); !fits {
		return fmt.Errorf("%s does not fit on the disk: %s; make space, or choose another with --model", w.model.tag, text)
	}
	w.download = true
	return nil
}

// measure looks at a model that has just been downloaded: what the catalogue says of
// its window was an estimate.
func (w *wizard) measure(ctx context.Context) error {
	inspector, ok := provider.As[provider.Inspector](w.local.Provider)
	if !ok {
		return nil
	}
	info, err := inspector.Inspect(ctx, w.model.tag)
	if err != nil {
		return err
	}
	if len(info.Capabilities) > 0 && !slices.Contains(info.Capabilities, provider.CanChat) {
		return fmt.Errorf("%s does not chat; choose another with `tandem setup --model NAME`", w.model.tag)
	}
	room, _ := w.room(ctx)
	n := windowOf(room, info)
	if n == 0 && info.Context > 0 { // nothing can be forecast
		n = min(w.model.window, info.Context)
	}
	if n == 0 || n == w.model.window {
		return nil
	}
	if shown := w.model.window; shown > 0 && w.writes() {
		w.say("The window that fits the downloaded model is %d tokens, not %d: that is written.", n, shown)
	}
	w.model.window = n
	return nil
}

// modelSettings are what the configuration file gets for the local model.
func (w *wizard) modelSettings() []config.Setting {
	if w.local == nil || w.model.tag == "" {
		return nil
	}
	var list []config.Setting
	name, cfg := w.local.Config.Name, w.stack.Config()
	changed := cfg.DefaultModel(name) || !ollamahost.SameModel(w.model.tag, w.local.Config.Model)
	if changed {
		list = append(list, config.Quoted("model", w.model.tag))
	}
	x, err := cfg.Explain("providers." + name + ".num_ctx")
	byDefault := err == nil && x.Origin == "default"
	if w.model.window > 0 && w.model.window != w.local.Config.NumCtx && (changed || byDefault) && w.local.Config.NumCtx != config.WindowAuto {
		list = append(list, config.Setting{Key: "num_ctx", Value: fmt.Sprint(w.model.window)})
	}
	return list
}
