package cli

import (
	"context"

	"github.com/shirou/gopsutil/v4/disk"
)

// FreeSpace makes every disk have that much free space, in bytes.
func FreeSpace(n uint64) {
	diskUsage = func(context.Context, string) (*disk.UsageStat, error) { return &disk.UsageStat{Free: n}, nil }
}
