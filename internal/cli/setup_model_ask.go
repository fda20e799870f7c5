package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/provider"
)

// askModel asks which model.
func (w *wizard) askModel(ctx context.Context, room preload.Room, list []modelChoice, def int) error {
	w.describeMachine(ctx)
	var names []string
	if len(list) == 0 {
		w.say("No model of the catalogue fits this machine's memory. Type the name of one from https://ollama.com/library.")
	} else {
		w.say("Models for this machine, with the context window that fits (catalogue of %s):", catalog.AsOf)
		w.list(modelRows(list, w.term.ErrWidth()))
	}
	for _, c := range list {
		names = append(names, c.tag)
	}
	for {
		n, name, err := w.choose(ctx, "Model (number or name)", names, def, w.checkModel)
		if err != nil {
			return err
		}
		if n >= 0 {
			w.model = list[n]
		} else if w.model, err = w.find(ctx, list, room, name); err != nil {
			return err
		}
		if w.model.installed || w.in.noDownload {
			return nil
		}
		if w.download, err = w.confirmDownload(ctx); err != nil || w.download {
			return err
		}
		w.say("Choose another, or stop with Ctrl-C.")
	}
}

// modelRows are the choices in columns, with what they can do where there is space.
func modelRows(list []modelChoice, width int) [][]string {
	var rows [][]string
	for _, c := range list {
		what, window := "installed", "-"
		if !c.installed {
			what = bytesText(c.size)
		}
		if c.window > 0 {
			window = fmt.Sprintf("%dk", c.window/1024)
		}
		row := []string{c.tag, what, window}
		if width >= 72 {
			row = append(row, abilities(c))
		}
		rows = append(rows, row)
	}
	return rows
}

func abilities(c modelChoice) string {
	var can []string
	for _, x := range []provider.Capability{provider.CanTools, provider.CanThink, provider.CanVision} {
		if slices.Contains(c.can, x) {
			can = append(can, string(x))
		}
	}
	switch {
	case c.spills:
		can = append(can, "larger than the memory: slow")
	case c.noSpace:
		can = append(can, "no space on the disk")
	case c.toy:
		can = append(can, "only to try the program")
	}
	return strings.Join(can, ", ")
}

// downloadText says how large a download is, and how much space there is. fits is false
// where it is known not to fit.
func (w *wizard) downloadText(ctx context.Context) (text string, fits bool) {
	free, where, ok := w.diskFree(ctx)
	switch size := w.model.size; {
	case size == 0 && ok:
		return fmt.Sprintf("size not known, %s free in %s", bytesText(free), where), true
	case size == 0:
		return "size not known", true
	case !ok:
		return bytesText(size) + " to download", true
	default:
		return fmt.Sprintf("%s to download, %s free in %s", bytesText(size), bytesText(free), where), size < free
	}
}

func (w *wizard) confirmDownload(ctx context.Context) (bool, error) {
	text, fits := w.downloadText(ctx)
	w.say("%s is not on this machine: %s.", w.model.tag, text)
	return w.confirm(ctx, "Download it?", fits)
}
