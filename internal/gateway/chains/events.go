package chains

import (
	"io"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// streamEvents tells what happens in a run, as LangChain's astream_events does.
func (l *LangServe) streamEvents(w http.ResponseWriter, r *http.Request) {
	l.events(w, r, func(s *eventStream, name string, input any) follower {
		return &runEvents{s: s, chain: name, input: input}
	})
}

// streamLog tells what happens in a run as patches of its log, as astream_log does.
func (l *LangServe) streamLog(w http.ResponseWriter, r *http.Request) {
	l.events(w, r, func(s *eventStream, name string, _ any) follower {
		return &runLog{s: s, chain: name, steps: map[string]bool{}}
	})
}

// follower turns what happens in a run into events of a client's.
type follower interface {
	begin() error
	follow(chain.Event) error
	end(output any) error
}

func (l *LangServe) events(w http.ResponseWriter, r *http.Request, as func(s *eventStream, name string, input any) follower) {
	c, ok := l.read(w, r, "input")
	if !ok {
		return
	}
	values, err := vars(c.chain, c.body.Value("input"))
	var limits Limits
	if err == nil {
		limits.Only, limits.Privacy, err = l.x.Limits(r)
	}
	if err != nil {
		Fail(w, l.x.FailureOf(err))
		return
	}
	name := r.PathValue("name")
	ctx, id, done := l.x.Track(r, exchange.Asked{Dialect: "langserve"}, exchange.ChainPrefix+name)
	s := &eventStream{w: w, id: runID(id)}
	f := as(s, name, c.body.Value("input"))
	err = f.begin()
	if err == nil {
		result, failed := l.chains.Run(ctx, c.chain, values, l.x.Defaults(), limits, f.follow)
		if err = failed; err == nil {
			err = f.end(outputOf(result))
		}
		done(result.Route, result.Usage, err)
	} else {
		done(nil, nil, err)
	}
	if err != nil {
		fail := l.x.FailureOf(Failure(err))
		_ = s.send("error", map[string]any{"status_code": fail.Status, "message": fail.Message}) // the client may have left
		return
	}
	_ = s.raw("event: end\n\n") // the client may have left
}

// eventStream is a stream that begins with its first event.
type eventStream struct {
	w    http.ResponseWriter
	id   string
	open bool
}

func (s *eventStream) start() {
	if !s.open {
		s.open = true
		h := s.w.Header()
		h.Set("Content-Type", exchange.EventStream)
		h.Set("Cache-Control", "no-cache")
		s.w.WriteHeader(http.StatusOK)
	}
}

func (s *eventStream) send(name string, v any) error {
	s.start()
	if err := exchange.WriteEvent(s.w, name, v); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}

func (s *eventStream) raw(text string) error {
	s.start()
	_, err := io.WriteString(s.w, text)
	return err
}

// runEvents are the events of version 2 of astream_events.
type runEvents struct {
	s     *eventStream
	chain string
	input any
}

func (e *runEvents) send(kind, name string, data map[string]any) error {
	return e.s.send("data", map[string]any{
		"event": kind, "name": name, "run_id": e.s.id, "tags": []string{}, "metadata": map[string]any{}, "parent_ids": []string{}, "data": data,
	})
}

func (e *runEvents) begin() error {
	return e.send("on_chain_start", e.chain, map[string]any{"input": e.input})
}

func (e *runEvents) follow(v chain.Event) error {
	switch v.Type {
	case chain.StepStart:
		return e.send("on_chat_model_start", v.Step, map[string]any{"input": map[string]any{"messages": texts(v.Messages)}})
	case chain.StepChunk:
		if v.Chunk.Text == "" {
			return nil
		}
		if err := e.send("on_chat_model_stream", v.Step, map[string]any{"chunk": v.Chunk.Text}); err != nil || !v.Final {
			return err
		}
		return e.send("on_chain_stream", e.chain, map[string]any{"chunk": v.Chunk.Text})
	case chain.StepEnd:
		return e.send("on_chat_model_end", v.Step, map[string]any{"output": v.Result.Text, "route": v.Result.Route})
	}
	return nil
}

func (e *runEvents) end(output any) error {
	return e.send("on_chain_end", e.chain, map[string]any{"output": output})
}

func texts(messages []provider.Message) [][]string {
	out := [][]string{}
	for _, m := range messages {
		out = append(out, []string{string(m.Role), m.Text})
	}
	return out
}

// runLog is a run as JSON patches of LangChain's run log.
type runLog struct {
	s     *eventStream
	chain string
	steps map[string]bool
}

func (g *runLog) patch(ops ...map[string]any) error {
	return g.s.send("data", map[string]any{"ops": ops})
}

func op(kind, path string, value any) map[string]any {
	return map[string]any{"op": kind, "path": path, "value": value}
}

func (g *runLog) begin() error {
	return g.patch(op("replace", "", map[string]any{
		"id": g.s.id, "name": g.chain, "type": "chain", "streamed_output": []any{}, "final_output": nil, "logs": map[string]any{},
	}))
}

func (g *runLog) follow(v chain.Event) error {
	at := "/logs/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(v.Step)
	switch v.Type {
	case chain.StepStart:
		g.steps[v.Step] = true
		return g.patch(op("add", at, map[string]any{
			"id": g.s.id, "name": v.Step, "type": "llm", "tags": []string{}, "metadata": map[string]any{}, "streamed_output": []any{}, "streamed_output_str": []any{}, "final_output": nil, "end_time": nil, "start_time": "",
		}))
	case chain.StepChunk:
		if v.Chunk.Text == "" || !g.steps[v.Step] {
			return nil
		}
		ops := []map[string]any{op("add", at+"/streamed_output_str/-", v.Chunk.Text)}
		if v.Final {
			ops = append(ops, op("add", "/streamed_output/-", v.Chunk.Text))
		}
		return g.patch(ops...)
	case chain.StepEnd:
		if !g.steps[v.Step] {
			return nil
		}
		return g.patch(op("add", at+"/final_output", v.Result.Text))
	}
	return nil
}

func (g *runLog) end(output any) error { return g.patch(op("replace", "/final_output", output)) }
