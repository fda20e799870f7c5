package chains

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// LangServe serves chains at the paths, and in the forms, of LangServe 0.3, so that its
// RemoteRunnable works.
type LangServe struct {
	chains *Chains
	x      *exchange.Exchange
}

// NewLangServe returns the routes of chains.
func NewLangServe(c *Chains, x *exchange.Exchange) *LangServe { return &LangServe{c, x} }

// Register adds the paths, below /chains/{name}/, and those that have a configuration
// in them, which is taken and not used.
func (l *LangServe) Register(mux *http.ServeMux) {
	for _, base := range []string{"/chains/{name}", "/chains/{name}/c/{config}"} {
		mux.HandleFunc("POST "+base+"/invoke", l.invoke)
		mux.HandleFunc("POST "+base+"/batch", l.batch)
		mux.HandleFunc("POST "+base+"/stream", l.stream)
		mux.HandleFunc("POST "+base+"/stream_log", l.streamLog)
		mux.HandleFunc("POST "+base+"/stream_events", l.streamEvents)
		mux.HandleFunc("GET "+base+"/input_schema", l.schema(InputSchema))
		mux.HandleFunc("GET "+base+"/output_schema", l.schema(outputSchema))
		mux.HandleFunc("GET "+base+"/config_schema", l.schema(configSchema))
	}
	mux.HandleFunc("GET /chains/{$}", l.list)
}

// list lists the chains.
func (l *LangServe) list(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Inputs      []any  `json:"inputs"`
	}
	out := []entry{}
	for _, c := range l.chains.List() {
		e := entry{Name: c.Name, Description: c.Description, Inputs: []any{}}
		if ch, _, err := l.chains.Find(c.Name); err == nil {
			for _, name := range ch.Inputs() {
				e.Inputs = append(e.Inputs, property(ch, name))
			}
		}
		out = append(out, e)
	}
	exchange.WriteJSON(w, http.StatusOK, map[string]any{"chains": out})
}

// Fail writes a failure as LangServe does.
func Fail(w http.ResponseWriter, f *exchange.Failure) {
	f.Headers(w.Header())
	exchange.WriteJSON(w, f.Status, map[string]any{"detail": f.Message, "code": f.Code})
}

// call is a request for a run.
type call struct {
	data  []byte
	body  body.Object
	name  string
	chain *chain.Chain
	notes []string
}

// read reads a request; a failure is written.
func (l *LangServe) read(w http.ResponseWriter, r *http.Request, input string) (c call, ok bool) {
	c.name = r.PathValue("name")
	ch, stale, err := l.chains.Find(c.name)
	if err == nil {
		c.chain = ch
		if stale != "" {
			c.notes = []string{stale}
		}
		c.data, err = io.ReadAll(r.Body)
	}
	if err == nil {
		b := body.Parse(c.data)
		if c.body = b.Object(); b.Err() == nil && !c.body.Has(input) {
			c.body.Missing(input, "")
		}
		err = b.Err()
	}
	if err != nil {
		Fail(w, l.x.FailureOf(err))
		return c, false
	}
	return c, true
}

// vars are the values of a chain's inputs: an object, or the value of its only one.
func vars(c *chain.Chain, v any) (map[string]any, error) {
	if m, ok := v.(map[string]any); ok {
		return m, nil
	}
	names := c.Inputs()
	if len(names) != 1 {
		return nil, exchange.Refuse("input", "input has to be an object with the chain's variables")
	}
	return map[string]any{names[0]: v}, nil
}

// outputOf is what a run gives: its value, where the chain parses one, or its text.
func outputOf(r runner.Result) any {
	if r.Value != nil {
		return r.Value
	}
	return r.Answer
}

// question is a run as the exchange asks it; out is told its output before its end.
func (l *LangServe) question(c call, input any, stream bool, out func(any)) (*exchange.Question, error) {
	values, err := vars(c.chain, input)
	if err != nil {
		return nil, err
	}
	q := c.question(stream)
	q.Ask = func(ctx context.Context, run *exchange.Run) iter.Seq2[provider.Chunk, error] {
		return answer(ctx, run, c.chain, values, false, func(r runner.Result) { out(outputOf(r)) })
	}
	return q, nil
}

// question is the call as the exchange asks it, without who answers.
func (c *call) question(stream bool) *exchange.Question {
	return &exchange.Question{Model: exchange.ChainPrefix + c.name, Stream: stream, Notes: c.notes, Session: string(c.data)}
}

func (l *LangServe) invoke(w http.ResponseWriter, r *http.Request) { l.one(w, r, false) }
func (l *LangServe) stream(w http.ResponseWriter, r *http.Request) { l.one(w, r, true) }

func (l *LangServe) one(w http.ResponseWriter, r *http.Request, stream bool) {
	c, ok := l.read(w, r, "input")
	if !ok {
		return
	}
	a := &reply{stream: stream}
	q, err := l.question(c, c.body.Value("input"), stream, func(v any) { a.output = v })
	if err != nil {
		Fail(w, l.x.FailureOf(err))
		return
	}
	l.x.Answer(w, r, exchange.Asked{Dialect: "langserve", Body: c.data}, q, a)
}

// mostInputs bounds a batch, which is answered as a whole; `tandem batch` is for more.
const mostInputs = 1000

// batch runs a chain for several inputs, one after another.
func (l *LangServe) batch(w http.ResponseWriter, r *http.Request) {
	c, ok := l.read(w, r, "inputs")
	if !ok {
		return
	}
	inputs, _ := c.body.Value("inputs").([]any)
	if len(inputs) > mostInputs || c.body.Kind("inputs") != body.KindArray {
		Fail(w, exchange.Refuse("inputs", "inputs has to be an array of at most 1000 inputs; `tandem batch` takes more"))
		return
	}
	outputs := []any{}
	questions := make([]*exchange.Question, len(inputs))
	for i, in := range inputs {
		var err error
		if questions[i], err = l.question(c, in, false, func(v any) { outputs = append(outputs, v) }); err != nil {
			Fail(w, l.x.FailureOf(err))
			return
		}
	}
	a := &reply{batch: true}
	q := c.question(false)
	q.Ask = func(ctx context.Context, run *exchange.Run) iter.Seq2[provider.Chunk, error] {
		return func(yield func(provider.Chunk, error) bool) {
			last := provider.Chunk{Finish: provider.FinishStop, Usage: &provider.Usage{}}
			for _, one := range questions {
				res, err := provider.Collect(one.Ask(ctx, run))
				if err != nil {
					yield(provider.Chunk{}, err)
					return
				}
				if last.Route = res.Route; res.Usage == nil {
					last.Usage = nil
				} else if last.Usage != nil {
					sum := last.Usage.Add(*res.Usage)
					last.Usage = &sum
				}
			}
			a.output = outputs
			yield(last, nil)
		}
	}
	l.x.Answer(w, r, exchange.Asked{Dialect: "langserve", Body: c.data}, q, a)
}

// reply writes the answer to an invocation, a batch or a stream.
type reply struct {
	output any // set before the end
	batch  bool
	stream bool
}

var _ exchange.Answerer = (*reply)(nil)

// ContentType is that of a stream.
func (*reply) ContentType() string { return exchange.EventStream }

// Beat is the event that says which run it is; clients take any number of it.
func (*reply) Beat(w io.Writer, a *exchange.Answer) error {
	return exchange.WriteEvent(w, "metadata", map[string]any{"run_id": exchange.UUID(a.Call.ID)})
}

// Chunk writes text. What the model thinks is not part of a chain's output.
func (l *reply) Chunk(w io.Writer, _ *exchange.Answer, c *provider.Chunk) error {
	if _, text := l.output.(string); l.output != nil && !text {
		return exchange.WriteEvent(w, "data", l.output)
	}
	if c.Text == "" {
		return nil
	}
	return exchange.WriteEvent(w, "data", c.Text)
}

// End ends the stream: a client takes one that ends otherwise for whole, too.
func (l *reply) End(w io.Writer, a *exchange.Answer) error {
	if err := exchange.WriteEvent(w, "metadata", map[string]any{"run_id": exchange.UUID(a.Call.ID), "tandem": a.Call}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "event: end\n\n")
	return err
}

// FailStream ends the stream with an error.
func (*reply) FailStream(w io.Writer, _ *exchange.Answer, f *exchange.Failure) error {
	return writeFailure(w, f)
}

// Whole writes the output, or the outputs.
func (l *reply) Whole(w http.ResponseWriter, a *exchange.Answer) {
	meta := map[string]any{"run_id": exchange.UUID(a.Call.ID), "feedback_tokens": []any{}, "tandem": a.Call}
	if l.batch {
		meta["run_ids"] = []string{exchange.UUID(a.Call.ID)}
	}
	exchange.WriteJSON(w, http.StatusOK, map[string]any{"output": l.output, "metadata": meta})
}

// Fail writes a failure. Of a stream RemoteRunnable shows no message but an event's.
func (l *reply) Fail(w http.ResponseWriter, f *exchange.Failure) {
	if !l.stream {
		Fail(w, f)
		return
	}
	f.Headers(w.Header())
	failStream(w, f)
}

// failStream is a stream with nothing but a failure.
func failStream(w http.ResponseWriter, f *exchange.Failure) {
	w.Header().Set("Content-Type", exchange.EventStream)
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	_ = writeFailure(w, f) // the client may have left
}

// writeFailure writes the event at which RemoteRunnable raises.
func writeFailure(w io.Writer, f *exchange.Failure) error {
	return exchange.WriteEvent(w, "error", map[string]any{"status_code": f.Status, "message": f.Message})
}
