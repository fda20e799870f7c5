package httpx

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// clock runs the first-byte clock until the answer's first byte, and the idle
// clock from then on. A nil clock runs neither.
type clock struct {
	first, idle time.Duration
	cancel      context.CancelCauseFunc
	ctx, parent context.Context
	timer       *time.Timer
	begun       bool
}

func newClock(o Options) *clock {
	if o.FirstByte == 0 && o.Idle == 0 {
		return nil
	}
	return &clock{first: o.FirstByte, idle: o.Idle}
}

func (c *clock) start(ctx context.Context) context.Context {
	if c == nil {
		return ctx
	}
	c.parent = ctx
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	if c.first > 0 {
		c.timer = time.AfterFunc(c.first, func() { c.expire("nothing came", c.first) })
	}
	return c.ctx
}

func (c *clock) expire(what string, after time.Duration) {
	c.cancel(&provider.Error{Kind: provider.Timeout, Err: fmt.Errorf("%s for %s", what, after)})
}

// tick notes that bytes came.
func (c *clock) tick() {
	if c == nil {
		return
	}
	if c.begun && c.idle > 0 {
		c.timer.Reset(c.idle)
		return
	}
	if c.begun {
		return
	}
	c.begun = true
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.idle > 0 {
		c.timer = time.AfterFunc(c.idle, func() { c.expire("the answer stopped coming", c.idle) })
	}
}

func (c *clock) stop() {
	if c == nil {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
}

// explain turns the cancellation that the clock itself made into its Timeout.
func (c *clock) explain(err error) error {
	if c == nil || c.parent.Err() != nil {
		return err
	}
	if cause := context.Cause(c.ctx); cause != nil && provider.KindOf(cause) == provider.Timeout {
		return cause
	}
	return err
}

// clockedBody ticks the clock at every read and stops it at the close.
type clockedBody struct {
	io.ReadCloser
	clock *clock
}

func (b *clockedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.clock.tick()
	}
	if err != nil && err != io.EOF {
		err = b.clock.explain(err)
	}
	return n, err
}

func (b *clockedBody) Close() error {
	b.clock.stop()
	return b.ReadCloser.Close()
}
