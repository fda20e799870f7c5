package catalog

import (
	"slices"

	"github.com/tandem-llm/tandem/internal/vram"
)

// Proposal is a model with the window that fits.
type Proposal struct {
	Model
	Window int // tokens
}

// The smallest window that a model is proposed with, the one that most will want, and
// the largest, in tokens. More than ample is taken only where memory is left over.
const (
	leastWindow = 8192
	ampleWindow = 32768
	mostWindow  = 131072
)

// largestOnCPU is the largest download that is proposed without a GPU, in bytes:
// more would answer too slowly.
const largestOnCPU = 4e9

// Propose returns the models that fit the machine, the best first, each with the
// largest window that fits. reclaim is the memory that the engine frees by itself.
// A toy comes last. None fits: there are none.
func Propose(m vram.Machine, reclaim vram.Reclaim) []Proposal {
	list := proposals(m, reclaim)
	if len(m.GPUs) > 0 && (len(list) == 0 || list[0].Toy) { // a GPU for the screen only
		m.GPUs = nil
		list = proposals(m, reclaim)
	}
	return list
}

func proposals(m vram.Machine, r vram.Reclaim) []Proposal {
	var list []Proposal
	for _, x := range Models() {
		if onCPU(m) && x.Size > largestOnCPU {
			continue
		}
		if w := Window(m, r, x.Context, x.Estimate); w > 0 {
			list = append(list, Proposal{x, w})
		}
	}
	slices.SortStableFunc(list, func(a, b Proposal) int { return b.Rank - a.Rank })
	return list
}

// Window is the largest window of a model that fits the machine, at most limit, as
// estimate says of each; 0: not even the smallest does.
func Window(m vram.Machine, r vram.Reclaim, limit int, estimate func(window int) vram.Estimate) (window int) {
	most := mostWindow
	if onCPU(m) {
		most = ampleWindow
	}
	for w := min(leastWindow, limit); w > 0 && w <= min(most, limit); w *= 2 {
		e := estimate(w)
		if w > ampleWindow {
			e.High += e.High / 10
		}
		if !fits(m, r, e) {
			break
		}
		window = w
	}
	return window
}

func onCPU(m vram.Machine) bool { return len(m.GPUs) == 0 && !m.Shared }

// fits reports whether an estimate surely fits, and leaves the machine to its other
// work where the memory is shared with it.
func fits(m vram.Machine, r vram.Reclaim, e vram.Estimate) bool {
	switch {
	case len(m.GPUs) > 0:
		return m.Fit(e, r) == vram.Fits
	case m.Shared: // two thirds are what macOS lets a GPU have
		return e.High <= m.RAM*2/3 && e.High <= m.RAMFree+r.RAM
	}
	return e.High <= (m.RAMFree+r.RAM)/2
}
