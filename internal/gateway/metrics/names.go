package metrics

import (
	"strings"
	"sync"
)

const (
	// mostNames is how many providers, and how many models, have series of their own.
	mostNames = 200
	longest   = 128 // bytes of a name
	others    = "other"
)

// names bounds the names that a configuration and its servers choose. A server may list
// thousands of models, and call them what it likes: those that come when there are
// enough are one.
type names struct {
	mu        sync.Mutex
	providers map[string]bool
	models    map[[2]string]bool // with their provider
	nodes     map[string]bool
}

func newNames() *names {
	return &names{providers: map[string]bool{}, models: map[[2]string]bool{}, nodes: map[string]bool{}}
}

// provider is a provider's name as a label has it.
func (n *names) provider(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bounded(n.providers, short(name), others)
}

// node is a node's name as a label has it. Two of one name are counted together.
func (n *names) node(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bounded(n.nodes, short(name), others)
}

// model is a model's name as a label has it, with its provider's.
func (n *names) model(provider, model string) (string, string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	provider = bounded(n.providers, short(provider), others)
	pair := bounded(n.models, [2]string{provider, short(model)}, [2]string{provider, others})
	return pair[0], pair[1]
}

// bounded is a name if it is known, or can still become so, or else rest.
func bounded[T comparable](known map[T]bool, name, rest T) T {
	switch {
	case known[name]:
	case len(known) < mostNames:
		known[name] = true
	default:
		return rest
	}
	return name
}

func short(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), longest)], "�")
}
