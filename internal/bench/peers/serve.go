package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What follows is internal/bench's worker and its measuring, which a module of
// its own cannot import; keep them alike.

type reply struct {
	Wall   float64 `json:"wall_ns"`
	CPU    float64 `json:"cpu_ns"`
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
	Lacks  bool    `json:"lacks,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// serve reads lines "WORK N C" and answers each with a line of JSON.
func serve(ctx context.Context, works map[string]work, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var name string
		var n, c int
		var r reply
		_, err := fmt.Sscan(lines.Text(), &name, &n, &c)
		if f := works[name]; err == nil && f == nil {
			r.Lacks = true
		} else if err == nil {
			r, err = measure(ctx, f, n, c)
		}
		if err != nil {
			r.Error = err.Error()
		}
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func measure(ctx context.Context, f work, n, c int) (reply, error) {
	want, err := f(ctx)
	if err != nil {
		return reply{}, err
	}
	if _, err := repeat(ctx, f, want, n/20, c); err != nil {
		return reply{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processCPU()
	wall, err := repeat(ctx, f, want, n, c)
	cpu = processCPU() - cpu
	runtime.ReadMemStats(&after)
	each := func(total float64) float64 { return total / float64(n) }
	return reply{
		Wall: each(float64(wall)), CPU: each(float64(cpu)),
		Allocs: each(float64(after.Mallocs - before.Mallocs)),
		Bytes:  each(float64(after.TotalAlloc - before.TotalAlloc)),
	}, err
}

func repeat(ctx context.Context, f work, want string, n, c int) (time.Duration, error) {
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
				got, err := f(ctx)
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

func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
