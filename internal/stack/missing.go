package stack

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

const (
	// listTimeout is how long a failed request waits for a server's list of models.
	listTimeout = 2 * time.Second
	// mostNamed is how many models of a server an error names, and mostNear how many
	// that may have been meant.
	mostNamed, mostNear = 8, 3
	// longestName is the most characters of a model's name in an error.
	longestName = 80
)

// listing is a provider that remembers the list of models that it gave last.
type listing struct {
	provider.Provider
	of *adapter
}

var _ provider.Wrapper = (*listing)(nil)

// Unwrap returns the provider.
func (l *listing) Unwrap() provider.Provider { return l.Provider }

// Models lists the provider's models.
func (l *listing) Models(ctx context.Context) ([]provider.Model, error) {
	all, err := l.Provider.Models(ctx)
	if err == nil {
		l.of.listed.Store(&all)
	}
	return all, err
}

// explainFailure completes the error of a request with what the user needs to know.
func (s *Stack) explainFailure(ctx context.Context, err error, req *provider.Request) error {
	return s.explainRefusal(ctx, s.ExplainMissing(ctx, err, req.Privacy), req)
}

// ExplainMissing completes the error of a model that a server does not have with the
// names of those that it has. It asks an Ollama and a server on this machine for them,
// for a short time, and no other: there the list is told that was asked for before. A
// request that was cancelled, and any other error, comes back as it is.
func (s *Stack) ExplainMissing(ctx context.Context, err error, privacy provider.Privacy) error {
	var (
		e *provider.Error
		f *router.Failure
	)
	if ctx.Err() != nil || !errors.As(err, &e) || errors.Is(err, failure.ErrNoModel) || failure.MissingOf(err) != nil {
		return err
	}
	attempts := []provider.Attempt{{Provider: e.Provider, Model: e.Model, Kind: e.Kind}}
	if errors.As(err, &f) {
		attempts = f.Attempts
	}
	m := &failure.Missing{Err: err, Alone: len(attempts) == 1}
	for _, a := range attempts {
		if a.Kind != provider.ModelNotFound || a.Model == "" {
			continue
		}
		if missing, ok := s.missingModel(ctx, a.Provider, a.Model, privacy); ok {
			m.Models = append(m.Models, missing)
		}
	}
	if len(m.Models) == 0 {
		return err
	}
	return m
}

// missingModel is what a provider has instead of a model. ok is false where that is
// not known, or its list has the model all the same.
func (s *Stack) missingModel(ctx context.Context, name, model string, privacy provider.Privacy) (m failure.MissingModel, ok bool) {
	a := s.adapters[name]
	if a == nil {
		return m, false
	}
	list, ok := s.modelsToName(ctx, a)
	if !ok {
		return m, false
	}
	stays := s.cfg.Offline || privacy == provider.PrivacyLocal
	var names []string
	for i := range list {
		if list[i].Name == model || list[i].Name == model+":latest" {
			return m, false
		}
		if list[i].Remote != "" && stays || utf8.RuneCountInString(list[i].Name) > longestName {
			continue
		}
		names = append(names, s.secrets.Text(list[i].Name))
	}
	m = failure.MissingModel{Provider: name, Model: s.secrets.Text(model), Hosts: a.Config.HostNames(), Pullable: a.isOllama(), Near: nearModels(model, names)}
	switch {
	case len(names) <= mostNamed:
		m.Listed = names
	case a.isOllama():
		m.Listed, m.More = names[:mostNamed], len(names)-mostNamed
	}
	return m, m.Pullable || len(names) > 0
}

// modelsToName are the models of a provider that an error may name.
func (s *Stack) modelsToName(ctx context.Context, a *adapter) ([]provider.Model, bool) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var (
		list []provider.Model
		err  error
	)
	switch known := a.listed.Load(); {
	case a.isOllama():
		list, err = a.Provider.Models(ctx) // it has just answered, and is not started for this
	case known != nil:
		list = *known
	case a.Config.Loopback():
		list, err = a.Provider.Models(ctx)
	default:
		return nil, false
	}
	return list, err == nil
}

// nearModels are the names that may have been meant: the one that differs in a letter
// or two, or those of the same family, whose names differ after the colon or before the
// last slash.
func nearModels(model string, names []string) (near []string) {
	family := func(name string) string {
		name, _, _ = strings.Cut(strings.ToLower(name[strings.LastIndex(name, "/")+1:]), ":")
		return name
	}
	for _, n := range names {
		if len(near) < mostNear && family(n) == family(model) {
			near = append(near, n)
		}
	}
	if one, ok := diag.Nearest(model, names); ok && (len(near) == 0 || strings.Contains(model, ":")) {
		return []string{one}
	}
	return near
}
