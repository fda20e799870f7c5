package preload

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

// MemoryOf tells of a model that p has and info describes. It loads nothing. ok
// is false where p loads no models, or another host runs the model. Errors: those
// of asking what is loaded.
func MemoryOf(ctx context.Context, of provider.Provider, info provider.ModelInfo) (m Memory, ok bool, err error) {
	p, ok := provider.As[*Provider](of)
	if !ok || info.Remote != "" {
		return m, false, nil
	}
	running, err := p.running(ctx)
	if err != nil {
		return m, false, err
	}
	o := p.memoryOptions(ctx)
	if r, ok := loaded(running, info.Name); ok {
		m.Measured, o.Window = &r, r.Context
	}
	if o.Window == 0 {
		if o.Window, err = p.adapter.Window(ctx, &provider.Request{Model: info.Name}); err != nil {
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
	if m.Measured != nil && m.Measured.SizeVRAM > 0 { // on a GPU every version counts all of it
		e.Counted = e.Total()
	}
	m.Forecast = &e
	if p.cfg.Here {
		machine, r := p.machine(ctx), reclaim(running)
		if m.Fit = machine.Fit(e, r); tooMuch(m.Fit) {
			m.Says = machine.Says(e, r)
		}
	}
	return m, true, nil
}

// Room is the memory of the machine that a provider's models run on.
type Room struct {
	Machine vram.Machine
	Reclaim vram.Reclaim // what the server frees by itself
	Options vram.Options // how it loads a model
}

// RoomOf looks at the machine that p's models run on. ok is false where p loads no
// models, or another machine does.
func RoomOf(ctx context.Context, of provider.Provider) (r Room, ok bool) {
	p, ok := provider.As[*Provider](of)
	if !ok || !p.cfg.Here {
		return r, false
	}
	r.Machine, r.Options = p.machine(ctx), p.memoryOptions(ctx)
	if running, err := p.running(ctx); err == nil {
		r.Reclaim = reclaim(running)
	}
	return r, true
}
