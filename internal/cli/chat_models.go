package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// mostListed is how many models of one provider /models lists.
const mostListed = 20

// choosable are the providers that a message may go to.
func (s *chatSession) choosable() (out []stack.Configured) {
	allowed := s.app.allowed(s.stack)
	for _, t := range s.stack.Targets {
		if len(allowed) == 0 || slices.Contains(allowed, t.Config.Name) {
			out = append(out, t)
		}
	}
	return out
}

func (s *chatSession) choosableNames() (names []string) {
	for _, t := range s.choosable() {
		names = append(names, t.Config.Name)
	}
	return names
}

// chatModels are one provider's models, and which of them are in memory.
type chatModels struct {
	models []provider.Model
	loaded []string
	asleep bool // its engine is not running, and was not started for this
	err    error
}

// modelsOf asks a provider for its models.
func modelsOf(ctx context.Context, t stack.Configured) (m chatModels) {
	if m.asleep = asleep(ctx, t); m.asleep {
		return m
	}
	if m.models, m.err = t.Provider.Models(ctx); m.err != nil {
		return m
	}
	if r, ok := provider.As[provider.Runner](t.Provider); ok {
		if running, err := r.Running(ctx); err == nil { // it is said where it is known
			for i := range running {
				m.loaded = append(m.loaded, running[i].Name)
			}
		}
	}
	return m
}

// listModels is /models: what can be chosen with /model.
func (s *chatSession) listModels(ctx context.Context, _ string) error {
	if s.app.answers.replay != "" {
		return usageError{errors.New("answers are replayed, so no provider is asked for its models")}
	}
	targets := s.choosable()
	all := make([]chatModels, len(targets))
	var wait sync.WaitGroup
	for i, t := range targets {
		if s.req.Privacy == provider.PrivacyLocal && !s.stack.Here(ctx, t) {
			all[i].err = errors.New("this conversation stays on this machine")
			continue
		}
		wait.Go(func() { all[i] = modelsOf(ctx, t) })
	}
	wait.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i, t := range targets {
		s.remember(t.Config.Name, all[i].models)
		s.printModels(t, &all[i])
	}
	s.note("/model NAME switches to one of these, and `-` to the configured one; now: " + s.asked())
	return nil
}

func (s *chatSession) printModels(t stack.Configured, m *chatModels) {
	term, name := s.app.term, t.Config.Name
	head := term.Bold(name)
	if t.Endpoint != "" {
		head += term.Dim(" at " + terminal.OneLine(t.Endpoint))
	}
	term.Noticef("%s", head)
	row := func(model, what string) {
		term.Noticef("%s", entryText(terminal.OneLine(model), what, s.width()))
	}
	configured := t.Config.Model
	switch {
	case m.asleep:
		row(configured, "configured; the engine starts with the next message")
		return
	case provider.KindOf(m.err) == provider.Denied && !slices.Contains(s.stack.Config().Use, name):
		row(configured, "configured, but its key is missing or refused")
		return
	case m.err != nil:
		row(configured, "configured")
		term.Noticef("%s", terminal.Hang("    ", "not listed: "+terminal.OneLine(s.app.explain(m.err)), term.ErrWidth()))
		return
	}
	shown, found := 0, false
	for i := range m.models {
		model := &m.models[i]
		is := sameModelName(t.Config.Kind, model.Name, configured)
		found = found || is
		if shown >= mostListed && !is {
			continue
		}
		shown++
		row(model.Name, modelFacts(model, is, slices.ContainsFunc(m.loaded, func(n string) bool { return sameModelName(t.Config.Kind, n, model.Name) })))
	}
	if !found && configured != "" {
		what := "configured, but not listed"
		if t.Config.Kind == config.KindOllama {
			what = "configured, but not installed: `tandem models pull " + terminal.OneLine(configured) + "`"
		}
		row(configured, what)
	}
	if n := len(m.models) - shown; n > 0 {
		term.Noticef("    and %d more: `tandem models list %s`", n, name)
	}
}

// modelFacts says in a few words what is to be known of a model before it is chosen.
func modelFacts(m *provider.Model, configured, loaded bool) string {
	var facts []string
	if configured {
		facts = append(facts, "configured")
	}
	if loaded {
		facts = append(facts, "in memory")
	}
	if m.Size > 0 && m.Remote == "" {
		facts = append(facts, bytesText(m.Size))
	}
	if m.Remote != "" {
		facts = append(facts, "runs at "+m.Remote)
	}
	if m.Params != "" {
		facts = append(facts, m.Params)
	}
	for _, c := range m.Capabilities {
		if c == provider.CanVision || c == provider.CanTools || c == provider.CanThink || c == provider.CanEmbed {
			facts = append(facts, string(c))
		}
	}
	return terminal.OneLine(strings.Join(facts, ", "))
}

// sameModelName reports whether two names mean one model; Ollama adds :latest.
func sameModelName(kind, a, b string) bool {
	if kind == config.KindOllama {
		a, b = strings.TrimSuffix(a, ":latest"), strings.TrimSuffix(b, ":latest")
	}
	return a == b
}

// remember keeps the names of models for Tab.
func (s *chatSession) remember(name string, models []provider.Model) {
	if models == nil {
		return
	}
	if s.listed == nil {
		s.listed = map[string][]string{}
	}
	names := make([]string, len(models))
	for i := range models {
		names[i] = models[i].Name
	}
	s.listed[name] = names
}
