// Package cache answers a repeated request from a store. [New] puts a cache
// around a provider; a [Store] holds the answers.
//
// Only answers that should be the same the next time are kept: those at
// temperature 0, or with a seed. The Route of a hit says that it is one, who
// answered, and when.
package cache

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/canon"
	"github.com/tandem-llm/tandem/provider"
)

// Config says how to keep answers. Store is required.
type Config struct {
	Store Store
	// Insist keeps answers at any temperature, with or without a seed.
	Insist bool
	// Targets returns who may answer a request, in order: they are part of the
	// key. Nil: Request.Use is part of it instead.
	Targets func(*provider.Request) []provider.Candidate
	// Secret reports whether a text has a secret in it. Such an answer is not
	// kept. Nil: no text has.
	Secret func(text string) bool
	// Warn is called with the first failure of the store. No answer fails
	// because of it. Nil: the failure is ignored.
	Warn func(error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Cache is a provider.Wrapper that answers from a store what it can. Make one
// with [New].
type Cache struct {
	provider.Provider
	cfg  Config
	once sync.Once // warns
}

var _ provider.Wrapper = (*Cache)(nil)

// New returns inner with a cache in front of it. It does not touch the store.
func New(inner provider.Provider, cfg Config) *Cache {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cache{Provider: inner, cfg: cfg}
}

// Unwrap returns the provider that is asked when the store has no answer.
func (c *Cache) Unwrap() provider.Provider { return c.Provider }

// Chat answers from the store, unless the context's [Use] forbids it, or asks the provider and keeps its answer if
// that is whole, ended by itself, calls no tool, came from the first who might
// answer and the model that was to, and has no warning in its Route.
func (c *Cache) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		start, use := c.cfg.Now(), useOf(ctx)
		key, ok := c.key(&req)
		if !ok || use == Off {
			c.Provider.Chat(ctx, req)(yield)
			return
		}
		if use == Full {
			if hit, ok := c.lookUp(ctx, key); ok {
				hit.replay(c.cfg.Now().Sub(start), yield)
				return
			}
		}
		if ctx.Err() != nil { // the store may have seen it first
			yield(provider.Chunk{}, ctx.Err())
			return
		}
		k := keeper{answer: answer{Version: version, At: start.UTC()}}
		for chunk, err := range c.Provider.Chat(ctx, req) {
			k.observe(&chunk, err)
			if !yield(chunk, err) {
				break
			}
		}
		if k.whole && !c.secret(&k) {
			c.save(ctx, key, &k)
		}
	}
}

// key is the question's, or false for one that is not kept.
func (c *Cache) key(req *provider.Request) (string, bool) {
	if !c.cfg.Insist && !deterministic(req) || req.Validate() != nil {
		return "", false
	}
	var targets []provider.Candidate
	if c.cfg.Targets != nil {
		targets = c.cfg.Targets(req)
	}
	// Under privacy: local the answer of a hosted provider is as good: the
	// prompt is not sent again, and the Route says where it came from.
	r := *req
	r.Privacy = ""
	key, err := canon.Key(&r, targets)
	return key, err == nil
}

// deterministic reports whether the same question should have the same answer.
func deterministic(req *provider.Request) bool {
	return req.Seed != nil || req.Temperature != nil && *req.Temperature == 0
}

// lookUp looks an answer up. What cannot be read is not an answer.
func (c *Cache) lookUp(ctx context.Context, key string) (*answer, bool) {
	value, at, ok, err := c.cfg.Store.Get(ctx, key)
	if err != nil {
		c.warn(ctx, err)
	}
	if err != nil || !ok {
		return nil, false
	}
	a, err := decode(value)
	if err != nil {
		return nil, false // of another version: treated as a miss, and replaced
	}
	if a.At.IsZero() {
		a.At = at
	}
	return a, true
}

// saveTimeout is how long keeping an answer may take once the reader has it.
const saveTimeout = 5 * time.Second

func (c *Cache) save(ctx context.Context, key string, k *keeper) {
	value, err := k.encode()
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
		defer cancel()
		err = c.cfg.Store.Put(ctx, key, value)
	}
	if err != nil {
		c.warn(context.Background(), err)
	}
}

// secret reports whether an answer has a secret in it.
func (c *Cache) secret(k *keeper) bool {
	if c.cfg.Secret == nil {
		return false
	}
	rt := &k.Route
	for _, text := range []string{k.Text, k.Thinking, rt.Model, rt.Reason, rt.Request, rt.Endpoint, rt.Gateway} {
		if c.cfg.Secret(text) {
			return true
		}
	}
	return false
}

// warn tells of the first failure that is not the caller's own.
func (c *Cache) warn(ctx context.Context, err error) {
	if c.cfg.Warn == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	c.once.Do(func() { c.cfg.Warn(fmt.Errorf("the cache is unavailable: %w", err)) })
}

// keeper watches an answer go by.
type keeper struct {
	answer
	text, thinking strings.Builder
	uncacheable    bool // it will not be kept
	whole          bool
}

// maxAnswer is the longest answer that is kept, in bytes.
const maxAnswer = 1 << 20

func (k *keeper) observe(c *provider.Chunk, err error) {
	if err != nil || len(c.ToolCalls) > 0 || k.text.Len()+k.thinking.Len()+len(c.Text)+len(c.Thinking) > maxAnswer {
		k.uncacheable = true
	}
	if k.uncacheable {
		return
	}
	c.AppendTo(&k.text, &k.thinking)
	if c.Finish != provider.FinishStop {
		return
	}
	k.Text, k.Thinking = k.text.String(), k.thinking.String()
	k.Usage = c.Usage
	if c.Route != nil {
		k.Route = *c.Route
		k.Route.Attempts = nil
	}
	k.whole = strings.TrimSpace(k.Text) != "" && !fellBack(c.Route) && len(k.Route.Warnings) == 0
}

// fellBack reports whether another provider or model was to answer: when it can again,
// it should.
func fellBack(rt *provider.Route) bool {
	return rt != nil && (rt.FellBack() || rt.Missing != "")
}
