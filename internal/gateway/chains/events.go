package chains

import (
	"cmp"
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// streamEvents tells what happens in a run, as LangChain's astream_events does.
func (l *LangServe) streamEvents(w http.ResponseWriter, r *http.Request) {
	l.follow(w, r, func(c *call) follower { return &runEvents{chain: c.name, input: c.body.Value("input")} })
}

// streamLog tells what happens in a run as patches of its log, as astream_log does.
func (l *LangServe) streamLog(w http.ResponseWriter, r *http.Request) {
	l.follow(w, r, func(c *call) follower { return &runLog{chain: c.name} })
}

// follower turns what happens in a run into the data of a client's events. Its methods
// are called one at a time.
type follower interface {
	begin(run string) []any
	event(e chain.Event) []any
	end(output any) []any
}

// follow runs a chain, and has a follower tell of it.
func (l *LangServe) follow(w http.ResponseWriter, r *http.Request, as func(*call) follower) {
	c, ok := l.read(w, r, "input")
	if !ok {
		return
	}
	values, err := vars(c.chain, c.body.Value("input"))
	if err != nil {
		Fail(w, l.x.FailureOf(err))
		return
	}
	chosen, err := filterOf(c.body)
	if err != nil {
		Fail(w, l.x.FailureOf(err))
		return
	}
	f := &followed{follower: as(&c), filter: chosen}
	q := c.question(true)
	q.Ask = func(ctx context.Context, run *exchange.Run) iter.Seq2[provider.Chunk, error] {
		return f.answer(ctx, run, c.chain, values)
	}
	l.x.Answer(w, r, exchange.Asked{Dialect: "langserve", Body: c.data}, q, f)
}

// followed is a reply that tells of a run. All of the answer is in the events, and the
// exchange is told only how it ended.
type followed struct {
	reply
	follower
	filter filter
}

var _ exchange.Answerer = (*followed)(nil)

func (f *followed) answer(ctx context.Context, run *exchange.Run, ch *chain.Chain, vars map[string]any) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		tell := func(events []any) error {
			return run.Tell(func(w io.Writer) error { return f.write(w, events) })
		}
		err := tell(f.begin(exchange.UUID(run.ID())))
		var result runner.Result
		if err == nil {
			result, err = Run(ctx, run, ch, vars, func(e chain.Event) error {
				if k, ok := piece(e); ok && k.Restart && !k.Thought {
					return exchange.ErrBegunAnew
				}
				return tell(f.event(e))
			})
		}
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		f.output = outputOf(result)
		yield(provider.Chunk{Finish: cmp.Or(result.Finish, provider.FinishStop), Usage: result.Usage, Route: result.Route}, nil)
	}
}

func (f *followed) write(w io.Writer, events []any) error {
	for _, e := range events {
		if f.filter.drops(e) {
			continue
		}
		if err := exchange.WriteEvent(w, "data", e); err != nil {
			return err
		}
	}
	return nil
}

// Beat is a comment: RemoteRunnable knows no other event here, and the comment is what
// LangServe sends. Its client waits for bytes, whatever they are.
func (*followed) Beat(w io.Writer, _ *exchange.Answer) error {
	_, err := io.WriteString(w, ": alive\n\n")
	return err
}

// Chunk writes nothing: the events have told it.
func (*followed) Chunk(io.Writer, *exchange.Answer, *provider.Chunk) error { return nil }

// End tells the output, and ends the stream.
func (f *followed) End(w io.Writer, _ *exchange.Answer) error {
	if err := f.write(w, f.end(f.output)); err != nil {
		return err
	}
	_, err := io.WriteString(w, "event: end\n\n")
	return err
}
