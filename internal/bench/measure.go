package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Sample is what one piece of work cost on average in one round.
type Sample struct {
	Wall   float64 `json:"wall_ns"`
	CPU    float64 `json:"cpu_ns"` // of the measured process; 0 where the system does not tell
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
}

// Measure does work n times, c at once, after a short warm-up. An answer that
// differs from the first is an error, and so is any failure.
func Measure(ctx context.Context, work Work, n, c int) (Sample, error) {
	want, err := work(ctx)
	if err != nil {
		return Sample{}, err
	}
	if _, err := repeat(ctx, work, want, n/20, c); err != nil {
		return Sample{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processCPU()
	wall, err := repeat(ctx, work, want, n, c)
	cpu = processCPU() - cpu
	runtime.ReadMemStats(&after)
	each := func(total float64) float64 { return total / float64(n) }
	return Sample{
		Wall: each(float64(wall)), CPU: each(float64(cpu)),
		Allocs: each(float64(after.Mallocs - before.Mallocs)),
		Bytes:  each(float64(after.TotalAlloc - before.TotalAlloc)),
	}, err
}

func repeat(ctx context.Context, work Work, want string, n, c int) (time.Duration, error) {
	var (
		begun  atomic.Int64
		failed error
		once   sync.Once
		all    sync.WaitGroup
	)
	start := time.Now()
	for range c {
		all.Go(func() {
			for begun.Add(1) <= int64(n) {
				got, err := work(ctx)
				if err == nil && got != want {
					err = fmt.Errorf("the answer %.40q differs from the first, %.40q", got, want)
				}
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(start), failed
}
