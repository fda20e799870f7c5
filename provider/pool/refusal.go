package pool

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// refusal is that a host has refused a model that it lists: it is set aside for that
// model. When its time is up, one call finds out whether it still refuses.
type refusal struct {
	why     string
	kind    provider.Kind
	wait    time.Duration // how long it was set aside the latest time
	until   time.Time
	testing bool // a call is finding out
}

// For how long a host is set aside: the time doubles with each refusal.
const (
	firstRefusal   = 5 * time.Second
	longestRefusal = 5 * time.Minute
)

// refuses reports whether a failure says that the host answers no call for that model.
func refuses(e *provider.Error) bool {
	switch e.Kind {
	case provider.Denied, provider.ModelNotFound, provider.QuotaExhausted:
		return e.Status > 0
	}
	return false
}

// refusing reports whether a host is set aside for a model now. The caller holds the
// pool's mu, as it does for those below.
func (h *host) refusing(model string, now time.Time) bool {
	r := h.refusals[model]
	return r != nil && now.Before(r.until)
}

// test notes that a host gets a call for a model: if its time is up, others stay away
// until it is known whether it still refuses.
func (h *host) test(model string, now time.Time) {
	if r := h.refusals[model]; r != nil && !now.Before(r.until) {
		r.testing, r.until = true, now.Add(r.wait)
	}
}

// refused sets a host aside for a model.
func (h *host) refused(model string, e *provider.Error, now time.Time) {
	maps.DeleteFunc(h.refusals, func(_ string, r *refusal) bool { return now.Sub(r.until) > longestRefusal })
	r := h.refusals[model]
	switch {
	case r == nil:
		r = &refusal{}
		h.refusals[model] = r
	case now.Before(r.until) && !r.testing:
		return // the call began before the host was set aside, or there was no other
	}
	r.wait = min(max(2*r.wait, firstRefusal), longestRefusal)
	r.why, r.kind, r.until, r.testing = text(e), e.Kind, now.Add(r.wait), false
}

// serves takes back that a host refuses a model.
func (h *host) serves(model string) { delete(h.refusals, model) }

// untested notes that a call has ended without a word on whether its host still refuses.
func (h *host) untested(model string, now time.Time) {
	if r := h.refusals[model]; r != nil && r.testing {
		r.testing, r.until = false, now
	}
}

// warnRefusal says once that a host is set aside for a model while others may answer. It
// returns the text to tell, once mu is free.
func (p *Pool) warnRefusal(h *host, model string) []string {
	who := fmt.Sprintf("%s/%s is set aside for %s", p.cfg.Name, h.Name, model)
	if len(p.hosts) == 1 || p.warned[who] {
		return nil
	}
	p.warned[who] = true
	return []string{who + ": it refuses it: " + h.refusals[model].why}
}

// refusalsNow says which models a host refuses, and why; empty: none.
func (h *host) refusalsNow(now time.Time) string {
	var parts []string
	for _, model := range slices.Sorted(maps.Keys(h.refusals)) {
		if r := h.refusals[model]; now.Before(r.until) {
			parts = append(parts, fmt.Sprintf("it refuses %s: %s; next try in %s", model, r.why, textx.Duration(r.until.Sub(now).Round(time.Second))))
		}
	}
	return strings.Join(parts, "; ")
}
