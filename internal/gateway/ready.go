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
	mu  sync.Mutex
	at  time.Time
	of  *stack.Stack
	now verdict
}

// verdict says why questions cannot be answered, and what else is wrong, which keeps no
// question from being answered.
type verdict struct{ reasons, warnings []reason }

// reason is something that is wrong. Public has no name of the configuration's, because
// everybody may read it. Over is what the log says when it is over.
type reason struct{ public, detail, over string }

// verdict is what is wrong now; without reasons the server can answer questions.
func (s *Server) verdict(ctx context.Context) verdict {
	if s.exchange.Closing() {
		return verdict{reasons: []reason{{public: "the server is shutting down"}}}
	}
	r, st := &s.readiness, s.stack.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == st && time.Since(r.at) < readyFresh {
		return r.now
	}
	// Who asks may leave; others wait for the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*probeTimeout)
	defer cancel()
	var now verdict
	nobody, warnings := nobodyAnswers(ctx, st)
	for _, why := range []*reason{nobody, unwritten(ctx, st)} {
		if why != nil {
			now.reasons = append(now.reasons, *why)
		}
	}
	now.warnings = append(warnings, clusterWarnings(s.cluster(ctx))...)
	s.tellReady(r.now, now)
	r.now, r.at, r.of = now, time.Now(), st
	return now
}

// tellReady says in the log what has changed, with the names.
func (s *Server) tellReady(before, now verdict) {
	if s.cfg.Warn == nil {
		return
	}
	same := func(a, b reason) bool { return a.public == b.public }
	switch {
	case slices.EqualFunc(before.reasons, now.reasons, same):
	case len(now.reasons) == 0:
		s.cfg.Warn("ready again")
	default:
		var texts []string
		for _, why := range now.reasons {
			texts = append(texts, why.detail)
		}
		s.cfg.Warn("not ready: " + strings.Join(texts, "; "))
	}
	for _, w := range now.warnings {
		if !slices.ContainsFunc(before.warnings, func(o reason) bool { return o.over == w.over }) {
			s.cfg.Warn(w.detail)
		}
	}
	for _, w := range before.warnings {
		if !slices.ContainsFunc(now.warnings, func(o reason) bool { return o.over == w.over }) {
			s.cfg.Warn(w.over)
		}
	}
}

// nobodyAnswers is why no provider in use can be asked, or nil, and which of them have no
// host left, where others can be asked. All are looked at at once.
func nobodyAnswers(ctx context.Context, st *stack.Stack) (nobody *reason, warnings []reason) {
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
			continue
		}
		kinds[string(provider.KindOf(err))]++
		details = append(details, use[i]+": "+err.Error())
		if none := (*noHostError)(nil); errors.As(err, &none) {
			public = append(public, fmt.Sprintf("no host is left of %d", none.hosts))
			warnings = append(warnings, reason{
				fmt.Sprintf("a provider has no host left of %d", none.hosts), use[i] + ": " + err.Error(), use[i] + " has a host again that can take calls",
			})
		}
	}
	if len(details) < len(use) {
		return nil, warnings
	}
	var counts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		counts = append(counts, fmt.Sprintf("%s (%d)", kind, kinds[kind]))
	}
	const none = "no provider can answer: "
	return &reason{public: none + strings.Join(append(counts, public...), ", "), detail: none + strings.Join(details, "; ")}, nil
}

// unable is why a provider cannot be asked now, or nil.
func unable(ctx context.Context, st *stack.Stack, name string) error {
	planner, ok := provider.As[router.Planner](st.Provider)
	if !ok {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var req provider.Request
	st.Defaults(&req)
	req.Use, req.Messages = []string{name}, []provider.Message{provider.User("ready?")} // it is planned, and not asked
	plan, err := planner.Plan(short, req)
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		if short.Err() != nil {
			err = provider.Errorf(provider.Timeout, name, "", "it does not answer within %s", probeTimeout)
		}
		return err
	}
	if p, ok := st.Pool(name); ok {
		return hostless(ctx, st, name, p)
	}
	return silent(short, st, name)
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
		return &reason{public: "the log cannot be written", detail: err.Error()}
	}
	return nil
}

// readyJSON is what /readyz answers.
type readyJSON struct {
	Status   string       `json:"status"`
	Reasons  []string     `json:"reasons,omitempty"`  // why it is not ready
	Warnings []string     `json:"warnings,omitempty"` // that keep no question from being answered
	Cluster  *clusterJSON `json:"cluster,omitempty"`  // of nodes, where one is used
}

// ready says whether questions can be answered, as a load balancer wants to know it.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	v := s.verdict(r.Context())
	out := readyJSON{Status: "ok", Reasons: public(v.reasons), Warnings: public(v.warnings), Cluster: clusterOf(s.cluster(r.Context()))}
	status := http.StatusOK
	if len(v.reasons) > 0 {
		out.Status, status = "not ready", http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	exchange.WriteJSON(w, status, out)
}

func public(reasons []reason) (texts []string) {
	for _, why := range reasons {
		texts = append(texts, why.public)
	}
	return texts
}
