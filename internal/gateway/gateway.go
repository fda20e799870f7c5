// Package gateway is Tandem as an HTTP server: one local endpoint that speaks the APIs of
// OpenAI, Anthropic and Ollama, and answers with whoever the configuration says.
package gateway

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/tandem-llm/tandem/internal/gateway/anthropic"
	"github.com/tandem-llm/tandem/internal/gateway/batches"
	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
	"github.com/tandem-llm/tandem/internal/gateway/mcp"
	"github.com/tandem-llm/tandem/internal/gateway/metrics"
	"github.com/tandem-llm/tandem/internal/gateway/ollama"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/gateway/queue"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
	"github.com/tandem-llm/tandem/internal/gateway/web"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// Config is what a Server stands on.
type Config struct {
	Stack *stack.Stack // that is asked first; see [Server.Use]
	// Explain is an error in the words of this program; nil: its own.
	Explain func(error) string
	Version string // of this program
	Chains  string // the folder of the chains that are models; empty: there are none
	// Warn, if not nil, is told what is wrong beside the calls, such as with a chain, and
	// Say what becomes of batches.
	Warn, Say func(string)
	// Cluster, if not nil, observes the cluster of nodes that this machine uses. The server
	// closes it.
	Cluster *natsqueue.Observer
	// Keys are those that the guard knows, by which batches go on; nil: there are none.
	Keys guard.Keys
}

// Server is the gateway.
type Server struct {
	cfg       Config
	stack     atomic.Pointer[stack.Stack]
	exchange  *exchange.Exchange
	queue     *queue.Queue
	chains    *chains.Folder
	loaded    loaded
	metrics   *metrics.Metrics
	readiness readiness
	spare     spare
	// responses are kept in the state directory of the first stack; nil: there is none.
	responses *responsestore.Store
	batches   *batches.Service // nil: as responses
	handler   http.Handler
}

// New returns a server of the stack. It makes no call.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, spare: spare{free: debug.FreeOSMemory}}
	s.stack.Store(cfg.Stack)
	s.metrics = metrics.New(metrics.Config{
		Stack: s.stack.Load, Live: func() []exchange.Call { return s.exchange.Live() }, Waiting: func(name string) int { return s.queue.Waiting(name) }, Version: cfg.Version,
		Ready: func() bool { return len(s.verdict(context.Background()).reasons) == 0 }, Batches: s.openBatches, Cluster: s.cluster,
	})
	s.queue = queue.New(queue.Config{
		Lane: s.lane, Engine: func(name string) *priority.Engine { return s.stack.Load().Engine(name) }, Limit: cfg.Stack.Config().Gateway.Queue, Waited: s.metrics.Waited,
	})
	s.chains = chains.NewFolder(cfg.Chains, cfg.Warn)
	own := chains.New(s.chains)
	s.exchange = exchange.New(exchange.Config{Stack: s.stack.Load, Explain: cfg.Explain, Queue: s.queue, Prepare: s.window, Chains: own, CallerOf: callerOf, Ended: s.ended})
	if dir := cfg.Stack.StateDir(); dir != "" {
		s.responses = responsestore.New(responsestore.Config{Dir: dir})
	}
	mux := http.NewServeMux()
	if s.batches = s.newBatches(); s.batches != nil {
		s.batches.Register(mux)
	}
	openaiAPI, anthropicAPI := openai.New(s.exchange, s.responses), anthropic.New(s.exchange)
	openaiAPI.Register(mux)
	anthropicAPI.Register(mux)
	ollama.New(s.exchange).Register(mux)
	chains.NewLangServe(own, s.exchange).Register(mux)
	mcp.New(own, s.exchange, cfg.Version).Register(mux)
	mux.HandleFunc("GET /v1/models", byDialect(openaiAPI.Models, anthropicAPI.Models))
	mux.HandleFunc("GET /v1/models/{id...}", byDialect(openaiAPI.Model, anthropicAPI.Model))
	web.New(web.Config{Exchange: s.exchange, Batches: s.batches, Waiting: s.queue.Waiting, Running: s.loaded.of, Cluster: s.cluster, Fail: s.Fail, Version: cfg.Version}).Register(mux)
	mux.HandleFunc("GET /routes/{id}", s.route)
	mux.HandleFunc("GET /metrics", s.tellMetrics)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("/", s.unknown(mux))
	s.handler = web.Front(onBehalf(mux))
	return s
}

// Handler serves all paths.
func (s *Server) Handler() http.Handler { return s.handler }

// Public reports whether everybody who reaches the server may read a path without a
// key: what it shows is the same for all, and nothing of the user's.
func Public(r *http.Request) bool {
	return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || web.Public(r)
}

// callerOf is who asks, as the guard found out.
func callerOf(ctx context.Context) exchange.Caller {
	c := guard.CallerOf(ctx)
	out := exchange.Caller{Name: c.Name, Use: c.Use, BudgetUSD: c.BudgetUSD, Pull: c.Pull, Operator: c.Operator}
	if c.Privacy == guard.PrivacyLocal {
		out.Privacy = provider.PrivacyLocal
	}
	return out
}

// onBehalf has every call of a request counted to its caller, whichever path makes it.
func onBehalf(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := r.WithContext(callerOf(r.Context()).Context(r.Context()))
		defer func() { r.Pattern = own.Pattern }() // who stands before, such as the log, looks for it there
		next.ServeHTTP(w, own)
	})
}

// Use has another stack asked from now on, after a reload, and the chains of that folder
// served. Calls under way end as they began.
func (s *Server) Use(next *stack.Stack, folder string) {
	s.stack.Store(next)
	s.queue.SetLimit(next.Config().Gateway.Queue)
	s.chains.Move(folder)
	if s.cfg.Cluster != nil {
		s.cfg.Cluster.Reset()
	}
}

// cluster is what is known of the cluster of nodes; used is false where none is used.
func (s *Server) cluster(ctx context.Context) (seen natsqueue.Seen, used bool) {
	if s.cfg.Cluster == nil {
		return natsqueue.Seen{}, false
	}
	return s.cfg.Cluster.Look(ctx)
}

// ended takes a call in that has ended.
func (s *Server) ended(c exchange.Call) {
	s.metrics.Ended(c)
	s.spare.callEnded()
}

// Exchange has the calls of the server.
func (s *Server) Exchange() *exchange.Exchange { return s.exchange }

// Served counts a request that the guard has seen end.
func (s *Server) Served(r guard.Served) { s.metrics.Served(r) }

// Close closes what the server has open. Calls under way have to have ended; those of
// batches are ended, and asked again by the next process.
func (s *Server) Close() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	s.StopBatches(now)()
	if s.cfg.Cluster != nil {
		s.cfg.Cluster.Close()
	}
	if s.responses == nil {
		return nil
	}
	return s.responses.Close()
}

// Fail writes a failure in the dialect of the path.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, f *exchange.Failure) {
	switch {
	case anthropic.Speaks(r):
		anthropic.Fail(w, f)
	case r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/api/"):
		ollama.Fail(w, f)
	case strings.HasPrefix(r.URL.Path, "/chains/"):
		chains.Fail(w, f)
	default:
		openai.Fail(w, f)
	}
}

// byDialect chooses between two handlers of one path: Anthropic's clients say that they
// are some, others do not.
func byDialect(others, anthropics http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if anthropic.Speaks(r) {
			anthropics(w, r)
			return
		}
		others(w, r)
	}
}

// route tells what became of a call, to whom it belongs.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	c, ok := s.exchange.LookupFor(r.Context(), exchange.CallID(r.PathValue("id")))
	if !ok {
		s.Fail(w, r, &exchange.Failure{Status: http.StatusNotFound, Code: exchange.CodeNoRoute, Message: "there is no call with this id among the last 1000; `tandem logs show` finds older ones"})
		return
	}
	exchange.WriteJSON(w, http.StatusOK, c)
}

// tellMetrics serves the metrics, which are of everybody's calls.
func (s *Server) tellMetrics(w http.ResponseWriter, r *http.Request) {
	if !s.exchange.Caller(r.Context()).SeesAll() {
		s.Fail(w, r, &exchange.Failure{
			Status: http.StatusForbidden, Code: string(provider.Denied), Message: "the metrics are those of all callers, and this key sees its own calls only; use one that was made with --operator",
		})
		return
	}
	s.metrics.ServeHTTP(w, r)
}

// health says that the process serves.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	exchange.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok", "version": s.cfg.Version})
}
