package vram

import (
	"fmt"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Fit is whether a model fits the machine.
type Fit string

// The verdicts. Spills and Exceeds are said only where even the least that the
// model can take is too much.
const (
	Fits    Fit = "fits"    // wholly where it runs fastest
	Spills  Fit = "spills"  // the GPU does not hold it all: part of it runs on the CPU, slowly
	Exceeds Fit = "exceeds" // not even with the CPU's memory
	Unsure  Fit = "unsure"
)

// Reclaim is memory that the engine frees by itself for another model, in
// bytes: that of the models that it has loaded.
type Reclaim struct{ RAM, VRAM int64 }

// Fit compares an estimate with what is free.
func (m Machine) Fit(e Estimate, r Reclaim) Fit {
	ram := m.RAMFree + r.RAM
	if len(m.GPUs) == 0 {
		switch {
		case m.OtherGPU != "" || m.RAM == 0:
			return Unsure
		case e.High <= ram:
			return Fits
		case e.Low > ram+m.Swap:
			return Exceeds
		}
		return Unsure
	}
	vram := m.VRAM() + r.VRAM
	switch {
	case e.High+int64(len(m.GPUs))*perGPU <= vram:
		return Fits
	case e.Low > vram+ram+m.Swap && m.RAM > 0:
		return Exceeds
	case e.Low > vram:
		return Spills
	}
	return Unsure
}

// Says words a verdict with its numbers, such as "9.1 GiB is needed for a
// context of 32768 tokens, and the GPU has 7.4 GiB free".
func (m Machine) Says(e Estimate, r Reclaim) string {
	where, free := "the machine", m.RAMFree+r.RAM
	if m.Limit != "" {
		where = "the control group"
	}
	switch len(m.GPUs) {
	case 0:
	case 1:
		where, free = "the GPU", m.VRAM()+r.VRAM
	default:
		where, free = fmt.Sprintf("the %d GPUs have", len(m.GPUs)), m.VRAM()+r.VRAM
	}
	if len(m.GPUs) < 2 {
		where += " has"
	}
	return fmt.Sprintf("%s is needed for a context of %d tokens (%s of weights, %s of cache), and %s %s free",
		textx.Bytes(max(e.Total(), e.Low)), e.Window, textx.Bytes(e.Weights), textx.Bytes(e.Cache), where, textx.Bytes(free))
}
