package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/tandem-llm/tandem/internal/testnodes"
)

// toxic is a link through toxiproxy. What was under way when it was cut is lost, and
// connections end when it is mended.
type toxic struct {
	proxy *toxiproxy.Proxy
}

var _ testnodes.Link = (*toxic)(nil)

// links makes links in one toxiproxy.
func links() func(to string) (testnodes.Link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	var made atomic.Int64
	return func(to string) (testnodes.Link, error) {
		p := toxiproxy.NewProxy(server, fmt.Sprintf("link%d", made.Add(1)), "127.0.0.1:0", to)
		if err := server.Collection.Add(p, true); err != nil {
			return nil, err
		}
		return &toxic{proxy: p}, nil
	}
}

// Addr is where toxiproxy listens.
func (l *toxic) Addr() string { return l.proxy.Listen }

// both adds a toxic in both directions.
func (l *toxic) both(name, attributes string) error {
	for _, stream := range []string{"upstream", "downstream"} {
		text := fmt.Sprintf(`{"name": "%[1]s_%[2]s", "type": "%[1]s", "stream": "%[2]s", "attributes": %[3]s}`, name, stream, attributes)
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}

func (l *toxic) neither(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, stream := range []string{"upstream", "downstream"} {
		if err := l.proxy.Toxics.RemoveToxic(ctx, name+"_"+stream); err != nil {
			return err
		}
	}
	return nil
}

// Cut drops what comes.
func (l *toxic) Cut() error { return l.both("timeout", `{"timeout": 0}`) }

// Mend has all pass again.
func (l *toxic) Mend() error { return l.neither("timeout") }

// Slow delays what comes, unevenly.
func (l *toxic) Slow(d time.Duration) error {
	if d == 0 {
		return l.neither("latency")
	}
	return l.both("latency", fmt.Sprintf(`{"latency": %d, "jitter": %d}`, d.Milliseconds(), d.Milliseconds()/2))
}

// Reset ends all connections.
func (l *toxic) Reset() error {
	l.proxy.Stop()
	return l.proxy.Start()
}

// Close ends the link.
func (l *toxic) Close() error {
	l.proxy.Stop()
	return nil
}
