// Package vram forecasts how much memory a model will take, and looks at how
// much there is. Both are estimates with bounds: [Forecast] says between what
// and what, and only what lies outside the bounds is held to be certain.
package vram

import (
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Options say how the engine will load the model.
type Options struct {
	Window   int // tokens of context for each of Parallel
	Parallel int // requests at a time, which share the memory; 0: 1
	Engine   Engine
	// CacheType is how the engine stores keys and values, such as f16 or q8_0.
	// Empty: not known, which f16 stands for and q4_0 bounds from below.
	CacheType string
}

// Estimate is what a model will take, in bytes. Total is the likeliest; Low and
// High bound it.
type Estimate struct {
	Window  int   `json:"num_ctx"`
	Weights int64 `json:"weights_bytes"`
	Cache   int64 `json:"cache_bytes"`   // keys and values of the window
	Compute int64 `json:"compute_bytes"` // scratch of one batch
	// Counted is what the engine itself will report of the model on a CPU: all
	// but Compute before Ollama 0.30, and Total since.
	Counted int64 `json:"counted_bytes"`
	Low     int64 `json:"low_bytes"`
	High    int64 `json:"high_bytes"`
	// Unsure says what makes the bounds wide, "" where nothing does.
	Unsure string `json:"unsure,omitempty"`
}

// Total is the likeliest sum.
func (e Estimate) Total() int64 { return e.Weights + e.Cache + e.Compute }

// perGPU is what a GPU's driver takes for itself, at most, in bytes.
const perGPU = 600 << 20

// Forecast says what the model will take. It fails where the engine tells too
// little of the model.
func Forecast(m provider.ModelInfo, o Options) (Estimate, error) {
	s, err := shapeOf(m)
	if err != nil {
		return Estimate{}, err
	}
	return s.estimate(o), nil
}

// Largest returns the largest window of [Windows], at most the model's own and
// at most limit (0: no limit), whose High fits fits, and its estimate. ok is
// false where not even the smallest does.
func Largest(m provider.ModelInfo, o Options, limit int, fits func(Estimate) bool) (e Estimate, ok bool, err error) {
	s, err := shapeOf(m)
	if err != nil {
		return e, false, err
	}
	if m.Context > 0 && (limit == 0 || m.Context < limit) {
		limit = m.Context
	}
	for _, w := range Windows(limit) {
		o.Window = w
		next := s.estimate(o)
		if !fits(next) {
			break
		}
		e, ok = next, true
	}
	return e, ok, nil
}

// Windows are the windows that are tried, smallest first, none above limit, and
// limit itself. They are few, so that a little memory more or less does not
// change the choice.
func Windows(limit int) []int {
	var list []int
	for w := 2048; w < limit && w <= 1<<20; w *= 2 {
		list = append(list, w)
		if half := w + w/2; half < limit && w >= 4096 {
			list = append(list, half)
		}
	}
	if limit > 0 {
		list = append(list, limit)
	}
	return list
}

func (s shape) estimate(o Options) Estimate {
	parallel, window := int64(max(o.Parallel, 1)), int64(o.Window)
	cells := window * parallel
	likely, least := bytesPerElement(o.CacheType), bytesPerElement(o.CacheType)
	unsure := s.unsure
	if o.CacheType == "" {
		likely, least = bytesPerElement("f16"), bytesPerElement("q4_0")
	} else if likely == 0 {
		unsure, likely, least = append(unsure, "the cache type "+o.CacheType), bytesPerElement("f32"), bytesPerElement("q4_0")
	}
	e := Estimate{Window: o.Window, Weights: s.weights, Unsure: strings.Join(unsure, ", ")}
	batch := s.batch(o.Engine, window, parallel)
	var lo, hi int64
	for _, l := range s.layers {
		full, local, n := cells, cells, cells
		if s.sliding > 0 { // the engine may take smaller batches where memory is short
			local = min(cells, parallel*int64(s.sliding)+min(batch, 512))
		}
		if l.sliding {
			n = min(cells, parallel*int64(s.sliding)+batch)
		}
		e.Cache += int64(float64(n*l.cache)*likely) + l.state
		hi += int64(float64(full*l.most)*likely) + l.state
		if s.slidingUnsure || l.sliding {
			full = local
		}
		lo += int64(float64(full*l.least)*least) + l.state
	}
	var compute int64
	e.Compute, compute = s.compute(o.Engine, window, parallel)
	if o.Engine == EngineUnknown {
		_, other := s.compute(Runner, window, parallel)
		compute = max(compute, other)
	}
	if o.Engine == Runner && s.embedder {
		e.Weights = s.weightsMost // it loads the embedding twice
	}
	e.Counted = e.Total()
	if o.Engine == Runner && !s.embedder {
		e.Counted -= e.Compute
	}
	e.Low = s.weights - s.weights/50 + lo
	e.High = s.weightsMost + s.weightsMost/50 + hi + compute
	return e
}

// bytesPerElement of the types that Ollama stores keys and values in; 0: not
// known.
func bytesPerElement(cacheType string) float64 {
	switch strings.ToLower(cacheType) {
	case "f32":
		return 4
	case "f16", "bf16":
		return 2
	}
	perBlock := map[string]float64{"q8_0": 34, "q5_1": 24, "q5_0": 22, "q4_1": 20, "q4_0": 18, "iq4_nl": 18}
	return perBlock[strings.ToLower(cacheType)] / 32
}
