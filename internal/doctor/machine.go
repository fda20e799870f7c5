package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
)

// machine reports the GPUs and the memory.
func machine(ctx context.Context) []Check {
	ram := "memory unknown"
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		ram = fmt.Sprintf("%s of memory, %s free", gib(int64(v.Total)), gib(int64(v.Available))) //nolint:gosec // no machine has 8 EiB
	}
	gpus := append(nvidia(ctx), amd("/sys/class/drm")...)
	if runtime.GOOS == "darwin" && runtime.GOARCH == "arm64" {
		gpus = append(gpus, "Apple GPU, which shares the machine's memory")
	}
	if len(gpus) == 0 {
		gpus = []string{"no NVIDIA, AMD or Apple GPU found; models run on the CPU unless Ollama finds another"}
	}
	return []Check{{Name: "machine", Status: OK, Detail: strings.Join(append(gpus, ram), "; ")}}
}

// amd reads what the Linux driver tells of its cards below dir.
func amd(dir string) []string {
	vendors, err := filepath.Glob(filepath.Join(dir, "card[0-9]*", "device", "vendor"))
	if err != nil {
		return nil
	}
	var gpus []string
	for _, path := range vendors {
		total, ok := bytesIn(filepath.Join(filepath.Dir(path), "mem_info_vram_total"))
		if vendor, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(vendor)) != "0x1002" || !ok {
			continue
		}
		text := "AMD GPU, " + gib(total)
		if used, ok := bytesIn(filepath.Join(filepath.Dir(path), "mem_info_vram_used")); ok {
			text += ", " + gib(total-used) + " free"
		}
		gpus = append(gpus, text)
	}
	return gpus
}

func bytesIn(path string) (int64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

// nvidia asks nvidia-smi for each GPU's name and memory in MiB.
func nvidia(ctx context.Context) []string {
	path, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
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
