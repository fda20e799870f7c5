package httpx

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// answerTimeouts runs the first-token clock until the answer's first content, and the
// idle clock from then on. A nil clock runs neither.
type answerTimeouts struct {
	first, idle time.Duration
	cancel      context.CancelCauseFunc
	ctx, parent context.Context
	timer       *time.Timer
	begun       bool
}

func newAnswerTimeouts(o Options) *answerTimeouts {
	if o.FirstToken == 0 && o.Idle == 0 {
		return nil
	}
	return &answerTimeouts{first: o.FirstToken, idle: o.Idle}
}

func (c *answerTimeouts) start(ctx context.Context) context.Context {
	if c == nil {
		return ctx
	}
	c.parent = ctx
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	if c.first > 0 {
		c.timer = time.AfterFunc(c.first, func() {
			c.expire(fmt.Errorf("no first token within %s (timeouts.first_token)", c.first))
		})
	}
	return c.ctx
}

func (c *answerTimeouts) expire(why error) {
	c.cancel(&provider.Error{Kind: provider.Timeout, Err: why})
}

// contentStarted notes that content came: the idle clock runs from here.
func (c *answerTimeouts) contentStarted() {
	if c == nil || c.begun {
		return
	}
	c.begun = true
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.idle > 0 {
		c.timer = time.AfterFunc(c.idle, func() {
			c.expire(fmt.Errorf("no data for %s (timeouts.idle)", c.idle))
		})
	}
}

// progress notes that a piece of the answer came.
func (c *answerTimeouts) progress() {
	if c != nil && c.begun && c.idle > 0 {
		c.timer.Reset(c.idle)
	}
}

func (c *answerTimeouts) stop() {
	if c == nil {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
}

// timeoutError turns the cancellation that the clock itself made into its Timeout.
func (c *answerTimeouts) timeoutError(err error) error {
	if c == nil || c.parent.Err() != nil {
		return err
	}
	if cause := context.Cause(c.ctx); cause != nil && provider.KindOf(cause) == provider.Timeout {
		return cause
	}
	return err
}

// timedBody explains what the clock ended, and stops it at the close. What
// is read whole has no frames, so that its bytes move the clock.
type timedBody struct {
	io.ReadCloser
	clock *answerTimeouts
	whole bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.whole && firstByte(p[:n]) != 0 { // white space only keeps the connection open
		b.clock.contentStarted()
		b.clock.progress()
	}
	if err != nil && err != io.EOF {
		err = b.clock.timeoutError(err)
	}
	return n, err
}

func (b *timedBody) Close() error {
	b.clock.stop()
	return b.ReadCloser.Close()
}
