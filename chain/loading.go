package chain

import (
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/files"
)

// Bounds of what one chain may be made of. Files that name each other would else
// multiply.
const (
	maxSteps  = 10_000   // with the steps of the chains in it, as often as they are named
	maxFiles  = 1_000    // that are read
	maxLoaded = 64 << 20 // their bytes
)

// loading is what has been read for one chain, with the chains in it.
type loading struct {
	seen    []string // the files, as errors show them
	reads   int
	bytes   int
	chains  []loadedChain
	prompts map[string]*prompt.Prompt // by file, as errors show it; nil: it has mistakes
}

// loadedChain is a chain's file, which is read once however often it is named.
// What it names is in its directory, so that this is a part of its place.
type loadedChain struct {
	files.Place
	chain *Chain // nil: it has mistakes, or is still being read
	open  bool   // it is still being read
}

// loaded finds a chain that was read before, or is being read.
func (l *loading) loaded(at files.Place) *loadedChain {
	for i := range l.chains {
		if l.chains[i].Same(at) {
			return &l.chains[i]
		}
	}
	return nil
}

// begin notes that a chain's file is being read; the function that it returns,
// that it has been.
func (l *loading) begin(at files.Place) func(*Chain) {
	i := len(l.chains)
	l.chains = append(l.chains, loadedChain{Place: at, open: true})
	return func(c *Chain) { l.chains[i].chain, l.chains[i].open = c, false }
}

// count notes a file of so many bytes; the error says which bound is passed.
func (l *loading) count(shown string, bytes int) error {
	l.reads++
	l.bytes += bytes
	switch {
	case l.reads > maxFiles:
		return fmt.Errorf("the chain reads more than %d files", maxFiles)
	case l.bytes > maxLoaded:
		return fmt.Errorf("the chain's files have more than %d MiB", maxLoaded>>20)
	}
	if !slices.Contains(l.seen, shown) {
		l.seen = append(l.seen, shown)
	}
	return nil
}

// keep notes a prompt that was read.
func (l *loading) keep(shown string, p *prompt.Prompt) {
	if l.prompts == nil {
		l.prompts = map[string]*prompt.Prompt{}
	}
	l.prompts[shown] = p
}

// size is how many steps there are, those in steps and in chains included; it
// stops counting past maxSteps.
func size(steps []Step) int {
	n := 0
	for i := range steps {
		s := &steps[i]
		n += 1 + size(s.Steps) + size(s.Parallel)
		if s.Route != nil {
			n += size(s.Route.Branches)
		}
		if s.Fallback != nil {
			n += size([]Step{*s.Fallback})
		}
		if s.Chain != nil {
			n += s.Chain.size
		}
		if n > maxSteps {
			return maxSteps + 1
		}
	}
	return n
}

// bounded notes how many steps the chain has, and refuses too many at the step
// that passes the bound.
func (c *compiler) bounded(steps []Step) bool {
	for i := range steps {
		c.chain.size += size(steps[i : i+1])
		if c.chain.size > maxSteps {
			c.current = placeOf(&steps[i], steps[i].Name, i, "")
			field := ""
			if steps[i].Chain != nil {
				field = "chain"
			}
			c.fail(field, fmt.Sprintf("with this step, the chain has more than %d steps, counting those of included chains each time", maxSteps), "do files include each other? run fewer of them")
			return false
		}
	}
	return true
}
