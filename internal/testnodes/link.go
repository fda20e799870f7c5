//go:build unix

package testnodes

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// Link is the way of one node to the server.
type Link interface {
	Addr() string // that the node connects to, host:port
	Cut() error   // nothing passes from now on, and nobody is told
	Mend() error
	Reset() error // all connections end
	// Slow has what passes take so much longer; 0: as before.
	Slow(time.Duration) error
	Close() error
}

// proxy is a [Link] that passes on what comes.
type proxy struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	cut    bool
	slow   time.Duration
	mended sync.Cond
	conns  []net.Conn
}

var _ Link = (*proxy)(nil)

// NewProxy makes a link to a server.
func NewProxy(to string) (Link, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, to: to}
	p.mended.L = &p.mu
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // it is closed
			}
			go p.serve(c)
		}
	}()
	return p, nil
}

func (p *proxy) serve(c net.Conn) {
	s, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, c, s)
	p.mu.Unlock()
	go p.pass(c, s)
	p.pass(s, c)
}

func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	_, _ = io.Copy(&gate{p, to}, from) // one of them is gone
}

// gate writes while the link is not cut.
type gate struct {
	p  *proxy
	to net.Conn
}

func (g *gate) Write(b []byte) (int, error) {
	g.p.mu.Lock()
	for g.p.cut {
		g.p.mended.Wait()
	}
	slow := g.p.slow
	g.p.mu.Unlock()
	time.Sleep(slow)
	return g.to.Write(b)
}

// Addr is where the proxy listens.
func (p *proxy) Addr() string { return p.listener.Addr().String() }

// Cut has nothing pass.
func (p *proxy) Cut() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	return nil
}

// Mend has all pass again, what came meanwhile, too.
func (p *proxy) Mend() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
	p.mended.Broadcast()
	return nil
}

// Reset closes all connections.
func (p *proxy) Reset() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
	return nil
}

// Slow has each write wait.
func (p *proxy) Slow(d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = d
	return nil
}

// Close ends the proxy.
func (p *proxy) Close() error {
	_ = p.Mend()
	_ = p.Reset()
	return p.listener.Close()
}
