package exchange

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// modelList is the models of all providers, asked for now and then.
type modelList struct {
	mu    sync.Mutex
	at    time.Time
	of    *stack.Stack
	known []Entry
	// last is what each provider of the stack listed when it could be reached last, and
	// missing are those whose list nobody knows.
	last    map[string][]Entry
	missing map[string]error
	// asking says that a caller asks for a newer list.
	asking  bool
	windows windows
}

// windows are those that models were made for, by provider, name and digest, where a list
// does not tell them. Each is asked for once.
type windows struct {
	mu    sync.Mutex
	known map[[3]string]int
}

// of is the window that a model of an Ollama was made for; 0: it does not tell.
func (w *windows) of(ctx context.Context, p provider.Provider, m provider.Model) int {
	if m.Context > 0 || m.Remote != "" {
		return m.Context
	}
	key := [3]string{m.Provider, m.Name, m.Digest}
	w.mu.Lock()
	n, known := w.known[key]
	w.mu.Unlock()
	if known {
		return n
	}
	n, err := trained(ctx, p, m.Name)
	if err != nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = map[[3]string]int{}
	}
	w.known[key] = n
	return n
}

// trained is the window that a model was made for, as its server tells it in one call, or
// else as it is inspected.
func trained(ctx context.Context, p provider.Provider, model string) (int, error) {
	if one, ok := provider.As[interface {
		ContextLength(ctx context.Context, model string) (int, error)
	}](p); ok {
		return one.ContextLength(ctx, model)
	}
	i, ok := provider.As[provider.Inspector](p)
	if !ok {
		return 0, nil
	}
	info, err := i.Inspect(ctx, model)
	return info.Context, err
}

// windowsAtOnce is how many models of a server are asked about at a time.
const windowsAtOnce = 8

// ofAll sets the windows that the models of an Ollama were made for.
func (w *windows) ofAll(ctx context.Context, p provider.Provider, models []provider.Model) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, windowsAtOnce)
	for i := range models {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			models[i].Context = w.of(ctx, p, models[i])
		})
	}
	wg.Wait()
}

const (
	// listFresh is how long a list of models counts.
	listFresh = 3 * time.Second
	// listTimeout is how long a provider may take to list its models.
	listTimeout = 3 * time.Second
)

// list is the models of a stack's providers. Only one caller at a time asks for a list
// that has become old, and the others have the old one: a provider that does not answer
// holds up nobody else.
func (m *modelList) list(ctx context.Context, s *stack.Stack) []Entry {
	m.mu.Lock()
	if m.of == s && (m.asking || time.Since(m.at) <= listFresh) {
		defer m.mu.Unlock()
		return m.known
	}
	m.asking = m.of == s // of a new stack nothing is known yet: each asks
	last := map[string][]Entry{}
	if m.of == s {
		last = maps.Clone(m.last)
	}
	m.mu.Unlock()
	known, missing := listAll(ctx, s, last, &m.windows)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asking = false
	if ctx.Err() == nil {
		m.known, m.at, m.of, m.last, m.missing = known, time.Now(), s, last, missing
	}
	return known
}

// unlisted are the providers whose models nobody knows, since they could not be reached.
func (m *modelList) unlisted() map[string]error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.missing
}

// listAll lists all models. A provider that cannot be reached has those that it had:
// otherwise their names would come to mean another's. Last is kept up to date.
func listAll(ctx context.Context, s *stack.Stack, last map[string][]Entry, w *windows) (all []Entry, missing map[string]error) {
	order := s.Config().Use // and no other: many clients ask for hosted models unless told otherwise
	lists, errs := make([][]Entry, len(order)), make([]error, len(order))
	var wg sync.WaitGroup
	for i, name := range order {
		wg.Go(func() { lists[i], errs[i] = listOf(ctx, s, name, w) })
	}
	wg.Wait()
	missing = map[string]error{}
	for i, name := range order {
		kind, known := provider.KindOf(errs[i]), last[name]
		switch {
		case errs[i] == nil:
			last[name] = lists[i]
		case kind != provider.Unavailable && kind != provider.Timeout: // it has no list
		case known != nil:
			lists[i] = known
		default:
			missing[name] = errs[i]
		}
	}
	all = []Entry{defaultEntry(ctx, s, lists)}
	seen := map[string]bool{Default: true}
	for _, list := range lists {
		for _, e := range list {
			if seen[e.ID] { // another provider has a model of that name, and comes first
				e.ID = e.Provider + "/" + e.ID
			}
			if !seen[e.ID] {
				seen[e.ID] = true
				all = append(all, e)
			}
		}
	}
	return all, missing
}

// defaultEntry is the model "tandem": what it can do is what the first provider's can
// that is asked for it.
func defaultEntry(ctx context.Context, s *stack.Stack, lists [][]Entry) Entry {
	e := Entry{ID: Default}
	if i := slices.IndexFunc(lists, func(list []Entry) bool { return len(list) > 0 }); i >= 0 {
		list := lists[i]
		asked := s.Model(ctx, list[0].Provider)
		e = list[max(slices.IndexFunc(list, func(one Entry) bool { return isNamed(one.Model.Name, asked) }), 0)]
	}
	e.of, e.first = e.Provider, e.Model.Name
	e.ID, e.Provider, e.Model.Name = Default, "", Default
	complete(&e)
	return e
}

// listOf lists the models of one provider that can chat or embed. The configured one is
// always among them.
func listOf(ctx context.Context, s *stack.Stack, name string, w *windows) (out []Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	t, ok := s.Target(name)
	if !ok || t.Untrusted != nil {
		return nil, nil
	}
	models, err := s.Listed(ctx, name)
	if err == nil {
		running := map[string]provider.RunningModel{}
		if r, ok := provider.As[provider.Runner](t.Provider); ok && t.Config.Kind == config.KindOllama {
			list, _ := r.Running(ctx)
			for _, one := range list {
				running[one.Name] = one
			}
		}
		if t.Config.Kind == config.KindOllama {
			models = slices.Clone(models)
			w.ofAll(ctx, t.Provider, models)
		}
		for _, m := range models {
			e := Entry{ID: m.Name, Provider: name, Model: m, first: m.Name}
			e.Running, e.Loaded = running[m.Name]
			e.Window = window(t.Config, m, e.Running)
			out = append(out, e)
		}
	}
	own := t.Config.Model
	if own != "" && !slices.ContainsFunc(out, func(e Entry) bool { return isNamed(e.ID, own) }) && (err != nil || t.Config.Kind != config.KindOllama) {
		out = append(out, Entry{ID: own, Provider: name, Model: provider.Model{Name: own, Provider: name}})
	}
	// the provider's own choice first
	slices.SortStableFunc(out, func(a, b Entry) int {
		first := func(e Entry) int {
			if isNamed(e.ID, own) {
				return 0
			}
			return 1
		}
		return first(a) - first(b)
	})
	for i := range out {
		complete(&out[i])
	}
	return out, err
}
