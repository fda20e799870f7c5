// Package pool is a provider whose calls are shared out among several hosts, each a
// provider that reaches one server. Nothing runs on the hosts but those servers.
//
// A call goes to a host that has its model in memory, or else to one that has it and
// room for it, and among those to the least busy. A conversation stays where its
// beginning is. A host that fails, or that stops answering, before the first content
// gives its call back, and another host takes it: each host once for a call, and never
// a paid call that may have been charged. After content the answer breaks off with an
// error, as that of any provider. A host that refuses a model that it lists is set aside
// for that model for a while, and asked meanwhile only where nobody else can answer.
//
// While there are calls, every host is asked every few hundred milliseconds whether it
// is there and what it has in memory; otherwise it is left alone.
//
// Ollama tells what exactly a model is. Where hosts have different models of the same
// name, those that most of them have answer, and the others are set aside.
package pool

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/breaker"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// Config says which hosts there are.
type Config struct {
	Name  string // what routes call the provider: that of each host's Provider
	Model string // asked for when a request names none
	Hosts []Host // at least one
	// Paid says that a call may be charged: one that may have reached a server is not
	// given to another host.
	Paid bool
	// Whole reports whether nobody sees an answer in ctx before it is complete. Then it
	// is kept back until then, and a host that fails meanwhile gives the call back. Nil:
	// only answers with a schema, and those of a request with NoStream.
	Whole func(ctx context.Context) bool
	// Observe, if not nil, is told of each host that failed before any content. It must
	// be quick. It and the functions below must be safe for concurrent use.
	Observe func(Event)
	// Noted, if not nil, is told what was found out about a host by a call that it has
	// failed, and by the first one that it answers after it was not to be asked.
	Noted func(host string, s Standing)
	// Redact takes secrets out of what hosts say of themselves; may be nil. It need not do
	// so for what a host's Provider answers.
	Redact func(string) string
	Warn   func(string) // is told once which hosts are set aside, and why; may be nil
	// Progress is told what is waited for, such as a machine that wakes up; may be nil.
	Progress func(string)
	// ProbeEvery is how long after a host has answered it is asked again whether it is
	// there, and ProbeTimeout how long it has for that; 0: 400 ms and 600 ms. A host
	// that misses two in a row is down.
	ProbeEvery, ProbeTimeout time.Duration
	// ListTimeout is how long a host may take to list its models, where it tells otherwise
	// that it is there; 0: 5 s.
	ListTimeout time.Duration
	// WakeTimeout is how long is waited for a machine that was woken; 0: two minutes.
	WakeTimeout time.Duration
}

// Host is one host of a pool. Its functions may be nil.
type Host struct {
	Name     string // unique in the pool, such as gpu2:11434
	Provider provider.Provider
	Weight   float64 // how much faster than the others it is taken to be; 0: 1
	// Slots is how many calls it may have at a time now; 0: any number.
	Slots func() int
	// Yields reports whether a call in ctx had better go to another host now.
	Yields func(ctx context.Context) bool
	// Room reports whether a model that is not in memory fits there, where known.
	Room func(ctx context.Context, model string) (fits, known bool)
	// Drained reports whether the host takes no new calls.
	Drained func() bool
	// Wake wakes the host's machine, and does not wait for it.
	Wake func(ctx context.Context) error
}

// Event is a host that gave a call back.
type Event struct {
	Host, Model string
	Err         error
	Took        time.Duration
}

const (
	defaultEvery   = 400 * time.Millisecond
	defaultTimeout = 600 * time.Millisecond
	defaultWake    = 2 * time.Minute
	// fresh is how long it counts what a host has said.
	fresh = 2 * time.Second
)

// Pool is a provider.Provider over hosts. Make one with [New].
type Pool struct {
	cfg   Config
	hosts []*host

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, when a call that waits should look again
	uses     int           // calls
	stop     context.CancelFunc
	wanted   []string          // models that were asked for lately
	views    map[string]*view  // what is known of a model, by its name; until a host tells something else
	serving  map[string]string // the digest that answers, by the model's name
	warned   map[string]bool   // of hosts that are set aside
	sessions sessions
}

// host is a Host and how it fares. What is not an atomic is under the pool's mu.
type host struct {
	Host
	runner  provider.Runner // nil: it does not tell what is in memory
	breaker breaker.Breaker
	health
	inFlight int
	attempts map[*attempt]struct{}
	refusals map[string]*refusal // by the model's name
	speed    speed
	answered int // calls
	failed   int
	last     *Failure
	bad      bool // as others were told, it is not to be asked for something
}

var (
	_ provider.Provider = (*Pool)(nil)
	_ provider.Localer  = (*Pool)(nil)
)

// New returns a pool. It makes no call. Errors: Invalid, where there is no host, or two
// have the same name.
func New(cfg Config) (*Pool, error) {
	if cfg.ProbeEvery <= 0 {
		cfg.ProbeEvery = defaultEvery
	}
	if cfg.ProbeTimeout <= 0 {
		cfg.ProbeTimeout = defaultTimeout
	}
	if cfg.ListTimeout <= 0 {
		cfg.ListTimeout = defaultListTimeout
	}
	if cfg.WakeTimeout <= 0 {
		cfg.WakeTimeout = defaultWake
	}
	p := &Pool{cfg: cfg, changed: make(chan struct{}), views: map[string]*view{}, serving: map[string]string{}, warned: map[string]bool{}}
	for _, one := range cfg.Hosts {
		if slices.ContainsFunc(p.hosts, func(h *host) bool { return h.Name == one.Name }) {
			return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "the host %s appears twice", one.Name)
		}
		h := &host{Host: one, attempts: map[*attempt]struct{}{}, refusals: map[string]*refusal{}, health: health{nudge: make(chan struct{}, 1)}}
		h.runner, _ = provider.As[provider.Runner](one.Provider)
		p.hosts = append(p.hosts, h)
	}
	if len(p.hosts) == 0 {
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "a pool needs a host")
	}
	return p, nil
}

// Name is the configured name.
func (p *Pool) Name() string { return p.cfg.Name }

// Endpoint lists where prompts may go, with ", " between them.
func (p *Pool) Endpoint() string {
	all := make([]string, len(p.hosts))
	for i, h := range p.hosts {
		all[i] = h.endpoint()
	}
	return strings.Join(all, ", ")
}

// Local reports whether every host is on this machine and runs its models there.
func (p *Pool) Local(ctx context.Context) bool {
	return !slices.ContainsFunc(p.hosts, func(h *host) bool {
		l, ok := provider.As[provider.Localer](h.Provider)
		return !ok || !l.Local(ctx)
	})
}

// endpoint is where the host's prompts go, scheme://host:port.
func (h *host) endpoint() string {
	if e, ok := provider.As[interface{ Endpoint() string }](h.Provider); ok {
		return e.Endpoint()
	}
	return h.Name
}

func (p *Pool) model(asked string) string {
	if asked != "" {
		return asked
	}
	return p.cfg.Model
}

// enter has the hosts watched until leave is called.
func (p *Pool) enter(model string) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want(model)
	if p.uses++; p.uses == 1 {
		ctx, stop := context.WithCancel(context.Background()) // it outlives the call that began it
		p.stop = stop
		for _, h := range p.hosts {
			go p.watch(ctx, h)
		}
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.uses--; p.uses == 0 {
			p.stop()
		}
	})
}

// mostWanted is how many models it is asked about whether there is room for them.
const mostWanted = 8

func (p *Pool) want(model string) {
	if model == "" || slices.Contains(p.wanted, model) {
		return
	}
	if p.wanted = append(p.wanted, model); len(p.wanted) > mostWanted {
		p.wanted = p.wanted[1:]
	}
}

// release gives back the place of a call at a host.
func (p *Pool) release(h *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.speed.tick(time.Now(), true)
	h.inFlight--
	p.wake()
}

// names lists the hosts.
func (p *Pool) names() string {
	all := make([]string, len(p.hosts))
	for i, h := range p.hosts {
		all[i] = h.Name
	}
	return strings.Join(all, ", ")
}

// wake has the calls that wait look again. The caller holds mu.
func (p *Pool) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// same reports whether two names mean the same model, as Ollama reads them.
func same(a, b string) bool { return a == b || ollamahost.SameModel(a, b) }
