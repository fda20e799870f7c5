package exchange

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Call is a question and what became of it, without any of its text.
type Call struct {
	ID        string    `json:"id"`
	Dialect   string    `json:"dialect"`
	Operation Operation `json:"operation"`
	Path      string    `json:"path"`
	Asked     string    `json:"asked"`            // the model that the client named
	Caller    string    `json:"caller,omitempty"` // the name of its key
	Session   string    `json:"session,omitempty"`
	Stream    bool      `json:"stream"`
	Began     time.Time `json:"began"`
	State     State     `json:"state"`
	Waiting   string    `json:"waiting,omitempty"`  // what for, while it waits
	Position  int       `json:"position,omitempty"` // in the queue, while it waits there
	Provider  string    `json:"provider,omitempty"` // that is asked, or has answered
	Model     string    `json:"model,omitempty"`
	Ignored   []string  `json:"ignored,omitempty"`
	Notes     []string  `json:"notes,omitempty"`

	Took   time.Duration   `json:"took_ns,omitempty"`
	First  time.Duration   `json:"first_ns,omitempty"` // of Took: until content came; 0: none has
	Finish provider.Finish `json:"finish,omitempty"`
	Usage  *provider.Usage `json:"usage,omitempty"`
	Route  *provider.Route `json:"route,omitempty"`
	Status int             `json:"status,omitempty"`
	Code   string          `json:"code,omitempty"`
	Error  string          `json:"error,omitempty"`
	// Attempts are those of a question that nobody answered; an answer's are in Route.
	Attempts []provider.Attempt `json:"attempts,omitempty"`

	// Steps are the calls of a chain's steps, the last 100; Cost is that of all of them,
	// and Local says whether all of their prompts stayed on this machine. Route is the
	// last one's. A question that is not a chain has none of these.
	Steps []StepCall     `json:"steps,omitempty"`
	Cost  *provider.Cost `json:"cost,omitempty"`
	Local *bool          `json:"local,omitempty"`
	// Spent is what the calls of a chain came to; nil: Route says it.
	Spent []Spent `json:"-"`
}

func (c *Call) fails(f *Failure) {
	c.State, c.Status, c.Code, c.Error, c.Attempts = Failed, f.Status, f.Code, f.Message, f.Attempts()
}

// Operation is what a call asks for.
type Operation string

// The operations.
const (
	Chat     Operation = "chat"
	Embed    Operation = "embeddings"
	RunChain Operation = "chain"
)

// State is where a call is.
type State string

// The states of a call.
const (
	Queued    State = "queued"
	Asking    State = "asking" // asked, and nothing has come
	Answering State = "answering"
	Answered  State = "answered"
	Failed    State = "failed"
	Cancelled State = "cancelled" // its client has left, or somebody has cancelled it
)

// Ended reports whether nothing more becomes of the call.
func (c *Call) Ended() bool {
	return c.State == Answered || c.State == Failed || c.State == Cancelled
}

// kept is how many calls that have ended a register keeps.
const kept = 1000

// Register has the calls in flight, and the last that ended.
type Register struct {
	mu     sync.Mutex
	live   map[string]*liveCall
	ended  []Call // a ring
	next   int
	counts Counts
	own    map[string]*Counts // by the caller's name
	closed bool
	told   func(Call) // of each call that has ended
}

// Counts are sums since the start.
type Counts struct {
	Calls, Failed, Cancelled, Fallbacks int64
	InputTokens, CachedTokens           int64
	OutputTokens                        int64
	CostUSD, SavedUSD                   float64
}

type liveCall struct {
	Call
	cancel context.CancelCauseFunc
}

func newRegister(told func(Call)) *Register {
	if told == nil {
		told = func(Call) {}
	}
	return &Register{live: map[string]*liveCall{}, own: map[string]*Counts{}, told: told}
}

func (r *Register) begin(c *liveCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[c.ID] = c
}

// update changes a call in flight.
func (r *Register) update(c *liveCall, change func(*Call)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&c.Call)
}

func (r *Register) end(c *liveCall) { r.told(r.file(c)) }

// file puts a call that ends with the others that have, and returns it.
func (r *Register) file(c *liveCall) Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, c.ID)
	c.Took = time.Since(c.Began)
	c.Waiting, c.Position = "", 0
	if len(r.ended) < kept {
		r.ended = append(r.ended, c.Call)
	} else {
		r.ended[r.next] = c.Call
		r.next = (r.next + 1) % kept
	}
	r.add(&c.Call)
	return c.Call
}

// add counts a call that has ended. The caller holds mu.
func (r *Register) add(c *Call) {
	if r.own[c.Caller] == nil {
		r.own[c.Caller] = &Counts{}
	}
	r.counts.add(c)
	r.own[c.Caller].add(c)
}

// CountEnded counts a call that has ended and was never in flight here, such as one of a batch.
// No list shows it.
func (r *Register) CountEnded(c *Call) {
	r.mu.Lock()
	r.add(c)
	r.mu.Unlock()
	r.told(*c)
}

// add counts a call that has ended.
func (n *Counts) add(c *Call) {
	n.Calls++
	switch c.State {
	case Failed:
		n.Failed++
	case Cancelled:
		n.Cancelled++
	}
	if c.Usage != nil {
		n.InputTokens += int64(c.Usage.InputTokens)
		n.CachedTokens += int64(c.Usage.CachedTokens)
		n.OutputTokens += int64(c.Usage.OutputTokens)
	}
	if rt := c.Route; rt != nil && rt.FellBack() {
		n.Fallbacks++
	}
	for _, s := range c.Spending() {
		n.CostUSD += s.USD
		n.SavedUSD += s.Saved
	}
}

// Live are the calls in flight, the oldest first.
func (r *Register) Live() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Call, 0, len(r.live))
	for _, c := range r.live {
		one := c.Call
		one.Took = time.Since(one.Began)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Call) int { return a.Began.Compare(b.Began) })
	return out
}

// Recent are the last n calls that ended, the newest first.
func (r *Register) Recent(n int) []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Call
	for i := range min(n, len(r.ended)) {
		at := r.next - 1 - i
		if at < 0 {
			at += len(r.ended)
		}
		out = append(out, r.ended[at])
	}
	return out
}

// Lookup is the call of that id, in flight or one of the last 1000 that ended.
func (r *Register) Lookup(id string) (Call, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.live[id]; c != nil {
		return c.Call, true
	}
	for i := range r.ended {
		if r.ended[i].ID == id {
			return r.ended[i], true
		}
	}
	return Call{}, false
}

// Counts are the sums since the start.
func (r *Register) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

func (r *Register) countsOf(caller string) Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.own[caller]; n != nil {
		return *n
	}
	return Counts{}
}

// cancel ends a call in flight. It reports whether there was one of that id.
func (r *Register) cancel(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.live[id]
	if c != nil {
		c.cancel(errCancelled)
	}
	return c != nil
}

// Close has new questions refused, because the program is about to end.
func (r *Register) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// Closing reports whether new questions are refused.
func (r *Register) Closing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// CancelAll ends all calls in flight, because the program is about to end.
func (r *Register) CancelAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.live {
		c.cancel(errStopping)
	}
}

var (
	errCancelled = &Failure{Status: 499, Code: "cancelled", Message: "the call was cancelled on the dashboard, or by another request"}
	errStopping  = &Failure{Status: 503, Code: CodeStopping, Message: "this gateway is shutting down; ask again in a few seconds", Retry: true, RetryAfter: 5 * time.Second}
)
