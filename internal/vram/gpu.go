package vram

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// nvidia asks the driver's nvidia-smi for each GPU's name and memory. shared says
// that one has no memory of its own.
func (p Prober) nvidia(ctx context.Context) (gpus []GPU, shared bool) {
	out, err := p.run(ctx, "nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
	if err != nil {
		return nil, false
	}
	return parseNvidia(string(out))
}

// parseNvidia reads a line a GPU, with memory in MiB. A GPU that shares the
// machine's memory has "[N/A]" there and is left out.
func parseNvidia(out string) (gpus []GPU, shared bool) {
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ", ")
		if len(f) != 3 {
			continue
		}
		shared = shared || f[1] == "[N/A]"
		total, err1 := strconv.ParseInt(f[1], 10, 64)
		free, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 == nil && err2 == nil {
			gpus = append(gpus, GPU{f[0], total << 20, free << 20})
		}
	}
	return gpus, shared
}

// amd reads what the Linux driver tells of its cards.
func (p Prober) amd() []GPU {
	vendors, err := filepath.Glob(p.path("/sys/class/drm/card[0-9]*/device/vendor"))
	if err != nil || p.os() != "linux" {
		return nil
	}
	var gpus []GPU
	for _, path := range vendors {
		vendor, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(vendor)) != "0x1002" {
			continue
		}
		total, err1 := numberIn(filepath.Join(filepath.Dir(path), "mem_info_vram_total"))
		used, err2 := numberIn(filepath.Join(filepath.Dir(path), "mem_info_vram_used"))
		if err1 == nil && err2 == nil && used <= total {
			gpus = append(gpus, GPU{"AMD GPU", total, total - used})
		}
	}
	return gpus
}

// other tells of a GPU whose memory nobody here can read.
func (p Prober) other() string {
	switch p.os() {
	case "darwin":
		return "Apple's, which shares the machine's memory"
	case "linux":
		for _, at := range []string{"/dev/nvidiactl", "/dev/kfd", "/proc/driver/nvidia/version"} {
			if _, err := os.Stat(p.path(at)); err == nil {
				return "one that the driver's own program does not report"
			}
		}
		if list, _ := filepath.Glob(p.path("/dev/dri/renderD*")); len(list) > 0 {
			return "one that neither nvidia-smi nor the kernel reports"
		}
		return ""
	}
	if p.os() == "windows" {
		return "perhaps one that nvidia-smi does not report"
	}
	return ""
}
