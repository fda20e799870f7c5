package pool

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

// Chat asks a host, and others while nothing of an answer has been shown. See the
// package comment.
func (p *Pool) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := p.check(ctx, &req); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		c := &chat{
			call: p.newCall(req.Model), req: req, yield: yield,
			whole: req.Schema != nil || req.NoStream || p.cfg.Whole != nil && p.cfg.Whole(ctx),
		}
		defer p.enter(c.model)()
		var beginnings []uint64
		c.key, beginnings = prefixes(c.model, req.Messages)
		p.mu.Lock()
		c.session = p.sessions.of(beginnings)
		p.mu.Unlock()
		if err := c.share(ctx, c.ask); err != nil {
			yield(provider.Chunk{}, err)
		}
	}
}

// check refuses what no host could take.
func (p *Pool) check(ctx context.Context, req *provider.Request) error {
	if err := req.Accepts(p.cfg.Name); err != nil {
		return err
	}
	if err := req.Validate(); err != nil {
		return failure.Named(err, p.cfg.Name, p.model(req.Model))
	}
	return ctx.Err()
}

// chat is a call of Chat.
type chat struct {
	call
	req   provider.Request
	yield func(provider.Chunk, error) bool
	whole bool             // nobody sees the answer before its end
	key   uint64           // of the conversation
	kept  []provider.Chunk // of an answer that is kept back
}

// ask is one call of a host. Nil: the reader has the answer, or has left.
func (c *chat) ask(a *attempt) error {
	c.kept = c.kept[:0]
	for chunk, err := range a.host.Provider.Chat(a.ctx, c.req) {
		if err != nil {
			return err
		}
		a.hear()
		last := chunk.Finish != ""
		if c.whole && !last {
			c.kept = append(c.kept, chunk)
			continue
		}
		if !a.show() {
			return errGiven
		}
		if last {
			chunk.Route = c.route(a, chunk.Route)
			c.answered(a, &chunk)
		}
		for _, k := range c.kept {
			if !c.yield(k, nil) {
				return nil
			}
		}
		c.kept = c.kept[:0]
		if !c.yield(chunk, nil) || last {
			return nil
		}
	}
	return provider.Errorf(provider.Truncated, c.p.cfg.Name, c.model, "the stream ended without an answer")
}

// errGiven ends a call that was given back. [attempt.why] has the reason in its place.
var errGiven = errors.New("the call was given back")

// answered notes that a host has given a whole answer.
func (c *chat) answered(a *attempt, end *provider.Chunk) {
	a.whole = true
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	a.host.speed.tick(time.Now(), true)
	if end.Usage != nil {
		a.host.speed.add(end.Usage.OutputTokens, end.Route.Load)
	}
	c.p.sessions.set(c.key, a.host)
}
