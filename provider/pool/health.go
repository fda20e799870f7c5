package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// health is what a host has said, and when.
type health struct {
	probed  time.Time     // when it was last found out whether it is there
	strikes int           // times in a row that it did not answer in time
	up      bool          // it has answered at least once
	suspect bool          // a call has failed since, in a way that says that it may be down
	nudge   chan struct{} // has it asked at once
	down    string        // why it is not asked; empty: it is there, for all that is known
	since   time.Time     // down since
	running []provider.RunningModel
	list    list
	room    map[string]bool // whether a model that is not in memory fits, where known
	heard   atomic.Int64    // when it last sent a piece of an answer, in Unix nanoseconds
}

// brokenAfter is how long an answer of which a part was shown may stand still while its
// host does not answer to anything else.
const brokenAfter = 10 * time.Second

// found is what one look at a host has found.
type found struct {
	running []provider.RunningModel
	models  []provider.Model // of a host that does not tell what is in memory
	room    map[string]bool
}

// watch looks after a host until ctx ends.
func (p *Pool) watch(ctx context.Context, h *host) {
	p.mu.Lock()
	wait := time.Until(h.probed.Add(p.cfg.ProbeEvery))
	if !h.fresh(time.Now()) || h.unlisted() {
		wait = 0
	}
	p.mu.Unlock()
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-h.nudge:
		}
		f, err := p.probe(ctx, h)
		if ctx.Err() != nil {
			return
		}
		if !p.record(h, &f, err) {
			timer.Reset(0)
			continue
		}
		timer.Reset(p.cfg.ProbeEvery)
		if p.mayList(h) {
			go p.listModels(ctx, h)
		}
	}
}

// ask has the host asked at once how it is.
func (h *host) ask() {
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

// fresh reports whether what is known of a host still counts.
func (h *host) fresh(now time.Time) bool { return now.Sub(h.probed) < fresh }

// probe asks a host what it has in memory or, where it does not tell that, its models.
func (p *Pool) probe(ctx context.Context, h *host) (f found, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.ProbeTimeout)
	defer cancel()
	if h.runner == nil {
		f.models, err = h.Provider.Models(ctx)
		return f, err
	}
	if f.running, err = h.runner.Running(ctx); err != nil || h.Room == nil {
		return f, err
	}
	p.mu.Lock()
	wanted := slices.Clone(p.wanted)
	p.mu.Unlock()
	f.room = map[string]bool{}
	for _, model := range wanted {
		if loaded(f.running, model) {
			continue
		}
		if fits, known := h.Room(ctx, model); known {
			f.room[model] = fits
		}
	}
	return f, nil
}

func loaded(running []provider.RunningModel, model string) bool {
	return slices.ContainsFunc(running, func(m provider.RunningModel) bool { return same(m.Name, model) })
}

// record takes what a look has found. settled is false where the host has to be asked
// again at once.
func (p *Pool) record(h *host, f *found, err error) (settled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	late := errors.Is(err, context.DeadlineExceeded)
	why := p.unwell(err, p.cfg.ProbeTimeout)
	switch {
	case why == "":
		h.strikes, h.up, h.down, h.suspect = 0, true, "", false
		if h.list.outdated(h.running, f.running) {
			h.list.at = time.Time{}
		}
		h.running, h.room = f.running, f.room
		if h.runner == nil {
			p.listed(h, f.models, "")
		}
	case late && now.Sub(time.Unix(0, h.heard.Load())) < p.cfg.ProbeTimeout: // it was at work meanwhile
		h.strikes, h.probed = 0, now
		return false
	case late && h.up && h.strikes == 0:
		h.strikes++
		return false
	default:
		p.setDown(h, why, now)
	}
	h.probed = now
	p.wake()
	return true
}

// unwell is why a host cannot be asked, by the error of a question that it had so long
// for; empty: it can be, or a call tells better what is the matter.
func (p *Pool) unwell(err error, within time.Duration) string {
	why := reasonOf(err, within)
	if p.cfg.Redact != nil {
		why = p.cfg.Redact(why)
	}
	return why
}

func reasonOf(err error, within time.Duration) string {
	var e *provider.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("it does not answer within %s", within)
	case !errors.As(err, &e):
		return err.Error()
	case e.Status > 0 && e.Status < 500:
		return ""
	case e.Kind == provider.Unavailable, e.Kind == provider.Timeout, e.Kind == provider.BadAnswer, e.Kind == provider.Truncated, e.Kind == provider.Offline:
		if e.Err == nil {
			return e.Kind.Error()
		}
		return e.Err.Error()
	}
	return ""
}

// setDown notes that a host cannot be asked, and has it give its calls back. The caller
// holds mu.
func (p *Pool) setDown(h *host, why string, now time.Time) {
	if h.down == "" {
		h.since = now
	}
	h.down, h.suspect = why, false
	for a := range h.attempts {
		switch {
		case p.cfg.Paid:
		case a.call.hasOther(h):
			a.giveBack(why)
		}
		if now.Sub(h.since) > brokenAfter && now.Sub(time.Unix(0, a.heard.Load())) > brokenAfter {
			a.breakOff(why)
		}
	}
}
