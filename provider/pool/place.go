package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

const (
	// crowd is how many calls a host has before one that first has to load the model
	// is asked, too.
	crowd = 4
	// graceFor is how long a call that could start waits for what other hosts say.
	graceFor = 200 * time.Millisecond
)

// skip is why a host is not asked.
type skip struct {
	host *host
	err  *provider.Error
}

// choice is what there is to choose from for a call.
type choice struct {
	open    []*host
	skips   []skip
	pending bool // a host has yet to say how it is
	// undecided says that such a host may change which digest answers: it is waited for.
	undecided bool
	// suspects are hosts that had failed, and have yet to say how they are now: they are
	// waited for only where there is no other.
	suspects []*host
	busy     bool // a host has as many calls as it may
	// refusing are hosts that have refused the model: they are asked only where nobody
	// else can answer.
	refusing []*host
}

// look finds who could be asked now. The caller holds mu.
func (c *call) look(now time.Time) (ch choice) {
	v := c.p.view(c.model)
	var unknown []*host
	for _, h := range c.p.hosts {
		if c.tried[h] {
			continue
		}
		no := func(kind provider.Kind, format string, args ...any) {
			ch.skips = append(ch.skips, skip{h, provider.Errorf(kind, c.p.cfg.Name, c.model, format, args...)})
		}
		away := func(why string) { no(provider.Unavailable, "%w", failure.Mark(errors.New(why), provider.ErrPaused)) }
		has, told := v.has[h]
		breaker, _ := h.breaker.State(now)
		switch {
		case h.Drained != nil && h.Drained():
			no(provider.Unavailable, "%w", failure.Mark(failure.Mark(errors.New("it is drained"), provider.ErrPaused), failure.ErrDrained))
		case (!h.fresh(now) || h.unlisted()) && h.down == "":
			ch.pending = true
			unknown = append(unknown, h)
		case !h.fresh(now), h.suspect, h.down != "" && h.probed.Before(c.began):
			ch.suspects = append(ch.suspects, h)
		case h.down != "":
			away(h.down)
		case h.list.why != "":
			away(h.list.why)
		case breaker != "":
			away(breaker)
		case told && !has && (h.runner != nil || c.p.anyHas(v)):
			no(provider.ModelNotFound, "it does not have the model")
		case c.p.setAside(v, h, c.model) != "":
			away(c.p.setAside(v, h, c.model))
		case h.refusing(c.model, now):
			ch.refusing = append(ch.refusing, h)
		case h.Slots != nil && h.Slots() > 0 && h.inFlight >= h.Slots():
			ch.busy = true
		default:
			ch.open = append(ch.open, h)
		}
	}
	ch.undecided = c.p.undecided(c.model, v, unknown)
	if len(ch.open) == 0 && !ch.busy && len(ch.suspects) > 0 {
		ch.pending = true
	}
	return ch
}

// anyHas reports whether any host lists the model.
func (p *Pool) anyHas(v *view) bool {
	for _, has := range v.has {
		if has {
			return true
		}
	}
	return false
}

// hasOther reports whether another host than h could take the call. The caller holds mu.
func (c *call) hasOther(h *host) bool {
	ch := c.look(time.Now())
	for _, o := range ch.open {
		if o != h {
			return true
		}
	}
	return ch.busy // it will
}

// place waits until a host can take the call, and gives it the call. Errors: ctx's own,
// and why no host can.
func (c *call) place(ctx context.Context) (to *host, probe bool, err error) {
	p := c.p
	for {
		p.mu.Lock()
		now := time.Now()
		ch := c.look(now)
		if len(ch.open) == 0 && !ch.pending && !ch.busy {
			ch.open = ch.refusing
		}
		h := c.best(ctx, &ch, now)
		if h != nil {
			var ok bool
			if probe, ok = h.breaker.Allow(now); !ok { // another call is testing it
				p.mu.Unlock()
				continue
			}
			h.speed.tick(now, h.inFlight > 0)
			h.inFlight++
			h.test(c.model, now)
			v := p.view(c.model)
			p.serving[c.model] = v.serves
			warnings := p.warnAside(v, c.model)
			p.mu.Unlock()
			p.warn(warnings)
			return h, probe, nil
		}
		changed := p.changed
		p.mu.Unlock()
		if len(ch.open) == 0 {
			for _, h := range ch.suspects {
				h.ask()
			}
		}
		until, wait := c.wait(ctx, &ch, now)
		if !wait {
			return nil, false, c.failure(ch.skips)
		}
		if err := c.sleep(ctx, changed, until); err != nil {
			return nil, false, err
		}
	}
}

func (p *Pool) warn(texts []string) {
	for _, t := range texts {
		if p.cfg.Warn != nil {
			p.cfg.Warn(t)
		}
	}
}

// wait says until when the call should look again; zero: when something has changed.
func (c *call) wait(ctx context.Context, ch *choice, now time.Time) (until time.Time, wait bool) {
	switch {
	case len(ch.open) > 0 && ch.pending && !ch.undecided:
		return c.grace, true
	case ch.pending || ch.busy:
		return time.Time{}, true
	case c.waking.IsZero() && !c.wakeHosts(ctx, ch, now):
		return time.Time{}, false
	}
	return c.waking, now.Before(c.waking)
}

func (c *call) sleep(ctx context.Context, changed <-chan struct{}, until time.Time) error {
	var end <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-end:
	}
	return nil
}

// wakeHosts wakes the machines that are down and can be woken, if there are any. The
// call waits for them.
func (c *call) wakeHosts(ctx context.Context, ch *choice, now time.Time) bool {
	var names []string
	for _, s := range ch.skips {
		if s.host.Wake == nil || s.err.Kind != provider.Unavailable || s.host.Drained != nil && s.host.Drained() {
			continue
		}
		if err := s.host.Wake(ctx); err != nil {
			c.p.warn([]string{fmt.Sprintf("%s/%s cannot be woken: %s", c.p.cfg.Name, s.host.Name, err)})
			continue
		}
		names = append(names, s.host.Name)
	}
	if len(names) == 0 {
		return false
	}
	c.waking = now.Add(c.p.cfg.WakeTimeout)
	if c.p.cfg.Progress != nil {
		c.p.cfg.Progress(fmt.Sprintf("waking %s, and waiting for it up to %s …", strings.Join(names, " and "), c.p.cfg.WakeTimeout))
	}
	return true
}

// best is who takes the call; nil: nobody yet.
func (c *call) best(ctx context.Context, ch *choice, now time.Time) *host {
	if len(ch.open) == 0 || ch.undecided {
		return nil
	}
	for _, h := range ch.open {
		if h == c.session {
			return h
		}
	}
	if ch.pending && (c.session == nil || !c.tried[c.session]) {
		if c.grace.IsZero() {
			c.grace = now.Add(graceFor)
		}
		if now.Before(c.grace) {
			return nil
		}
	}
	open := ch.open
	if free := willing(ctx, open); len(free) > 0 {
		open = free
	}
	return c.leastBusy(c.nearest(open))
}

// willing are those of the hosts that do not wish the call elsewhere.
func willing(ctx context.Context, hosts []*host) (free []*host) {
	for _, h := range hosts {
		if h.Yields == nil || !h.Yields(ctx) {
			free = append(free, h)
		}
	}
	return free
}

// The classes of hosts: those with the model in memory are asked first.
const (
	inMemory = iota
	hasRoom  // or has nothing else in memory
	notKnown // whether there is room
	noRoom   // or not as far as is known
	classes
)

func (c *call) class(h *host) int {
	if h.runner == nil {
		return inMemory // it runs what it lists
	}
	if loaded(h.running, c.model) {
		return inMemory
	}
	switch fits, known := h.room[c.model]; {
	case known && fits, !known && len(h.running) == 0:
		return hasRoom
	case known:
		return noRoom
	}
	return notKnown
}

// nearest are the hosts that are best prepared for the model, and with them those of
// the next class as long as all have a crowd of calls.
func (c *call) nearest(hosts []*host) (out []*host) {
	for class := range classes {
		for _, h := range hosts {
			if c.class(h) == class {
				out = append(out, h)
			}
		}
		for _, h := range out {
			if h.inFlight < crowd {
				return out
			}
		}
	}
	return out
}

// leastBusy is the host that has the fewest calls for its speed.
func (c *call) leastBusy(hosts []*host) *host {
	known, sum := 0, 0.0
	for _, h := range c.p.hosts {
		if r := h.speed.rate(); r > 0 {
			known, sum = known+1, sum+r
		}
	}
	usual := 1.0
	if known > 0 {
		usual = sum / float64(known)
	}
	var best *host
	least := 0.0
	for _, h := range hosts {
		rate := h.speed.rate()
		if rate <= 0 {
			rate = usual
		}
		if h.Weight > 0 {
			rate *= h.Weight
		}
		if load := float64(h.inFlight+1) / rate; best == nil || load < least {
			best, least = h, load
		}
	}
	return best
}
