package stack

import (
	"context"

	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// Memory is what a model takes: as forecast for the window that chats use, and
// as the server measures it, side by side.
type Memory struct {
	Forecast *vram.Estimate         `json:"forecast,omitempty"` // nil: the server tells too little
	Fit      vram.Fit               `json:"fit,omitempty"`      // empty: this machine does not run it
	Says     string                 `json:"-"`                  // Fit in words, where it is spills or exceeds
	Measured *provider.RunningModel `json:"measured,omitempty"` // nil: not in memory now
}

// Memory tells of a model of t that info describes. It loads nothing. ok is
// false where t has no memory of its own to tell of. Errors: those of asking
// what is loaded.
func (s *Stack) Memory(ctx context.Context, t Configured, info provider.ModelInfo) (m Memory, ok bool, err error) {
	w, ok := provider.As[*warm](t.Provider)
	if !ok || info.Remote != "" {
		return m, false, nil
	}
	running, err := w.running(ctx)
	if err != nil {
		return m, false, err
	}
	o := w.memoryOptions(ctx)
	if r, ok := loaded(running, info.Name); ok {
		m.Measured, o.Window = &r, r.Context
	}
	if o.Window == 0 {
		if o.Window, err = w.adapter.Window(ctx, &provider.Request{Model: info.Name}); err != nil {
			return m, false, err
		}
	}
	if o.Window == 0 {
		o.Window = autoWindow
	}
	if info.Context > 0 {
		o.Window = min(o.Window, info.Context)
	}
	e, err := vram.Forecast(info, o)
	if err != nil {
		return m, true, nil //nolint:nilerr // then there is none
	}
	m.Forecast = &e
	if w.here {
		machine, r := w.look(ctx), reclaim(running)
		if m.Fit = machine.Fit(e, r); tooMuch(m.Fit) {
			m.Says = machine.Says(e, r)
		}
	}
	return m, true, nil
}
