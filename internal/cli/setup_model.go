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
	list = list[:min(len(list), maxChoices)]
	if w.asks && w.in.model == "" {
		return w.askModel(ctx, room, list)
	}
	return w.defaultModel(ctx, list, named != "")
}

// choices are the models that are there, and those of the catalogue that fit, toys
// last.
func choices(room preload.Room, there []stack.Installed) []modelChoice {
	var list, large []modelChoice
	for _, m := range there {
		c := installedChoice(room, m)
		if c.spills {
			large = append(large, c)
		} else {
			list = append(list, c)
		}
	}
	for _, p := range catalog.Propose(room.Machine, room.Reclaim) {
		if !slices.ContainsFunc(there, func(m stack.Installed) bool { return ollamahost.SameModel(m.Name, p.Tag) }) {
			list = append(list, modelChoice{tag: p.Tag, size: p.Size, window: p.Window, toy: p.Toy, can: p.Can})
		}
	}
	slices.SortStableFunc(list, func(a, b modelChoice) int {
		switch {
		case a.toy == b.toy:
			return 0
		case b.toy:
			return -1
		}
		return 1
	})
	return append(list, large...)
}

func installedChoice(room preload.Room, m stack.Installed) modelChoice {
	c := modelChoice{tag: strings.TrimSuffix(m.Name, ":latest"), installed: true, size: m.Size, window: windowOf(room, m.ModelInfo), can: m.Capabilities}
	c.spills = m.Fit == vram.Spills || m.Fit == vram.Exceeds
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
// first choice. Only --yes, --model or the configuration lets one be downloaded.
func (w *wizard) defaultModel(ctx context.Context, list []modelChoice, named bool) error {
	pick := func(ok func(modelChoice) bool) bool {
		i := slices.IndexFunc(list, ok)
		if i >= 0 {
			w.model = list[i]
		}
		return i >= 0
	}
	switch {
	case named, w.in.yes && !w.in.noDownload:
		pick(func(modelChoice) bool { return true })
	default:
		pick(func(c modelChoice) bool { return c.installed })
	}
	switch {
	case w.model.tag == "" && len(list) == 0:
		return usageError{errors.New("no model is installed, and none of the catalogue fits this machine's memory; name one with --model")}
	case w.model.tag == "":
		return usageError{fmt.Errorf("no model is installed, and none is configured; `tandem setup --yes` downloads %s (%s), and --model NAME another", list[0].tag, bytesText(list[0].size))}
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
