package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// GatewayHold is what streams that wait cost a gateway.
type GatewayHold struct {
	Streams int `json:"streams"`
	// The process's memory: after its first answer, right after a load, when nobody has
	// asked for a while, and while the streams are open.
	Started Memory `json:"started"`
	Loaded  Memory `json:"loaded"`
	Idle    Memory `json:"idle"`
	Held    Memory `json:"held"`
	Wrong   int    `json:"wrong_answers"`
}

// idle is how long nobody asks before the memory is looked at once more.
const idle = 15 * time.Second

// spareFiles is how many files a gateway has open besides those of its streams.
const spareFiles = 200

// HoldGateway loads the gateway, and then has n streams wait in it at once.
func HoldGateway(ctx context.Context, p Plan, n int) (GatewayHold, error) {
	h := GatewayHold{Streams: n}
	if most := mostFiles(); most > 0 && 2*n+spareFiles > most { // one to the client, one to the server
		h.Streams = (most - spareFiles) / 2
		fmt.Fprintf(p.Log, "gateway: %d streams need %d open files, and a process may have %d here: %d streams wait\n", n, 2*n+spareFiles, most, h.Streams)
		n = h.Streams
	}
	if err := descriptors(n); err != nil {
		return h, err
	}
	g, err := startGateway(ctx, p)
	if err != nil {
		return h, err
	}
	defer g.stop()
	a := newAsker(g.tandem)
	if err := a.ask(ctx, false, nil); err != nil {
		return h, err
	}
	h.Started = memoryOf(g.pid())
	for _, stream := range []bool{false, true} {
		fmt.Fprintf(p.Log, "gateway: 3000 requests before %d streams\n", n)
		if _, _, err := a.load(ctx, stream, 3000, 64); err != nil {
			return h, err
		}
	}
	h.Loaded = memoryOf(g.pid())
	time.Sleep(idle)
	h.Idle = memoryOf(g.pid())
	a.header.Set("X-Tandem-Use", "held")
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		slots = make(chan struct{}, opening)
		first = make(chan struct{}, n)
	)
	for range n {
		slots <- struct{}{}
		all.Go(func() {
			open := sync.OnceFunc(func() {
				<-slots
				first <- struct{}{}
			})
			defer open() // one that failed is not waited for
			if e := a.ask(ctx, true, open); e != nil {
				mu.Lock()
				defer mu.Unlock()
				h.Wrong++
				err = e
			}
		})
	}
	for range n {
		<-first
	}
	h.Held = memoryOf(g.pid())
	if e := release(ctx, g.server+"/held"); e != nil {
		return h, e
	}
	all.Wait()
	if h.Wrong > 0 {
		return h, fmt.Errorf("%d of %d streams went wrong: %w", h.Wrong, n, err)
	}
	return h, nil
}
