package stack

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
	"github.com/tandem-llm/tandem/provider/record"
	"github.com/tandem-llm/tandem/provider/router"
)

// Answers says where answers come from besides the providers, and where they
// are kept. The zero value is what the configuration says.
type Answers struct {
	Record string // directory to record to; no cache answers then
	Replay string // directory to answer from; no provider is asked then
	Timing bool   // replay takes the time that it took
	// Cache overrides the configuration: true keeps answers of any temperature,
	// seed or not; false uses no cache.
	Cache *bool
}

// replaying is a stack that answers from recordings. It has no transport, no
// engine and no key, and writes nothing down: no provider is called.
func replaying(cfg *config.Loaded, o Options) (*Stack, error) {
	a := o.Answers
	s := newStack(cfg, o)
	for _, pc := range cfg.Providers {
		s.Targets = append(s.Targets, Configured{Config: pc})
	}
	for _, name := range cfg.Use {
		if !s.Has(name) {
			return nil, provider.Errorf(provider.Invalid, name, "", "no such provider")
		}
	}
	player := record.PlayerConfig{Dir: a.Replay, Targets: s.candidates(false), Timing: a.Timing, Cause: replayed}
	p, err := record.Replay("replay", player)
	if err != nil {
		return nil, err
	}
	player.Targets = collection.Candidates
	found, err := record.Replay("replay", player)
	if err != nil {
		return nil, err
	}
	s.Provider = &named{p, s}
	s.Collections.FindThrough(found)
	return s, nil
}

// recordOrCache has the router's answers recorded, or a cache before it.
func (s *Stack) recordOrCache(p provider.Provider) (provider.Provider, error) {
	a, dir := s.options.Answers, s.options.StateDir
	if a.Record != "" {
		o := record.Config{
			Dir: a.Record, Targets: s.candidates(false), Secrets: s.secrets.List, Suspect: config.LooksLikeKey,
			Attempts: attempts, Warn: s.warned,
		}
		found := o
		found.Targets = collection.Candidates
		lookups, err := record.New(s.Collections.Lookups(), found)
		if err != nil {
			return nil, err
		}
		s.Collections.FindThrough(lookups)
		return record.New(p, o)
	}
	on := s.cfg.Cache == config.CacheOn
	if a.Cache != nil {
		on = *a.Cache
	}
	if !on || dir == "" {
		return p, nil
	}
	if s.cache == nil {
		s.cache = NewCache(dir)
	}
	return cache.New(p, cache.Config{Store: s.cache, Insist: a.Cache != nil, Targets: s.candidates(true), Warn: s.warned, Secret: s.secrets.Knows}), nil
}

func (s *Stack) warned(err error) {
	if s.warn != nil {
		s.warn(err.Error())
	}
}

// candidates tells who may answer a request, as far as configuration shapes
// the answer: a recording is as good elsewhere, a cache tells endpoints apart.
func (s *Stack) candidates(endpoints bool) func(*provider.Request) []provider.Candidate {
	return func(req *provider.Request) []provider.Candidate {
		use := req.Use
		if len(use) == 0 {
			use = s.cfg.Use
		}
		var out []provider.Candidate
		for _, name := range use {
			t, ok := s.Target(name)
			if !ok {
				return nil // it will not be answered
			}
			c := provider.Candidate{Name: name, Model: t.Config.Model, Options: provider.Options(t.Config.Options)}
			if req.Model != "" {
				c.Model = req.Model
			}
			if t.Config.Kind == config.KindOllama {
				c.NumCtx = t.Config.NumCtx
			}
			if endpoints {
				c.Endpoint = t.Endpoint
			}
			out = append(out, c)
		}
		return out
	}
}

// attempts are the targets that an error tells of.
func attempts(err error) []provider.Attempt {
	var f *router.Failure
	if errors.As(err, &f) {
		return f.Attempts
	}
	return nil
}

// replayed is the cause of a recorded error of the router's.
func replayed(text string, attempts []provider.Attempt) error {
	return &replayedCause{text, &router.Failure{Attempts: attempts}}
}

type replayedCause struct {
	text    string
	failure *router.Failure
}

func (c *replayedCause) Error() string { return c.text }

func (c *replayedCause) Unwrap() error { return c.failure }

// Cache is the store of a cache's answers.
type Cache struct{ store *store.Store }

var _ cache.Store = (*Cache)(nil)

// NewCache returns the answers kept in a state directory. It opens nothing.
func NewCache(stateDir string) *Cache { return &Cache{store.New(stateDir)} }

// Get returns the answer kept under key. When it was put, it says itself.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, time.Time, bool, error) {
	value, ok, err := c.store.Get(ctx, []byte(key), store.CacheLimits{})
	return value, time.Time{}, ok, err
}

// Put keeps an answer.
func (c *Cache) Put(ctx context.Context, key string, value []byte) error {
	return c.store.Put(ctx, []byte(key), value, store.CacheLimits{})
}

// Stats tells what is kept. Hits and misses are not counted.
func (c *Cache) Stats(ctx context.Context) (cache.Stats, error) {
	st, err := c.store.Stats(ctx)
	return cache.Stats{Entries: int(st.Entries), Bytes: st.Bytes, Oldest: st.Oldest}, err
}

// Clear drops all answers.
func (c *Cache) Clear(ctx context.Context) error {
	_, err := c.store.Clear(ctx)
	return err
}

// Close closes the file, if it was opened.
func (c *Cache) Close() error { return c.store.Close() }
