// Package exchange is one question that came over HTTP and its answer, whatever
// dialect it came in: which model is meant, who may answer, when the reply begins, what
// is sent while a model is loaded, and how an answer ends that breaks off. A dialect
// decodes a [Question] and writes what an [Answerer] is told; it decides none of this.
package exchange

import (
	"context"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// Caller is who asks, and what they may have. It only tightens.
type Caller struct {
	Name    string           // of the key; empty: none was needed
	Use     []string         // the providers that may answer; nil: those of the configuration
	Privacy provider.Privacy // at least
	// BudgetUSD is what its calls may cost from midnight to midnight; nil: as configured.
	BudgetUSD *float64
	Pull      bool // it may download models
	Operator  bool // it sees and cancels the calls of others, too
}

// Context is ctx for calls on behalf of c: they count to it, and are bounded by its
// budget. Work that outlives its request needs it again.
func (c Caller) Context(ctx context.Context) context.Context {
	if c.Name == "" {
		return ctx
	}
	return ledger.WithCaller(ctx, ledger.Caller{Name: c.Name, PerDayUSD: c.BudgetUSD})
}

// Ticket is a question's place in a queue.
type Ticket struct {
	Model      string // that will be asked, or ""
	Provider   string // that is asked first
	Session    string
	Caller     string
	Background bool
	// Position, if not nil, is told how many questions are before it.
	Position func(n int)
}

// Queue lets questions through to the engines.
type Queue interface {
	// Enter waits for the question's turn. One of a batch, whose ctx says so, comes after
	// all others, and while any of those waits or runs it does not start. Release has to be called when it is
	// answered. The error is a *Failure, or ctx's own.
	Enter(ctx context.Context, t Ticket) (release func(), err error)
}

// Config is what an Exchange stands on.
type Config struct {
	// Stack is the current stack: another one after a reload.
	Stack func() *stack.Stack
	// CallerOf is who asks; nil: nobody is known.
	CallerOf func(context.Context) Caller
	// Explain is an error in the words of this program; nil: its own.
	Explain func(error) string
	// Queue lets questions through; nil: all at once.
	Queue Queue
	// Prepare, if not nil, may change a question before it is asked, such as its
	// context window, and note it in the question.
	Prepare func(ctx context.Context, s *stack.Stack, q *Question) error
	// Chains are the chains that are models; nil: there are none.
	Chains Chains
	// Ended, if not nil, is told of each call that has ended.
	Ended func(Call)
	// Heartbeat is how long a stream is silent before it says that it is alive; 0: 10s.
	Heartbeat time.Duration
	// LoadPatience is how long a request without a stream waits for a model that is
	// being loaded; 0: 10s.
	LoadPatience time.Duration
}

// Exchange answers questions. It is safe for concurrent use.
type Exchange struct {
	cfg    Config
	storm  *storm
	extras extras
	*Register
	models *modelList
}

const (
	defaultHeartbeat    = 10 * time.Second
	defaultLoadPatience = 10 * time.Second
)

// New returns an exchange.
func New(cfg Config) *Exchange {
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = defaultHeartbeat
	}
	if cfg.LoadPatience == 0 {
		cfg.LoadPatience = defaultLoadPatience
	}
	return &Exchange{cfg: cfg, storm: newStorm(), Register: newRegister(cfg.Ended), models: &modelList{}}
}

// Stack is the current stack.
func (x *Exchange) Stack() *stack.Stack { return x.cfg.Stack() }

// KeepsTexts reports whether the configuration lets what is asked and answered be
// written down.
func (x *Exchange) KeepsTexts() bool { return x.cfg.Stack().Config().Log == config.LogFull }

// Caller is who asks, with what they may have.
func (x *Exchange) Caller(ctx context.Context) Caller { return x.caller(ctx) }

func (x *Exchange) caller(ctx context.Context) Caller {
	if x.cfg.CallerOf == nil {
		return Caller{}
	}
	return x.cfg.CallerOf(ctx)
}

// failureOf is err as a failure, in the words of this program.
func (x *Exchange) failureOf(err error) *Failure {
	f := FailureOf(err)
	if x.cfg.Explain != nil && f.Kind != "" {
		out := *f
		out.Message = oneLine(x.cfg.Explain(f.Err))
		return &out
	}
	return f
}
