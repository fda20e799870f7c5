package chains

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// Chains are the chains of a folder, on a stack.
type Chains struct {
	*Folder
	stack func() *stack.Stack
}

var _ exchange.Chains = (*Chains)(nil)

// New serves a folder's chains on the current stack.
func New(f *Folder, s func() *stack.Stack) *Chains { return &Chains{f, s} }

// Limits are what a request forbids.
type Limits struct {
	Only    []string // the providers that may answer; nil: as the chain and the configuration say
	Privacy provider.Privacy
}

// Ask is what answers a question to a chain of that name: with the variables of the
// header X-Tandem-Vars, of a JSON object in the last message of the user, or with that
// message as the chain's only variable.
func (c *Chains) Ask(_ context.Context, name string, h http.Header, q *exchange.Question) (func(context.Context, provider.Request) iter.Seq2[provider.Chunk, error], error) {
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
	return func(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
		return c.answer(ctx, ch, vars, req, Limits{Only: q.Only, Privacy: req.Privacy}, func(runner.Result) {})
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

// variables finds the values of a chain's inputs.
func variables(c *chain.Chain, header, text string) (map[string]any, error) {
	if header != "" {
		vars, ok := object(header)
		if !ok {
			return nil, exchange.Refuse("x-tandem-vars", `x-tandem-vars has to be a JSON object, such as {"country": "India"}`)
		}
		return vars, nil
	}
	inputs := c.Inputs()
	if vars, ok := object(text); ok && len(inputs) > 0 && known(vars, inputs) {
		return vars, nil
	}
	var open []string // that have no default
	for _, name := range inputs {
		if in, ok := c.Input(name); !ok || in.Default == nil && !in.Optional {
			open = append(open, name)
		}
	}
	switch {
	case len(open) == 1:
		return map[string]any{open[0]: text}, nil
	case len(open) == 0 && len(inputs) == 1 && strings.TrimSpace(text) != "":
		return map[string]any{inputs[0]: text}, nil
	case len(open) == 0:
		return map[string]any{}, nil
	}
	example := map[string]string{}
	for _, name := range open {
		example[name] = "…"
	}
	shown, _ := json.Marshal(example) // texts can be written
	return nil, exchange.Refuse("messages", fmt.Sprintf("the chain has the variables %s: send them as a JSON object in the last message, or in the header x-tandem-vars: %s", strings.Join(open, ", "), shown))
}

func known(vars map[string]any, inputs []string) bool {
	for name := range maps.Keys(vars) {
		if !slices.Contains(inputs, name) {
			return false
		}
	}
	return true
}

func object(text string) (map[string]any, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var vars map[string]any
	if d.Decode(&vars) != nil || d.More() {
		return nil, false
	}
	return vars, true
}

// errStopped ends a run whose reader wants no more.
var errStopped = errors.New("the reader has left")

// answer runs a chain, and is its answer: in pieces where it comes so. Ended is told the
// result before its last piece.
func (c *Chains) answer(ctx context.Context, ch *chain.Chain, vars map[string]any, defaults provider.Request, l Limits, ended func(runner.Result)) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		stopped := false
		result, err := c.Run(ctx, ch, vars, defaults, l, func(e chain.Event) error {
			if e.Type != chain.StepChunk || !e.Final {
				return nil
			}
			k := e.Chunk
			k.Finish, k.Usage, k.Route = "", nil, nil // the run's come at its end
			if k.Empty() {
				return nil
			}
			if !yield(k, nil) {
				stopped = true
				return errStopped
			}
			return nil
		})
		switch {
		case stopped:
			return
		case err != nil && !errors.As(err, new(runner.IncompleteError)):
			yield(provider.Chunk{}, Failure(err))
			return
		}
		ended(result)
		last := provider.Chunk{Finish: result.Finish, Usage: result.Usage, Route: result.Route}
		if last.Finish == "" {
			last.Finish = provider.FinishStop
		}
		if !result.Streamed {
			last.Text = result.Answer
		}
		yield(last, nil)
	}
}

// Run runs a chain under a request's limits.
func (c *Chains) Run(ctx context.Context, ch *chain.Chain, vars map[string]any, defaults provider.Request, l Limits, observe func(chain.Event) error) (runner.Result, error) {
	s := c.stack()
	defaults.Messages, defaults.Tools, defaults.Schema, defaults.ToolChoice, defaults.Model, defaults.Use = nil, nil, nil, "", "", nil
	job := runner.Job{
		Chain: ch, Provider: exchange.Tighten(s, l.Only, l.Privacy), Vars: vars, Defaults: defaults,
		Passages: func(ctx context.Context, look chain.Lookup) ([]retrieve.Passage, *provider.Route, error) {
			if l.Privacy == provider.PrivacyLocal {
				look.Privacy = provider.PrivacyLocal
			}
			return s.Collections.Find(ctx, look.Collection, look.Query, look.K, retrieve.Search{MMR: look.MMR, Privacy: look.Privacy})
		},
		Embedder: s.Collections.Embedder(),
	}
	if names := ch.Tools(); len(names) > 0 {
		tools, done, err := s.Tools(ctx, names)
		defer done()
		if err != nil {
			return runner.Result{}, err
		}
		job.Tools = tool.Options{Tools: tools} // nobody is there to be asked: nothing is run
	}
	return runner.Run(ctx, job, observe)
}

// Failure is the error of a run as a dialect tells it: one of the chain's inputs is the
// request's own.
func Failure(err error) error {
	if in := new(chain.InputError); errors.As(err, &in) {
		return &exchange.Failure{Status: http.StatusBadRequest, Code: exchange.CodeInvalid, Message: err.Error(), Param: in.Name, Err: err}
	}
	return err
}
