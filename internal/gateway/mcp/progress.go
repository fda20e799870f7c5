package mcp

import (
	"context"
	"fmt"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// progress tells a client that asked for it which step begins, and in between, at each
// heartbeat, that the run is alive: clients give up a call of which they hear nothing.
type progress struct {
	ctx   context.Context //nolint:containedctx // of the call that it tells of
	run   *exchange.Run
	req   *sdk.CallToolRequest
	token any
	stop  context.CancelFunc
	done  chan struct{}

	mu   sync.Mutex
	step string
	n    int
}

func newProgress(ctx context.Context, run *exchange.Run, req *sdk.CallToolRequest) *progress {
	ctx, stop := context.WithCancel(ctx)
	p := &progress{ctx: ctx, run: run, req: req, token: req.Params.GetProgressToken(), stop: stop, done: make(chan struct{})}
	go p.beat(run.Heartbeat())
	return p
}

// end ends the heartbeats. After it nothing is told.
func (p *progress) end() {
	p.stop()
	<-p.done
}

func (p *progress) beat(every time.Duration) {
	defer close(p.done)
	if p.token == nil {
		return
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.tell(p.state())
		case <-p.ctx.Done():
			return
		}
	}
}

// follow tells of a step that begins.
func (p *progress) follow(e chain.Event) error {
	if p.token != nil && e.Type == chain.StepStart {
		p.mu.Lock()
		p.step = e.Step
		p.mu.Unlock()
		p.tell(e.Step)
	}
	return nil
}

// state is what the run does now.
func (p *progress) state() string {
	p.mu.Lock()
	text := p.step
	p.mu.Unlock()
	switch c := p.run.Call(); {
	case c.Position > 0:
		text += fmt.Sprintf(": number %d in the queue", c.Position)
	case c.Waiting != "":
		text += ": " + c.Waiting
	}
	return text
}

// tell sends a notification. Its number only has to grow.
func (p *progress) tell(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	// A client that has left ends the run by its context.
	_ = p.req.Session.NotifyProgress(p.ctx, &sdk.ProgressNotificationParams{ProgressToken: p.token, Progress: float64(p.n), Message: text})
}
