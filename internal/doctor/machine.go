package doctor

import (
	"fmt"
	"os"
	"strings"

	"github.com/tandem-llm/tandem/internal/memory"
	"github.com/tandem-llm/tandem/internal/wire"
)

// configuration reports the files that were read and what they mean.
func configuration(s *wire.Stack) []Check {
	var checks []Check
	cfg := s.Config()
	for _, f := range cfg.Files {
		if !f.Exists {
			continue
		}
		c := Check{Name: "config: " + string(f.Role), Status: OK, Detail: f.Path}
		if st, err := os.Stat(f.Path); err == nil && st.Mode().Perm()&0o022 != 0 && !windows {
			c.Status, c.Detail = Fail, fmt.Sprintf("%s can be changed by other users (mode %04o)", f.Path, st.Mode().Perm())
			c.Remedy = "chmod go-w " + f.Path
		}
		checks = append(checks, c)
	}
	if len(checks) == 0 {
		checks = append(checks, Check{Name: "config", Status: OK, Detail: "no file; the defaults are in force"})
	}
	for _, w := range cfg.Warnings {
		checks = append(checks, Check{Name: "config", Status: Warn, Detail: w})
	}
	detail := "use: " + strings.Join(cfg.Use, ", ")
	if cfg.Privacy == "local" {
		detail += "; prompts do not leave this machine"
	}
	if cfg.Offline {
		detail += "; offline"
	}
	return append(checks, Check{Name: "config: order", Status: OK, Detail: detail})
}

// machine reports the GPUs and the memory.
func machine(m memory.Machine) Check {
	c := Check{Name: "machine", Status: OK}
	ram := "memory unknown"
	if m.RAM > 0 {
		ram = fmt.Sprintf("%s of memory, %s free", gib(m.RAM), gib(m.RAMFree))
	}
	if m.Limit != "" {
		ram += ", as its " + m.Limit + " allows"
	}
	var gpus []string
	for _, g := range m.GPUs {
		gpus = append(gpus, fmt.Sprintf("%s, %s, %s free", g.Name, gib(g.Total), gib(g.Free)))
	}
	switch {
	case len(gpus) > 0:
		c.Detail = strings.Join(gpus, "; ")
	case m.OtherGPU != "":
		c.Detail = "there may be a GPU (" + m.OtherGPU + "), whose memory is not known"
	default:
		c.Detail = "no GPU found; models run on the CPU unless Ollama finds one"
	}
	c.Detail += "; " + ram
	return c
}
