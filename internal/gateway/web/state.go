package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/batches"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// state is what the dashboard shows. It has no text of a prompt or an answer.
type state struct {
	Version  string          `json:"version"`
	UpFor    int64           `json:"up_seconds"`
	Stopping bool            `json:"stopping"`
	Caller   string          `json:"caller,omitempty"` // whose calls these are; empty: everybody's
	Counts   counts          `json:"counts"`
	Targets  []target        `json:"targets"`
	Cluster  *cluster        `json:"cluster"` // of nodes; null: none is used, or it may not be seen
	Batches  []batches.Live  `json:"batches"`
	Live     []exchange.Call `json:"live"`
	Recent   []exchange.Call `json:"recent"`
}

// counts are sums since the start, over the calls that may be seen.
type counts struct {
	Calls        int64   `json:"calls"`
	Failed       int64   `json:"failed"`
	Cancelled    int64   `json:"cancelled"`
	Fallbacks    int64   `json:"fallbacks"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens"`
	OutputTokens int64   `json:"output_tokens"`
	CostUSD      float64 `json:"cost_usd"`
	SavedUSD     float64 `json:"saved_usd"`
}

// target is a configured provider, as it is now.
type target struct {
	Name    string                  `json:"name"`
	Kind    string                  `json:"kind"`
	Model   string                  `json:"model"` // its default
	Local   bool                    `json:"local"`
	Problem string                  `json:"problem,omitempty"` // why it is not asked now
	Waiting int                     `json:"waiting"`           // calls
	Running []provider.RunningModel `json:"running"`
	Hosts   []host                  `json:"hosts"` // where it has several
}

// recent is how many calls that ended are shown.
const recent = 50

func (u *UI) state(w http.ResponseWriter, r *http.Request) {
	x := u.cfg.Exchange
	c, caller := x.CountsFor(r.Context()), x.Caller(r.Context())
	if caller.Operator {
		caller.Name = "" // it sees all
	}
	writeJSON(w, state{
		Version: u.cfg.Version, UpFor: int64(time.Since(u.began).Seconds()), Stopping: x.Closing(), Caller: caller.Name,
		Counts: counts{
			Calls: c.Calls, Failed: c.Failed, Cancelled: c.Cancelled, Fallbacks: c.Fallbacks,
			InputTokens: c.InputTokens, CachedTokens: c.CachedTokens, OutputTokens: c.OutputTokens,
			CostUSD: c.CostUSD, SavedUSD: c.SavedUSD,
		},
		Targets: u.targets(r), Cluster: u.cluster(r.Context(), caller), Batches: u.batches(r.Context()), Live: x.LiveFor(r.Context()), Recent: x.RecentFor(r.Context(), recent),
	})
}

// targets are the providers in use, in their order. All engines are asked at once what
// they have in memory; whoever is not in use is not asked.
func (u *UI) targets(r *http.Request) []target {
	s := u.cfg.Exchange.Stack()
	use := s.Config().Use
	out := make([]target, len(use))
	var wg sync.WaitGroup
	for i, name := range use {
		t, _ := s.Target(name) // the configuration was checked: it is there
		wg.Go(func() { out[i] = u.target(r, s, t) })
	}
	wg.Wait()
	return out
}

func (u *UI) target(r *http.Request, s *stack.Stack, t stack.Configured) target {
	name := t.Config.Name
	out := target{Name: name, Kind: t.Config.Kind, Model: t.Config.Model, Problem: s.Paused(name), Running: []provider.RunningModel{}, Hosts: []host{}}
	if t.Untrusted != nil {
		out.Problem = t.Untrusted.Error()
		return out
	}
	out.Local = s.Here(r.Context(), t)
	if u.cfg.Waiting != nil {
		out.Waiting = u.cfg.Waiting(name)
	}
	if p, ok := s.Pool(name); ok {
		out.Hosts = hosts(p.Status(), u.cfg.Exchange.Caller(r.Context()).SeesAll())
		return out
	}
	if u.cfg.Running != nil {
		out.Running = append(out.Running, u.cfg.Running(r.Context(), t)...)
	}
	return out
}

// cancel ends a call in flight.
func (u *UI) cancel(w http.ResponseWriter, r *http.Request) {
	if !u.cfg.Exchange.CancelFor(r.Context(), r.PathValue("id")) {
		u.cfg.Fail(w, r, &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoRoute, Message: "no call with this id is in flight; it may have ended"})
		return
	}
	writeJSON(w, map[string]bool{"cancelled": true})
}

// batches are those that wait or run.
func (u *UI) batches(ctx context.Context) []batches.Live {
	if u.cfg.Batches == nil {
		return []batches.Live{}
	}
	return u.cfg.Batches.Live(ctx, u.cfg.Exchange.Caller(ctx))
}

// cancelBatch stops a batch.
func (u *UI) cancelBatch(w http.ResponseWriter, r *http.Request) {
	err := fs.ErrNotExist
	if u.cfg.Batches != nil {
		err = u.cfg.Batches.Cancel(r.Context(), u.cfg.Exchange.Caller(r.Context()), r.PathValue("id"))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.cfg.Fail(w, r, &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoRoute, Message: "no batch with this id is waiting or running; it may have ended"})
	case err != nil:
		u.cfg.Fail(w, r, &exchange.Failure{Status: http.StatusInternalServerError, Code: exchange.CodeInternal, Message: "the batch could not be stopped"})
	default:
		writeJSON(w, map[string]bool{"cancelled": true})
	}
}
