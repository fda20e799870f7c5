package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

const (
	// readyFresh is how long it counts whether the server is ready: probes are
	// frequent, and there may be many of them.
	readyFresh = 2 * time.Second
	// probeTimeout is how long an engine of this machine may take to answer a probe.
	probeTimeout = time.Second
)

// readiness knows whether questions can be answered.
type readiness struct {
	mu      sync.Mutex
	at      time.Time
	of      *stack.Stack
	reasons []reason
}

// reason is why questions cannot be answered. Public has no name of the
// configuration's, because everybody may read it.
type reason struct{ public, detail string }

// notReady are the reasons why the server can answer no question now; none: it can.
func (s *Server) notReady(ctx context.Context) []reason {
	if s.exchange.Closing() {
		return []reason{{"the server is shutting down", ""}}
	}
	r, st := &s.readiness, s.stack.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == st && time.Since(r.at) < readyFresh {
		return r.reasons
	}
	// Who asks may leave; others wait for the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*probeTimeout)
	defer cancel()
	var now []reason
	for _, check := range []func(context.Context, *stack.Stack) *reason{s.nobodyAnswers, unwritten} {
		if why := check(ctx, st); why != nil {
			now = append(now, *why)
		}
	}
	s.tellReady(r.reasons, now)
	r.reasons, r.at, r.of = now, time.Now(), st
	return now
}

// tellReady says in the log what has changed, with the names.
func (s *Server) tellReady(before, now []reason) {
	if s.cfg.Warn == nil || len(before) == 0 && len(now) == 0 {
		return
	}
	if len(now) == 0 {
		s.cfg.Warn("ready again")
		return
	}
	if slices.EqualFunc(before, now, func(a, b reason) bool { return a.public == b.public }) {
		return
	}
	var texts []string
	for _, why := range now {
		texts = append(texts, why.detail)
	}
	s.cfg.Warn("not ready: " + strings.Join(texts, "; "))
}

// nobodyAnswers is why no provider in use can be asked, or nil. All are looked at at
// once.
func (s *Server) nobodyAnswers(ctx context.Context, st *stack.Stack) *reason {
	use := st.Config().Use
	whys := make([]error, len(use))
	var wg sync.WaitGroup
	for i, name := range use {
		wg.Go(func() { whys[i] = unable(ctx, st, name) })
	}
	wg.Wait()
	kinds := map[string]int{}
	var details, public []string
	for i, err := range whys {
		if err == nil {
			return nil
		}
		kinds[string(provider.KindOf(err))]++
		details = append(details, use[i]+": "+err.Error())
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		public = append(public, fmt.Sprintf("%s (%d)", kind, kinds[kind]))
	}
	return &reason{"no provider can answer: " + strings.Join(public, ", "), "no provider can answer: " + strings.Join(details, "; ")}
}

// unable is why a provider cannot be asked now, or nil.
func unable(ctx context.Context, st *stack.Stack, name string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	planner, ok := provider.As[router.Planner](st.Provider)
	if !ok {
		return nil
	}
	var req provider.Request
	st.Defaults(&req)
	req.Use, req.Messages = []string{name}, []provider.Message{provider.User("ready?")} // it is planned, and not asked
	plan, err := planner.Plan(ctx, req)
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = provider.Errorf(provider.Timeout, name, "", "it does not answer within %s", probeTimeout)
		}
		return err
	}
	return silent(ctx, st, name)
}

// silent is why an engine of this machine does not answer, or nil. One that Tandem
// manages is started by the next question, and a hosted one is not asked: its circuit
// breaker tells enough.
func silent(ctx context.Context, st *stack.Stack, name string) error {
	t, ok := st.Target(name)
	if !ok || t.Engine != nil || !st.Here(ctx, t) {
		return nil
	}
	_, err := t.Provider.Models(ctx)
	if k := provider.KindOf(err); k == provider.Unavailable || k == provider.Timeout || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil // one that answers, whatever it says, is there
}

// unwritten is why what is to be written down cannot be, or nil. A file that another
// program writes to is well.
func unwritten(ctx context.Context, st *stack.Stack) *reason {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := st.Writable(ctx); err != nil && ctx.Err() == nil {
		return &reason{"the log cannot be written", err.Error()}
	}
	return nil
}

// ready says whether questions can be answered, as a load balancer wants to know it.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	reasons := s.notReady(r.Context())
	w.Header().Set("Cache-Control", "no-store")
	if len(reasons) == 0 {
		exchange.WriteJSON(w, http.StatusOK, map[string]any{"status": "ok"})
		return
	}
	var texts []string
	for _, why := range reasons {
		texts = append(texts, why.public)
	}
	exchange.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "reasons": texts})
}
