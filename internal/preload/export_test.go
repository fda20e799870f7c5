package preload

import (
	"maps"
	"slices"
)

// FirstReport is when a wait is first reported.
const FirstReport = firstReport

// AutoWindow is the window where nothing can be found out.
const AutoWindow = autoWindow

// Underway are the loads under way.
func (p *Provider) Underway() []*load {
	p.loads.mu.Lock()
	defer p.loads.mu.Unlock()
	return slices.Collect(maps.Values(p.loads.underway))
}

// Server is what is asked about loads.
func (p *Provider) Server() Server { return p.server }

// Done is closed at the load's end.
func (l *load) Done() <-chan struct{} { return l.done }

// Err is how it ended, after Done.
func (l *load) Err() error { return l.err }
