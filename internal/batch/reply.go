package batch

import (
	"context"
	"iter"
	"sync"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// Reply is what a run brought, and what its calls came to.
type Reply struct {
	runner.Result
	Tally Tally `json:"-"`
	Err   error `json:"-"` // of the run
}

// Tally is what the calls of a run came to together: those of steps that were
// asked again, of tools' rounds and of repairs included.
type Tally struct {
	Provider string // who answered last; empty: nobody
	Model    string
	Fallback bool   // another one than the first answered a call
	Reason   string // why, of the last such call
	Input    int    // tokens
	Output   int
	USD      float64 // as far as it is known
	Saved    float64
	Unpriced int // calls that were answered, and whose cost is not known
}

// Ask runs a job and counts what its calls come to.
func Ask(ctx context.Context, job runner.Job) Reply {
	m := &meter{Provider: job.Provider}
	if job.Provider != nil {
		job.Provider = m
	}
	if job.Embedder == nil && m.Provider != nil {
		job.Embedder, _ = provider.As[provider.Embedder](m.Provider)
	}
	result, err := runner.Run(ctx, job, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	result.StaysLocal = m.stays
	return Reply{Result: result, Tally: m.tally, Err: err}
}

// Call asks one question and counts what its calls come to.
func Call(ctx context.Context, p provider.Provider, req provider.Request) (provider.Response, Tally, error) {
	m := &meter{Provider: p}
	resp, err := provider.Collect(m.Chat(ctx, req))
	m.mu.Lock()
	defer m.mu.Unlock()
	return resp, m.tally, err
}

// Embed asks for vectors and counts what the call comes to, also one that fails after
// the server has answered for some of the texts.
func Embed(ctx context.Context, e provider.Embedder, req provider.EmbedRequest) (provider.EmbedResponse, Tally, error) {
	resp, err := e.Embed(ctx, req)
	m := &meter{}
	m.count(&provider.Chunk{Usage: resp.Usage, Route: resp.Route})
	return resp, m.tally, err
}

// meter is a provider that counts what its answers come to.
type meter struct {
	provider.Provider

	mu    sync.Mutex
	tally Tally
	stays bool // a prompt had to stay on this machine
}

var _ provider.Wrapper = (*meter)(nil)

// Unwrap returns the provider whose answers are counted.
func (m *meter) Unwrap() provider.Provider { return m.Provider }

// Chat asks the provider.
func (m *meter) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if req.Privacy == provider.PrivacyLocal {
		m.mu.Lock()
		m.stays = true
		m.mu.Unlock()
	}
	stream := m.Provider.Chat(ctx, req)
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range stream {
			if c.Finish != "" {
				m.count(&c)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// count counts an answer by its last chunk.
func (m *meter) count(c *provider.Chunk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &m.tally
	if c.Usage != nil {
		t.Input += c.Usage.InputTokens
		t.Output += c.Usage.OutputTokens
	}
	r := c.Route
	if r == nil {
		return
	}
	t.Provider, t.Model = r.Provider, r.Model
	if fellBack(r) {
		t.Fallback, t.Reason = true, r.Reason
	}
	switch cost := r.Cost; {
	case cost == nil:
	case cost.USD == nil:
		t.Unpriced++
	default:
		t.USD += *cost.USD
		if cost.Saved != nil {
			t.Saved += *cost.Saved
		}
	}
}

// fellBack reports whether another target than the first one answered.
func fellBack(r *provider.Route) bool {
	return r.FellBack()
}
