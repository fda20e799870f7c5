package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Player is a provider that answers from recordings, without a network. Make one
// with [Replay].
type Player struct {
	name string
	cfg  PlayerConfig

	mu    sync.Mutex
	asked map[string]int // how often, by key
}

var _ provider.Provider = (*Player)(nil)

// PlayerConfig says how to replay. Dir is required.
type PlayerConfig struct {
	// Dir is the directory of the files.
	Dir string
	// Targets is as in [Config], and must return the same.
	Targets func(*provider.Request) []provider.Candidate
	// Timing replays each piece of an answer after the time that it took.
	Timing bool
	// Cause makes the cause of a recorded error that has attempts. Nil: the
	// cause is its text alone.
	Cause func(text string, attempts []provider.Attempt) error
}

// Replay returns a provider of that name that answers from cfg.Dir. Errors:
// Invalid, if the directory cannot be read; around a *[NoRecordings], if it does
// not exist or has no recordings.
func Replay(name string, cfg PlayerConfig) (*Player, error) {
	all, err := names(cfg.Dir, "")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, provider.Errorf(provider.Invalid, name, "", "%w", &NoRecordings{cfg.Dir, err})
	case err != nil:
		return nil, provider.Errorf(provider.Invalid, name, "", "%w", err)
	case len(all) == 0:
		return nil, provider.Errorf(provider.Invalid, name, "", "%w", &NoRecordings{Dir: cfg.Dir})
	}
	return &Player{name: name, cfg: cfg, asked: map[string]int{}}, nil
}

// Name is the name given to [Replay]. Who answered, when it was recorded, is in
// the answer's Route.
func (p *Player) Name() string { return p.name }

// Models lists the models that answers were recorded of, by name. Errors: ctx's
// own; Unavailable, when the recordings cannot be read.
func (p *Player) Models(ctx context.Context) ([]provider.Model, error) {
	all, err := names(p.cfg.Dir, "")
	if err != nil {
		return nil, p.fail("", err)
	}
	var names []string
	for _, file := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := load(p.cfg.Dir, file)
		if err != nil {
			return nil, p.fail("", err)
		}
		for _, k := range c.Chunks {
			if k.Route != nil && k.Route.Model != "" {
				names = append(names, k.Route.Model)
			}
		}
	}
	slices.Sort(names)
	var models []provider.Model
	for _, n := range slices.Compact(names) {
		models = append(models, provider.Model{Name: n})
	}
	return models, nil
}

// Chat answers from the recordings. Each range over it is the next call of the
// request's row. Errors: as recorded, the cause's text after a word that it is
// a replay; Invalid, for what no provider takes;
// Unavailable around a *[Miss], where there is no recording; Unavailable, where
// it cannot be read.
func (p *Player) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		c, err := p.nextRecording(ctx, &req)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		start := time.Now()
		for i := range c.Chunks {
			if err := p.wait(ctx, start, c.Chunks[i].AtMS); err != nil {
				yield(provider.Chunk{}, err)
				return
			}
			out := cloneChunk(&c.Chunks[i].Chunk)
			if out.Finish != "" {
				out.Route = p.route(c, out.Route)
			}
			if !yield(out, nil) {
				return
			}
		}
		if c.Error == nil {
			return
		}
		if err = p.wait(ctx, start, c.Error.AtMS); err == nil {
			err = c.Error.err(p.cfg.Dir, p.cfg.Cause)
		}
		yield(provider.Chunk{}, err)
	}
}

// route says that the answer is a replay. It cost nothing.
func (p *Player) route(c *call, rt *provider.Route) *provider.Route {
	if rt == nil {
		rt = &provider.Route{}
	}
	reason := fmt.Sprintf("replayed from %s, recorded %s", p.cfg.Dir, c.Recorded.Format(time.DateOnly))
	if c.Redacted > 0 {
		reason += fmt.Sprintf(", secrets removed: %d", c.Redacted)
	}
	if rt.Reason != "" {
		reason += ": " + rt.Reason
	}
	rt.Reason = reason
	if rt.Cost != nil {
		rt.Cost = &provider.Cost{USD: provider.Ptr(0.0), Basis: "replayed"}
	}
	return rt
}

// wait waits until at, if times are kept, and returns ctx's error if it ended.
func (p *Player) wait(ctx context.Context, start time.Time, atMS float64) error {
	left := time.Until(start.Add(duration(atMS)))
	if !p.cfg.Timing || left <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return ctx.Err()
	}
}

// nextRecording is the recording whose turn it is.
func (p *Player) nextRecording(ctx context.Context, req *provider.Request) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	asked := ask(req, p.cfg.Targets)
	key, err := asked.key()
	if err != nil {
		return nil, provider.Errorf(provider.Invalid, p.name, req.Model, "%w", err)
	}
	row, err := names(p.cfg.Dir, key)
	if err != nil {
		return nil, p.fail(req.Model, err)
	}
	if len(row) == 0 {
		if err := req.Validate(); err != nil { // after: a refusal may be recorded
			return nil, p.invalid(req.Model, err)
		}
		return nil, p.fail(req.Model, p.nearestMiss(ctx, asked))
	}
	c, err := load(p.cfg.Dir, row[p.turn(key, len(row))])
	if err == nil && c.Key != key {
		err = fmt.Errorf("the name of %s belongs to another request; record it again", c.file)
	}
	if err != nil {
		return nil, p.fail(req.Model, err)
	}
	return c, nil
}

// turn is the place in a row of n whose turn it is.
func (p *Player) turn(key string, n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := min(p.asked[key], n-1)
	p.asked[key] = i + 1
	return i
}

func (p *Player) fail(model string, err error) error {
	return &provider.Error{Kind: provider.Unavailable, Provider: p.name, Model: model, Final: true, Err: err}
}

func (p *Player) invalid(model string, err error) error {
	var e *provider.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return &provider.Error{Kind: provider.Invalid, Provider: p.name, Model: model, Final: true, Err: err}
}
