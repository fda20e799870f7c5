package memory

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// nvidia asks the driver's nvidia-smi for each GPU's name and memory.
func (p Prober) nvidia(ctx context.Context) []GPU {
	out, err := p.run(ctx, "nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
	if err != nil {
		return nil
	}
	return parseNvidia(string(out))
}

// parseNvidia reads a line a GPU, with memory in MiB. A GPU that shares the
// machine's memory has "[N/A]" there and is left out.
func parseNvidia(out string) []GPU {
	var gpus []GPU
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ", ")
		if len(f) != 3 {
			continue
		}
		total, err1 := strconv.ParseInt(f[1], 10, 64)
		free, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 == nil && err2 == nil {
			gpus = append(gpus, GPU{f[0], total << 20, free << 20})
		}
	}
	return gpus
}

// amd asks rocm-smi.
func (p Prober) amd(ctx context.Context) []GPU {
	out, err := p.run(ctx, "rocm-smi", "--showmeminfo", "vram", "--csv")
	if err != nil {
		return nil
	}
	return parseAMD(string(out))
}

// parseAMD reads CSV with a head: device, total and used memory in bytes.
func parseAMD(out string) []GPU {
	var rows [][]string
	for line := range strings.Lines(out) { // warnings may stand before the table
		if strings.Contains(line, ",") {
			if r, err := csv.NewReader(strings.NewReader(line)).Read(); err == nil {
				rows = append(rows, r)
			}
		}
	}
	var gpus []GPU
	total, used := -1, -1
	for _, r := range rows {
		if total < 0 {
			for i, name := range r {
				switch {
				case strings.Contains(name, "Used"):
					used = i
				case strings.Contains(name, "Total"):
					total = i
				}
			}
			continue
		}
		if used < 0 || len(r) <= max(total, used) {
			continue
		}
		t, err1 := strconv.ParseInt(strings.TrimSpace(r[total]), 10, 64)
		u, err2 := strconv.ParseInt(strings.TrimSpace(r[used]), 10, 64)
		if err1 == nil && err2 == nil && u <= t {
			gpus = append(gpus, GPU{"AMD " + r[0], t, t - u})
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
				return "one that the driver's own program does not describe"
			}
		}
		if list, _ := filepath.Glob(p.path("/dev/dri/renderD*")); len(list) > 0 {
			return "one that nvidia-smi and rocm-smi do not describe"
		}
		return ""
	}
	if p.os() == "windows" {
		return "perhaps one that nvidia-smi does not describe"
	}
	return ""
}
