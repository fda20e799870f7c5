package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/mem"

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

// machine reports the GPU and the memory.
func machine() []Check {
	c := Check{Name: "machine", Status: OK}
	ram := "memory unknown"
	if v, err := mem.VirtualMemory(); err == nil {
		ram = fmt.Sprintf("%s of memory, %s free", gib(int64(v.Total)), gib(int64(v.Available))) //nolint:gosec // no machine has 8 EiB
	}
	gpus := nvidia()
	if len(gpus) == 0 {
		c.Detail = "no NVIDIA GPU found; models run on the CPU unless Ollama finds another; " + ram
		return []Check{c}
	}
	c.Detail = strings.Join(gpus, "; ") + "; " + ram
	return []Check{c}
}

// nvidia asks nvidia-smi for each GPU's name and memory in MiB.
func nvidia() []string {
	path, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits").Output() //nolint:gosec // the driver's own program
	if err != nil {
		return nil
	}
	return parseNvidia(string(out))
}

func parseNvidia(out string) []string {
	var gpus []string
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ", ")
		if len(f) != 3 {
			continue
		}
		total, err1 := strconv.ParseInt(f[1], 10, 64)
		free, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 == nil && err2 == nil {
			gpus = append(gpus, fmt.Sprintf("%s, %s, %s free", f[0], gib(total<<20), gib(free<<20)))
		}
	}
	return gpus
}
