package vram

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/mem"

	"github.com/tandem-llm/tandem/internal/childenv"
)

// Machine is what there is, in bytes.
type Machine struct {
	RAM, RAMFree int64  // what this process may use, so at most its control group's limit; 0: not known
	Swap         int64  // free; a model may go there, and is of little use then
	Limit        string // what bounds RAM, such as "cgroup"; "": the machine
	GPUs         []GPU
	// OtherGPU names a GPU whose memory is not known. "": there is none.
	OtherGPU string
	// Shared says that OtherGPU uses the machine's memory.
	Shared bool
}

// GPU is one graphics card.
type GPU struct {
	Name        string
	Total, Free int64 // bytes
}

// VRAM is the free memory of all GPUs, in bytes.
func (m Machine) VRAM() (free int64) {
	for _, g := range m.GPUs {
		free += g.Free
	}
	return free
}

// Prober looks at a machine. The zero Prober looks at this one.
type Prober struct {
	// Run runs a program and returns its output. Nil: exec.
	Run func(ctx context.Context, name string, args ...string) ([]byte, error)
	// Root is where /proc, /sys and /dev are found. Empty: "/".
	Root string
	// RAM returns total and available memory, and free swap, in bytes. Nil: the
	// system's.
	RAM func() (total, available, swap uint64, err error)
	// OS is the operating system. Empty: runtime.GOOS.
	OS string
}

// driverTimeout is how long the driver's program may take.
const driverTimeout = 5 * time.Second

// Look reports the memory that is there and free now. What cannot be found out
// is left out; it does not fail.
func (p Prober) Look(ctx context.Context) Machine {
	var m Machine
	ram := p.RAM
	if ram == nil {
		ram = systemRAM
	}
	if total, free, swap, err := ram(); err == nil {
		m.RAM, m.RAMFree, m.Swap = int64(total), int64(free), int64(swap) //nolint:gosec // no machine has 8 EiB
	}
	if limit, used, ok := p.cgroup(); ok && limit < m.RAM {
		m.RAM, m.RAMFree, m.Limit = limit, max(min(m.RAMFree, limit-used), 0), "cgroup"
	}
	ctx, cancel := context.WithTimeout(ctx, driverTimeout)
	defer cancel()
	nvidia, shared := p.nvidia(ctx)
	m.GPUs = append(nvidia, p.amd()...)
	if len(m.GPUs) == 0 {
		m.OtherGPU = p.other()
		m.Shared = m.OtherGPU != "" && (shared || p.os() == "darwin")
	}
	return m
}

func systemRAM() (total, available, swap uint64, err error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, 0, 0, err
	}
	if s, err := mem.SwapMemory(); err == nil {
		swap = s.Free
	}
	return v.Total, v.Available, swap, nil
}

func (p Prober) path(name string) string {
	if p.Root == "" {
		return name
	}
	return filepath.Join(p.Root, name)
}

func (p Prober) os() string {
	if p.OS == "" {
		return runtime.GOOS
	}
	return p.OS
}

// cgroup is the limit of this process's control group and what the group uses,
// without what the kernel would give back. The limits of the groups above
// count too.
func (p Prober) cgroup() (limit, used int64, ok bool) {
	if p.os() != "linux" {
		return 0, 0, false
	}
	v2, v1 := "", ""
	own, _ := os.ReadFile(p.path("/proc/self/cgroup"))
	for line := range strings.Lines(string(own)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) == 3 && f[0] == "0" && f[1] == "":
			v2 = f[2]
		case len(f) == 3 && strings.Contains(","+f[1]+",", ",memory,"):
			v1 = f[2]
		}
	}
	take := func(dir, most, current, cache string) {
		l, err := p.number(filepath.Join(dir, most))
		if err != nil || l <= 0 || l >= 1<<60 || ok && l >= limit {
			return
		}
		u, err := p.number(filepath.Join(dir, current))
		if err != nil {
			return
		}
		limit, used, ok = l, u-p.field(filepath.Join(dir, "memory.stat"), cache), true
	}
	for _, dir := range upwards("/sys/fs/cgroup", v2) {
		take(dir, "memory.max", "memory.current", "inactive_file")
	}
	for _, dir := range upwards("/sys/fs/cgroup/memory", v1) {
		take(dir, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
	}
	return limit, used, ok
}

// upwards lists root and the directories from there down to group.
func upwards(root, group string) []string {
	list := []string{root}
	for part := range strings.SplitSeq(strings.Trim(filepath.Clean("/"+group), "/"), "/") {
		if part != "" {
			list = append(list, filepath.Join(list[len(list)-1], part))
		}
	}
	return list
}

func (p Prober) number(name string) (int64, error) { return numberIn(p.path(name)) }

func numberIn(path string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64) // "max" is not a number: no limit
}

func (p Prober) field(name, key string) int64 {
	data, err := os.ReadFile(p.path(name))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == key {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

func (p Prober) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	if p.Run != nil {
		return p.Run(ctx, name, args...)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the driver's own program
	cmd.Env = childenv.Engine(os.Environ())
	return cmd.Output()
}
