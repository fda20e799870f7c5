package doctor

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/vram"
)

// machine reports the GPUs and the memory.
func machine(m vram.Machine) Check {
	return Check{Name: "machine", Status: OK, Detail: DescribeMachine(m)}
}

// DescribeMachine is a machine's GPUs and memory in words.
func DescribeMachine(m vram.Machine) string {
	ram := "memory unknown"
	if m.RAM > 0 {
		ram = fmt.Sprintf("%s of memory, %s free", gib(m.RAM), gib(m.RAMFree))
	}
	if m.Limit != "" {
		ram += ", as its " + m.Limit + " allows"
	}
	var parts []string
	for _, g := range m.GPUs {
		parts = append(parts, fmt.Sprintf("%s, %s, %s free", g.Name, gib(g.Total), gib(g.Free)))
	}
	switch {
	case len(parts) > 0:
	case m.OtherGPU != "":
		parts = []string{"a GPU whose free memory is unknown: " + m.OtherGPU}
	default:
		parts = []string{"no NVIDIA, AMD or Apple GPU found; models run on the CPU unless Ollama finds another"}
	}
	return strings.Join(append(parts, ram), "; ")
}
