package chains

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// Chains are the chains of a folder.
type Chains struct{ *Folder }

var _ exchange.Chains = (*Chains)(nil)

// New serves a folder's chains.
func New(f *Folder) *Chains { return &Chains{f} }

// Ask is what answers a question to a chain of that name: with the variables of the
// header X-Tandem-Vars, of a JSON object in the last message of the user, or with that
// message as the chain's only variable.
func (c *Chains) Ask(_ context.Context, name string, h http.Header, q *exchange.Question) (exchange.Source, error) {
	ch, stale, err := c.Find(name)
	if err != nil {
		return nil, err
	}
	if stale != "" {
		q.Notes = append(q.Notes, stale)
	}
	vars, err := variables(ch, h.Get("X-Tandem-Vars"), lastOfUser(q.Request.Messages))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, run *exchange.Run) iter.Seq2[provider.Chunk, error] {
		return answer(ctx, run, ch, vars, true, func(runner.Result) {})
	}, nil
}

func lastOfUser(messages []provider.Message) string {
	for _, m := range slices.Backward(messages) {
		if m.Role == provider.RoleUser {
			return m.Text
		}
	}
	return ""
}

// errStopped ends a run whose reader wants no more.
var errStopped = errors.New("the reader has left")

// answer runs a chain, and is its answer: in pieces where it comes so. Cut allows one
// that was cut at a token limit, for clients that are told so. Ended is told the result
// before its last piece.
func answer(ctx context.Context, run *exchange.Run, ch *chain.Chain, vars map[string]any, cut bool, ended func(runner.Result)) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		stopped := false
		result, err := Run(ctx, run, ch, vars, func(e chain.Event) error {
			k, ok := piece(e)
			if ok && !yield(k, nil) {
				stopped = true
				return errStopped
			}
			return nil
		})
		if stopped {
			return
		}
		if err != nil && (!cut || !errors.As(err, new(runner.IncompleteError))) {
			yield(provider.Chunk{}, err)
			return
		}
		ended(result)
		yield(last(result), nil)
	}
}

// piece is what an event brings of the chain's own answer, if it brings any. An answer
// that may be asked again comes as a whole.
func piece(e chain.Event) (k provider.Chunk, ok bool) {
	if e.Type != chain.StepChunk || !e.Final {
		return k, false
	}
	k = e.Chunk
	k.Finish, k.Usage, k.Route = "", nil, nil // the run's come at its end
	return k, !k.Empty()
}

// last is the last piece of a run's answer: all of it where it did not come in pieces.
func last(r runner.Result) provider.Chunk {
	k := provider.Chunk{Finish: cmp.Or(r.Finish, provider.FinishStop), Usage: r.Usage, Route: r.Route}
	if !r.Streamed {
		k.Text = r.Answer
	}
	return k
}

// Run runs a chain for a question. Errors: those of [runner.Run], as a dialect tells them.
func Run(ctx context.Context, run *exchange.Run, ch *chain.Chain, vars map[string]any, observe func(chain.Event) error) (runner.Result, error) {
	s, defaults := run.Stack(), run.Request()
	defaults.Messages, defaults.Tools, defaults.Schema, defaults.ToolChoice, defaults.Model, defaults.Use = nil, nil, nil, "", "", nil
	job := runner.Job{
		Chain: ch, Provider: run.Provider(), Vars: vars, Defaults: defaults,
		Passages: func(ctx context.Context, look chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
			if defaults.Privacy == provider.PrivacyLocal {
				look.Privacy = provider.PrivacyLocal
			}
			return s.Collections.Find(ctx, look.Collection, look.Query, look.K, retrieve.Search{MMR: look.MMR, Privacy: look.Privacy})
		},
		Embedder: run.Embedder(),
	}
	ctx = run.WithTurns(ctx)
	if names := ch.Tools(); len(names) > 0 {
		tools, done, err := s.Tools(ctx, names)
		defer done()
		if err != nil {
			return runner.Result{}, err
		}
		job.Tools = tool.Options{Tools: tools} // nobody is there to be asked: nothing is run
	}
	result, err := runner.Run(ctx, job, observe)
	return result, failure(err)
}

// failure is the error of a run as a dialect tells it: one of the chain's inputs is the
// request's own, and what no provider said would only be met again.
func failure(err error) error {
	var (
		in  *chain.InputError
		own *exchange.Failure
	)
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.As(err, &in):
		return &exchange.Failure{Status: http.StatusBadRequest, Code: exchange.CodeInvalid, Message: err.Error(), Param: in.Name, Err: err}
	case errors.As(err, new(runner.IncompleteError)):
		return &exchange.Failure{Status: http.StatusBadGateway, Code: string(provider.Truncated), Message: err.Error() + "; raise max_tokens of the chain's last step, or the model's context window", Err: err}
	case errors.Is(err, runner.ErrEmpty):
		return &exchange.Failure{Status: http.StatusBadGateway, Code: string(provider.Truncated), Message: err.Error(), Err: err}
	case errors.As(err, new(*chain.StepError)) && !errors.As(err, new(*provider.Error)) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
		return &exchange.Failure{Status: http.StatusBadRequest, Code: exchange.CodeChain, Message: err.Error(), Err: err}
	}
	return err
}
