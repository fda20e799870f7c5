package metrics

import (
	"cmp"
	"runtime"
	"slices"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider/pool"
	"github.com/tandem-llm/tandem/provider/router"
)

// families are all that is served, what is looked up at each scrape included.
func (m *Metrics) families() []*family {
	all := []*family{
		m.duration, m.tokens, m.first, m.perToken, m.calls, m.fallbacks, m.hits, m.cached, m.cost, m.saved, m.loading, m.queued, m.requests, m.refused,
	}
	all = append(all, m.process()...)
	all = append(all, m.providers()...)
	all = append(all, m.hosts()...)
	all = append(all, m.cluster()...)
	all = append(all, m.inFlight(), m.batches(), m.loads())
	slices.SortFunc(all, byName)
	return all
}

func (m *Metrics) process() []*family {
	build := &family{kind: gauge, name: "tandem_build_info", help: "The version of Tandem that serves.", labels: []string{"version"}}
	build.add(1, short(cmp.Or(m.cfg.Version, "unknown")))
	began := &family{kind: gauge, name: "process_start_time_seconds", help: "When the server began, in seconds since 1970."}
	began.add(float64(m.began.UnixMilli()) / 1000)
	goroutines := &family{kind: gauge, name: "go_goroutines", help: "Number of goroutines."}
	goroutines.add(float64(runtime.NumGoroutine()))
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	heap := &family{kind: gauge, name: "go_memstats_heap_inuse_bytes", help: "Memory of the heap that is in use."}
	heap.add(float64(stats.HeapInuse))
	sys := &family{kind: gauge, name: "go_memstats_sys_bytes", help: "Memory that was taken from the system."}
	sys.add(float64(stats.Sys))
	ready := &family{kind: gauge, name: "tandem_ready", help: "1 if questions can be answered, as /readyz says."}
	ready.add(0)
	if m.cfg.Ready() {
		ready.add(1)
	}
	return []*family{build, ready, began, goroutines, heap, sys}
}

// inFlight are the calls under way.
func (m *Metrics) inFlight() *family {
	f := &family{kind: gauge, name: "tandem_calls_in_flight", help: "Calls under way: in the queue, asked, or being answered.", labels: []string{"state"}}
	for _, state := range []exchange.State{exchange.Queued, exchange.Asking, exchange.Answering} {
		f.add(0, string(state))
	}
	for _, c := range m.cfg.Live() {
		state := c.State
		if state != exchange.Queued && state != exchange.Asking {
			state = exchange.Answering // its end is under way
		}
		f.add(1, string(state))
	}
	return f
}

// batches are those that have not ended.
func (m *Metrics) batches() *family {
	f := &family{kind: gauge, name: "tandem_batches", help: "Batches that have not ended: they run, or wait for something, such as their provider.", labels: []string{"state"}}
	running, waiting := m.cfg.Batches()
	f.add(float64(running), "running")
	f.add(float64(waiting), "waiting")
	return f
}

// providers are those in use, which the configuration bounds.
func (m *Metrics) providers() []*family {
	queue := &family{kind: gauge, name: "tandem_queue_length", help: "Calls that wait for a provider.", labels: []string{"provider"}}
	breaker := &family{kind: gauge, name: "tandem_circuit_breaker_state", help: "1 for the state that a provider's circuit breaker is in.", labels: []string{"provider", "state"}}
	s := m.cfg.Stack()
	use := slices.Clone(s.Config().Use)
	slices.Sort(use)
	for _, name := range slices.Compact(use) {
		queue.add(float64(m.cfg.Waiting(name)), name)
		is := s.Breaker(name)
		for _, state := range []router.BreakerState{router.BreakerClosed, router.BreakerOpen, router.BreakerHalfOpen} {
			v := 0.0
			if is == state {
				v = 1
			}
			breaker.add(v, name, string(state))
		}
	}
	return []*family{queue, breaker}
}

// hosts are those of the providers in use that have several.
func (m *Metrics) hosts() []*family {
	labels := []string{"provider", "host"}
	up := &family{kind: gauge, name: "tandem_host_up", help: "1 for a host that answers, as far as is known.", labels: labels}
	ended := &family{kind: counter, name: "tandem_host_calls_total", help: "Calls that a host has answered, or failed: those that another host then answered, too.", labels: []string{"provider", "host", "outcome"}}
	calls := &family{kind: gauge, name: "tandem_host_calls_in_flight", help: "Calls under way at a host.", labels: labels}
	loaded := &family{kind: gauge, name: "tandem_host_models_loaded", help: "Models that a host has in memory, where it tells.", labels: labels}
	rate := &family{kind: gauge, name: "tandem_host_tokens_per_second", help: "Tokens that a host writes a second while it has calls; 0 until it is known.", labels: labels}
	breaker := &family{kind: gauge, name: "tandem_host_circuit_breaker_state", help: "1 for the state that a host's circuit breaker is in.", labels: []string{"provider", "host", "state"}}
	s := m.cfg.Stack()
	use := slices.Clone(s.Config().Use)
	slices.Sort(use)
	for _, name := range slices.Compact(use) {
		p, ok := s.Pool(name)
		if !ok {
			continue
		}
		for _, h := range p.Status() {
			is := 0.0
			if h.State == pool.StateUp {
				is = 1
			}
			up.add(is, name, h.Host)
			ended.add(float64(h.Answered), name, h.Host, "answered")
			ended.add(float64(h.Failed), name, h.Host, "failed")
			calls.add(float64(h.InFlight), name, h.Host)
			loaded.add(float64(len(h.Loaded)), name, h.Host)
			rate.add(h.Rate, name, h.Host)
			for _, state := range []router.BreakerState{router.BreakerClosed, router.BreakerOpen, router.BreakerHalfOpen} {
				v := 0.0
				if h.Breaker == string(state) {
					v = 1
				}
				breaker.add(v, name, h.Host, string(state))
			}
		}
	}
	return []*family{up, ended, calls, loaded, rate, breaker}
}

// loads are the models that were loaded.
func (m *Metrics) loads() *family {
	f := &family{kind: counter, name: "tandem_model_loads_total", help: "Models that were loaded into memory before they were asked.", labels: []string{"provider", "model", "outcome"}}
	for _, n := range m.cfg.Stack().Loads() {
		name, model := m.names.model(n.Provider, n.Model)
		f.add(float64(n.Loaded), name, model, "loaded")
		f.add(float64(n.Failed), name, model, "failed")
	}
	return f
}
