package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// modelListTimeout bounds how long providers are asked whether they list a model.
const modelListTimeout = 5 * time.Second

// modelLookup is what the lists of providers say about a model's name.
type modelLookup struct {
	listed  bool     // the configuration names it, or a list has it
	lacking []string // providers whose lists do not have it
	unknown []string // providers whose lists could not be read
	names   []string // that the lists have
	hosted  bool     // a list is of a server that may take names that it does not list
}

// lookUpModel looks a model up at the providers in use. It sends no prompt and starts
// no engine.
func lookUpModel(ctx context.Context, st *stack.Stack, use []string, model string) (found modelLookup) {
	ctx, cancel := context.WithTimeout(ctx, modelListTimeout)
	defer cancel()
	for _, name := range use {
		t, ok := st.Target(name)
		if !ok {
			continue
		}
		found.names = append(found.names, t.Config.Model)
		models, err := st.Listed(ctx, name)
		for i := range models {
			found.names = append(found.names, models[i].Name)
		}
		switch {
		case listed(&t, models, model), t.Config.Kind == config.KindOpenAI && t.Config.Model == model:
			found.listed = true
			return found
		case err != nil:
			found.unknown = append(found.unknown, name)
		default:
			found.lacking = append(found.lacking, name)
			found.hosted = found.hosted || t.Config.Kind == config.KindOpenAI
		}
	}
	return found
}

// listed reports whether a provider's list has a model.
func listed(t *stack.Configured, models []provider.Model, name string) bool {
	return slices.ContainsFunc(models, func(m provider.Model) bool {
		return m.Name == name || t.Config.Kind == config.KindOllama && ollamahost.SameModel(m.Name, name)
	})
}

// checkModel looks up a model that the user chose for what follows. One that no
// Ollama has installed is an error. For a server that may take other names than it
// lists there is a warning.
func (a *app) checkModel(ctx context.Context, st *stack.Stack, given string) error {
	use, model := st.SplitModel(given)
	if model == "" || a.answers.replay != "" {
		return nil
	}
	if len(use) == 0 {
		use = st.Config().Use
	}
	found := lookUpModel(ctx, st, use, model)
	if found.listed || len(found.lacking) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s has no model %q", strings.Join(found.lacking, ", "), model)
	if near, ok := diag.Nearest(model, found.names); ok {
		text += fmt.Sprintf("; did you mean %s?", near)
	}
	if found.hosted || len(found.unknown) > 0 {
		a.infof("%s %s", a.term.Yellow("warning:"), text)
		return nil
	}
	return notInstalled(ctx, st, found.lacking[0], model)
}

// asksModel is the rule of `tandem run WORD PROMPT`, where WORD names no chain. It is
// a model if the configuration names it or a provider lists it. Any other name may be
// a mistyped chain's, so the prompt goes to nobody else: the name is an error, or it is
// asked of an Ollama on this machine whose list cannot be read now.
func (a *app) asksModel(ctx context.Context, st *stack.Stack, word string, req *provider.Request) error {
	if a.answers.replay != "" || len(req.Use) > 0 || st.Config().ResolveModel(word) != word {
		return nil
	}
	use := st.Config().Use
	found := lookUpModel(ctx, st, use, req.Model)
	if found.listed {
		return nil
	}
	if _, ok := a.nearChain(word); ok {
		return a.noChain(word)
	}
	for _, name := range use {
		t, ok := st.Target(name)
		if !ok || t.Config.Kind != config.KindOllama || !t.Config.Loopback() {
			continue
		}
		if slices.Contains(found.lacking, name) {
			return notInstalled(ctx, st, name, word)
		}
		req.Use = []string{name}
		return nil
	}
	e := &diag.Error{File: word, Message: "there is no such file, no saved chain, and no model that " + strings.Join(use, " or ") + " lists", Remedy: "`tandem chain list` and `tandem models list` list them"}
	if near, ok := diag.Nearest(word, found.names); ok {
		e.Remedy = "did you mean " + diag.Quote(near) + "?"
	} else if len(use) == 1 {
		e.Remedy += "; to ask for it all the same: `tandem ask -m " + use[0] + "/" + word + " PROMPT`"
	}
	return e
}

// notInstalled is the error of a model that an Ollama does not have.
func notInstalled(ctx context.Context, st *stack.Stack, name, model string) error {
	return st.ExplainMissing(ctx, provider.Errorf(provider.ModelNotFound, name, model, "model not found"), "")
}
