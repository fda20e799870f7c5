package pool_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
)

// fixed are engines that run one call at a time, each in so long.
func fixed(b *testing.B, took ...time.Duration) (engines []*engine) {
	for _, d := range took {
		engines = append(engines, newEngine(b, func(e *engine) {
			e.pace, e.tokens, e.slots = d/4, 4, make(chan struct{}, 1)
		}))
	}
	return engines
}

func twoSlots(c *pool.Config) {
	for i := range c.Hosts {
		c.Hosts[i].Slots = func() int { return 2 } // one runs, and the next one is there when it ends
	}
}

// flood makes n calls, as many at a time as all hosts take, and returns how many a second
// were answered.
func flood(b *testing.B, p provider.Provider, hosts, n int) float64 {
	var wg sync.WaitGroup
	var next atomic.Int64
	began := time.Now()
	for range 2 * hosts {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if _, err := ask(context.Background(), p, fmt.Sprint(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkThroughput compares a pool of three hosts of different speeds with the sum of
// what each does alone.
func BenchmarkThroughput(b *testing.B) {
	took := []time.Duration{40 * time.Millisecond, 80 * time.Millisecond, 160 * time.Millisecond}
	for b.Loop() {
		sum := 0.0
		for _, d := range took {
			alone := fixed(b, d)
			sum += flood(b, newPool(b, twoSlots, alone...), 1, int(3*time.Second/d))
		}
		rate := flood(b, newPool(b, twoSlots, fixed(b, took...)...), 3, 400)
		b.ReportMetric(rate/sum, "of-the-sum")
		b.ReportMetric(rate, "calls/s")
	}
}

// BenchmarkInteractive measures six people who ask one host, and a pool of three, while a
// batch keeps them busy.
func BenchmarkInteractive(b *testing.B) {
	for _, hosts := range []int{1, 3} {
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			for b.Loop() {
				p := newPool(b, nil, fixed(b, slices.Repeat([]time.Duration{40 * time.Millisecond}, hosts)...)...)
				batch, stop := context.WithCancel(context.Background())
				var busy, people sync.WaitGroup
				for i := range 2 * hosts {
					busy.Go(func() {
						for n := 0; batch.Err() == nil; n++ {
							_, _ = ask(batch, p, fmt.Sprint("row ", i, n))
						}
					})
				}
				var mu sync.Mutex
				var all []time.Duration
				for i := range 6 {
					people.Go(func() {
						for n := range 40 {
							began := time.Now()
							if _, err := ask(context.Background(), p, fmt.Sprint("person ", i, n)); err != nil {
								b.Error(err)
							}
							mu.Lock()
							all = append(all, time.Since(began))
							mu.Unlock()
						}
					})
				}
				people.Wait()
				stop()
				busy.Wait()
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Milliseconds()), "p50-ms")
				b.ReportMetric(float64(all[len(all)*99/100].Milliseconds()), "p99-ms")
			}
		})
	}
}
