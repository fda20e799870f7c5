package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/catalog"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/doctor"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// wizard is one run of `tandem setup`. It first collects the answers, and changes
// nothing but that it starts Ollama, or installs it if told to; finish does the rest.
type wizard struct {
	*app
	in    setupInput
	asks  bool // at a terminal; else every answer is the default
	stack *stack.Stack
	local *stack.Configured // the Ollama that is set up; nil: none
	other bool              // there is no Ollama, and another server is to answer instead

	model    modelChoice
	download bool
	server   *chosenServer // the fallback; nil: none, or as it is
	written  []change
}

// writes reports whether the configuration file may be changed.
func (w *wizard) writes() bool {
	return w.asks || w.in.yes || w.in.model != "" || w.in.fallback != ""
}

func unknownPreset(name string, more ...string) error {
	return usageError{fmt.Errorf("unknown server %q; %s", name, diag.Suggest(name, append(catalog.ServerNames(), more...)))}
}

// chooseLocal finds Ollama and chooses its model.
func (w *wizard) chooseLocal(ctx context.Context) error {
	if w.in.model != "" { // before an engine is started
		if err := w.checkModel(w.in.model); err != nil {
			return err
		}
	}
	if err := w.findOllama(ctx); err != nil {
		return err
	}
	return w.chooseModel(ctx)
}

// finish chooses the fallback, shows what will be written, and then does what was
// chosen.
func (w *wizard) finish(ctx context.Context) error {
	if w.writes() {
		if err := w.chooseServer(ctx); err != nil {
			return err
		}
		if err := w.agree(ctx); err != nil {
			return err
		}
	}
	if w.download {
		if err := w.setupPull(ctx, w.local.Config.Name, w.model.tag); err != nil {
			return err
		}
		if err := w.measure(ctx); err != nil {
			return err
		}
	}
	if !w.writes() {
		return nil
	}
	if err := w.write(); err != nil {
		return err
	}
	w.stack.Close()
	again, err := w.open(ctx)
	if err == nil {
		w.stack = again
	}
	return err
}

// toCheck is the configuration whose providers are checked. A server that has just been
// added is asked only if the user agreed to that.
func (w *wizard) toCheck() *config.Loaded {
	cfg := w.stack.Config()
	if w.server == nil || w.server.provider.Local || w.server.checked || w.server.there {
		return cfg
	}
	name := w.server.provider.Name
	w.say("%s", w.term.Dim("· "+name+" is not asked now; `tandem doctor` checks it"))
	c := *cfg
	c.Use = slices.DeleteFunc(slices.Clone(c.Use), func(n string) bool { return n == name })
	return &c
}

// firstQuestion is what a new model is asked.
const firstQuestion = "Why is the sky blue? Answer in one sentence."

// firstAnswer asks the local model a question, where something was chosen.
func (w *wizard) firstAnswer(ctx context.Context) error {
	if !w.writes() || w.local == nil {
		return nil
	}
	ctx = begin(ctx, store.Run{Command: "setup"})
	w.infof("%s", w.term.Dim(terminal.Hang("· ", "asking: "+firstQuestion, w.term.ErrWidth())))
	var req provider.Request
	w.stack.Defaults(&req)
	req.Messages, req.Use = []provider.Message{provider.User(firstQuestion)}, []string{w.local.Config.Name}
	r, err := stream(ctx, w.stack, req, w.newPrinter(restarts(w.stack), false, false), firstWord())
	w.sayRoute(r.Route, r.Usage)
	return err
}

// say shows a text in the terminal's width.
func (w *wizard) say(format string, args ...any) {
	w.infof("%s", terminal.Hang("", fmt.Sprintf(format, args...), w.term.ErrWidth()))
}

// list shows numbered lines.
func (w *wizard) list(rows [][]string) {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for n, row := range rows {
		line := fmt.Sprintf("%4d", n+1)
		for i, cell := range row {
			line += fmt.Sprintf("  %-*s", widths[i], cell)
		}
		w.term.Verbatimf("%s", strings.TrimRight(terminal.StripControls(line), " "))
	}
}

// question asks for a line; Enter is the default. The input's end and Esc stop the
// wizard, as Ctrl-C does.
func (w *wizard) question(ctx context.Context, text, def string) (string, error) {
	if def != "" {
		text += " [" + def + "]:"
	}
	answer, err := w.term.Line(ctx, terminal.StripControls(text)+" ")
	switch {
	case errors.Is(err, io.EOF), err == nil && strings.Contains(answer, "\x1b"):
		return "", context.Canceled
	case err != nil:
		return "", err
	case answer == "":
		return def, nil
	}
	return answer, nil
}

// confirm asks a yes-or-no question until it is answered.
func (w *wizard) confirm(ctx context.Context, text string, def bool) (bool, error) {
	hint := " [y/N]"
	if def {
		hint = " [Y/n]"
	}
	for {
		answer, err := w.question(ctx, text+hint, "")
		switch strings.ToLower(answer) {
		case "":
			return def && err == nil, err
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}

// choose asks for one of several, by its number or name; def is the default, an
// index, or -1. What is neither is other's: it returns an error to ask again.
func (w *wizard) choose(ctx context.Context, text string, names []string, def int, other func(string) error) (n int, answer string, err error) {
	shown := ""
	if def >= 0 {
		shown = names[def]
	}
	for {
		if answer, err = w.question(ctx, text, shown); err != nil {
			return -1, "", err
		}
		if number, err := strconv.Atoi(answer); err == nil && len(names) > 0 {
			if number >= 1 && number <= len(names) {
				return number - 1, names[number-1], nil
			}
			w.say("Type a number from 1 to %d, or a name.", len(names))
			continue
		}
		if i := slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, answer) }); i >= 0 {
			return i, names[i], nil
		}
		if answer != "" {
			if err = other(answer); err == nil {
				return -1, answer, nil
			}
			w.report(err)
		}
	}
}

// describeMachine is the machine's memory in words.
func (w *wizard) describeMachine(ctx context.Context) {
	if room, ok := w.room(ctx); ok {
		w.say("This machine: %s.", doctor.DescribeMachine(room.Machine))
	}
}

// localName is the provider that is set up.
func (w *wizard) localName() string {
	if w.local == nil {
		return config.LocalName
	}
	return w.local.Config.Name
}
