package preload

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// autoWindow is what num_ctx: auto means where nothing can be found out.
const autoWindow = 4096

// Window chooses the window of a call that needs room for need tokens, where
// num_ctx is auto: the one that the model is loaded with, if that is enough;
// else the largest that fits the memory, which is chosen once and then kept,
// for every change loads the model anew.
func (p *Provider) Window(ctx context.Context, model string, need int) (int, error) {
	if k := p.state(model); k.window > 0 && (need <= k.window || k.widest) {
		return k.window, nil
	}
	running, err := p.running(ctx)
	if err != nil {
		return 0, ctx.Err() // the call itself tells it better
	}
	now, ok := loaded(running, model)
	if ok && now.Context > 0 && need <= now.Context {
		p.update(model, func(k *modelState) { k.window = now.Context })
		return now.Context, nil
	}
	info, err := p.server.Inspect(ctx, model)
	if err != nil || info.Remote != "" {
		return 0, ctx.Err()
	}
	n := max(p.largest(ctx, info, running), now.Context)
	p.update(model, func(k *modelState) { k.window, k.widest = n, true })
	return n, nil
}

// largest is the largest window that surely fits, as remembered, or else as
// forecast now.
func (p *Provider) largest(ctx context.Context, info provider.ModelInfo, running []provider.RunningModel) int {
	limit := info.Context
	fallback := autoWindow
	if limit > 0 {
		fallback = min(fallback, limit)
	}
	if !p.cfg.Here {
		return fallback // another machine's memory cannot be looked at
	}
	key := p.settings.Name + p.cfg.Host + " " + info.Name + " " + info.Digest
	file := filepath.Join(p.cfg.StateDir, "windows.json")
	memo := map[string]int{}
	if data, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(data, &memo)
	}
	m, r, o := p.machine(ctx), reclaim(running), p.memoryOptions(ctx)
	if n := memo[key]; n >= 256 && (limit == 0 || n <= limit) {
		o.Window = n
		if e, err := vram.Forecast(info, o); err != nil || !tooMuch(m.Fit(e, r)) {
			return n
		}
	}
	e, ok, err := vram.Largest(info, o, limit, func(e vram.Estimate) bool {
		if len(m.GPUs) == 0 { // the machine has other work, too
			return m.RAM > 0 && e.High <= (m.RAMFree+r.RAM)/2
		}
		return m.Fit(e, r) == vram.Fits
	})
	n := e.Window
	if err != nil || !ok {
		n = fallback
	}
	if memo == nil {
		memo = map[string]int{}
	}
	memo[key] = n
	remember(file, memo)
	return n
}

// remember writes the file of windows. What cannot be written is chosen anew
// next time.
func remember(file string, memo map[string]int) {
	data, err := json.MarshalIndent(memo, "", "  ")
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".windows-*")
	if err != nil {
		return
	}
	_, err = f.Write(append(data, '\n'))
	if cerr := f.Close(); err != nil || cerr != nil || os.Rename(f.Name(), file) != nil {
		_ = os.Remove(f.Name())
	}
}

// memoryOptions are how the engine will load a model, as far as is known: it
// tells its version, and only an engine that Tandem has started has this
// process's environment.
func (p *Provider) memoryOptions(ctx context.Context) vram.Options {
	var o vram.Options
	if v, ok := provider.As[provider.Versioner](p.server); ok {
		if version, err := v.Version(ctx); err == nil {
			o.Engine = vram.EngineOf(version)
		}
	}
	if p.cfg.Ours == nil || !p.cfg.Ours(ctx) {
		return o
	}
	o.CacheType = cmp.Or(p.cfg.CacheType, "f16")
	return o
}

func tooMuch(f vram.Fit) bool { return f == vram.Spills || f == vram.Exceeds }

// checkForecast says before a load what it would take, where it surely does not fit.
func (p *Provider) checkForecast(ctx context.Context, model string, info provider.ModelInfo, window int, running []provider.RunningModel) error {
	if p.settings.Spill == config.SpillAllow || !p.cfg.Here {
		return nil
	}
	o := p.memoryOptions(ctx)
	if o.Window = window; window == 0 {
		o.Window = 2048 // no server's default is less
	}
	e, err := vram.Forecast(info, o)
	if err != nil {
		return nil //nolint:nilerr // what cannot be forecast is not refused
	}
	m, r := p.machine(ctx), reclaim(running)
	if !tooMuch(m.Fit(e, r)) {
		return nil
	}
	why := m.Says(e, r)
	remedy := "use a smaller model or quantization"
	small, ok, err := vram.Largest(info, o, o.Window-1, func(e vram.Estimate) bool { return m.Fit(e, r) == vram.Fits })
	if err == nil && ok {
		remedy = "set num_ctx: " + strconv.Itoa(small.Window) + ", which fits"
	}
	return p.spilled(model, why, remedy)
}

// checkMeasured says after a load that it has spilled. Without a GPU everything is
// on the CPU, and rightly so.
func (p *Provider) checkMeasured(ctx context.Context, model string, m provider.RunningModel, justLoaded bool) error {
	if p.settings.Spill == config.SpillAllow || m.SizeVRAM >= m.Size {
		return nil
	}
	if m.SizeVRAM == 0 {
		if !justLoaded || !p.cfg.Here {
			return nil
		}
		if len(p.machine(ctx).GPUs) == 0 {
			return nil
		}
	}
	return p.spilled(model, textx.Bytes(m.SizeVRAM)+" of "+textx.Bytes(m.Size)+" are on the GPU; the rest has spilled to the CPU, which is slow",
		"lower num_ctx, or use a smaller model or quantization")
}

// spilled does what the configuration says about a model that does not fit.
func (p *Provider) spilled(model, why, remedy string) error {
	if p.settings.Spill != config.SpillWarn { // the next request looks again
		p.update(model, func(k *modelState) { k.used = time.Time{} })
	}
	switch p.settings.Spill {
	case config.SpillRefuse:
		return &provider.Error{
			Kind: provider.OutOfMemory, Provider: p.Name(), Model: model, Final: true,
			Err: failure.NoFallback(fmt.Errorf("%s (spill: refuse); %s", why, remedy)),
		}
	case config.SpillFallback:
		e := provider.Errorf(provider.OutOfMemory, p.Name(), model, "%s (spill: fallback); %s", why, remedy)
		e.Final = true
		return e
	}
	before := p.state(model).warned
	p.update(model, func(k *modelState) { k.warned = true })
	if !before && p.cfg.Warn != nil {
		p.cfg.Warn(model + ": " + why + "; " + remedy)
	}
	return nil
}
