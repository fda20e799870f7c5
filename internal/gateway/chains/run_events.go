package chains

import (
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
)

// runEvent is an event of version 2 of astream_events.
type runEvent struct {
	Event    string         `json:"event"`
	Name     string         `json:"name"`
	RunID    string         `json:"run_id"`
	Tags     []string       `json:"tags"`
	Metadata map[string]any `json:"metadata"`
	Parents  []string       `json:"parent_ids"`
	Data     map[string]any `json:"data"`
}

// The types of runs, as filters name them.
const (
	typeChain = "chain"
	typeModel = "chat_model"
)

// runEvents follow a run with the events of version 2 of astream_events.
type runEvents struct {
	chain    string
	input    any
	run      string
	steps    runIDs
	streamed bool
}

func (e *runEvents) root(kind string, data map[string]any) runEvent {
	return runEvent{"on_" + typeChain + "_" + kind, e.chain, e.run, []string{}, map[string]any{}, []string{}, data}
}

func (e *runEvents) step(kind, name string, data map[string]any) runEvent {
	return runEvent{"on_" + typeModel + "_" + kind, name, e.steps.of(name), []string{}, map[string]any{}, []string{e.run}, data}
}

func (e *runEvents) begin(run string) []any {
	e.run, e.steps = run, runIDs{run: run}
	return []any{e.root("start", map[string]any{"input": e.input})}
}

func (e *runEvents) event(v chain.Event) []any {
	switch v.Type {
	case chain.StepStart:
		e.steps.begin(v.Step, v.Messages)
		return []any{e.step("start", v.Step, map[string]any{"input": map[string]any{"messages": []any{messages(v.Messages)}}})}
	case chain.StepRetry:
		return e.again(v.Step)
	case chain.StepChunk:
		var out []any
		if !e.steps.has(v.Step) {
			return nil
		}
		if v.Chunk.Restart && !v.Chunk.Thought {
			out = e.again(v.Step)
		}
		if v.Chunk.Text == "" {
			return out
		}
		out = append(out, e.step("stream", v.Step, map[string]any{"chunk": aiChunk(v.Chunk.Text)}))
		if v.Final {
			e.streamed = true
			out = append(out, e.root("stream", map[string]any{"chunk": v.Chunk.Text}))
		}
		return out
	case chain.StepEnd:
		if !e.steps.has(v.Step) {
			return nil
		}
		return []any{e.step("end", v.Step, map[string]any{"output": aiMessage(v.Result), "route": v.Result.Route})}
	}
	return nil
}

// again is another run of a step: what came of the one before does not count.
func (e *runEvents) again(step string) []any {
	asked := e.steps.messages(step)
	e.steps.begin(step, asked)
	return []any{e.step("start", step, map[string]any{"input": map[string]any{"messages": []any{messages(asked)}}})}
}

func (e *runEvents) end(output any) []any {
	var out []any
	if !e.streamed {
		out = append(out, e.root("stream", map[string]any{"chunk": output}))
	}
	return append(out, e.root("end", map[string]any{"output": output}))
}

// runIDs are the ids of the runs in a run: those of the steps that ask.
type runIDs struct {
	run   string
	n     int
	steps map[string]stepRun // the last of each step
}

type stepRun struct {
	id    string
	asked []provider.Message
}

func (r *runIDs) begin(step string, asked []provider.Message) {
	if r.steps == nil {
		r.steps = map[string]stepRun{}
	}
	r.n++
	r.steps[step] = stepRun{r.run[:28] + fmt.Sprintf("%08x", r.n), asked}
}

func (r *runIDs) of(step string) string                   { return r.steps[step].id }
func (r *runIDs) messages(step string) []provider.Message { return r.steps[step].asked }
func (r *runIDs) has(step string) bool                    { return r.steps[step].id != "" }

// langTypes are LangChain's types of messages, by their roles.
var langTypes = map[provider.Role]string{
	provider.RoleUser: "human", provider.RoleAssistant: "ai", provider.RoleSystem: "system", provider.RoleTool: "tool",
}

// messages are those of a prompt, in the form that LangChain reads.
func messages(in []provider.Message) []any {
	out := []any{}
	for _, m := range in {
		one := map[string]any{"type": langTypes[m.Role], "content": m.Text, "additional_kwargs": map[string]any{}, "response_metadata": map[string]any{}}
		if m.Role == provider.RoleTool {
			one["tool_call_id"] = m.ToolCallID
		}
		out = append(out, one)
	}
	return out
}

// aiChunk is a piece of an answer.
func aiChunk(text string) map[string]any {
	return map[string]any{"type": "AIMessageChunk", "content": text, "additional_kwargs": map[string]any{}, "response_metadata": map[string]any{}}
}

// aiMessage is an answer.
func aiMessage(r *chain.StepResult) map[string]any {
	meta := map[string]any{"finish_reason": r.Finish}
	if r.Route != nil {
		meta["model_name"], meta["model_provider"] = r.Route.Model, r.Route.Provider
	}
	m := map[string]any{"type": "ai", "content": r.Text, "additional_kwargs": map[string]any{}, "response_metadata": meta}
	if u := r.Usage; u != nil {
		m["usage_metadata"] = map[string]any{"input_tokens": u.InputTokens, "output_tokens": u.OutputTokens, "total_tokens": u.InputTokens + u.OutputTokens}
	}
	return m
}

// patch is a change of a run's log.
type patch struct {
	Ops []patchOp `json:"ops"`

	step string // that it tells of; empty: of the run itself
}

type patchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// runLog follows a run as JSON patches of LangChain's run log.
type runLog struct {
	chain    string
	steps    runIDs
	streamed bool
}

func (g *runLog) begin(run string) []any {
	g.steps = runIDs{run: run}
	return []any{patch{Ops: []patchOp{{"replace", "", map[string]any{
		"id": run, "name": g.chain, "type": typeChain, "streamed_output": []any{}, "final_output": nil, "logs": map[string]any{},
	}}}}}
}

// logTime is how LangChain writes times.
const logTime = "2006-01-02T15:04:05.000-07:00"

func (g *runLog) event(v chain.Event) []any {
	at := "/logs/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(v.Step)
	ops := func(ops ...patchOp) []any { return []any{patch{ops, v.Step}} }
	switch v.Type {
	case chain.StepStart:
		g.steps.begin(v.Step, nil)
		return ops(patchOp{"add", at, map[string]any{
			"id": g.steps.of(v.Step), "name": v.Step, "type": typeModel, "tags": []string{}, "metadata": map[string]any{},
			"start_time": time.Now().UTC().Format(logTime), "streamed_output": []any{}, "streamed_output_str": []any{}, "final_output": nil, "end_time": nil,
		}})
	case chain.StepRetry:
		return ops(emptied(at)...)
	case chain.StepChunk:
		var out []any
		if !g.steps.has(v.Step) {
			return nil
		}
		if v.Chunk.Restart && !v.Chunk.Thought {
			out = ops(emptied(at)...)
		}
		if v.Chunk.Text == "" {
			return out
		}
		out = append(out, ops(patchOp{"add", at + "/streamed_output_str/-", v.Chunk.Text}, patchOp{"add", at + "/streamed_output/-", aiChunk(v.Chunk.Text)})...)
		if v.Final {
			g.streamed = true
			out = append(out, patch{Ops: []patchOp{{"add", "/streamed_output/-", v.Chunk.Text}}})
		}
		return out
	case chain.StepEnd:
		if !g.steps.has(v.Step) {
			return nil
		}
		return ops(patchOp{"add", at + "/final_output", aiMessage(v.Result)}, patchOp{"add", at + "/end_time", time.Now().UTC().Format(logTime)})
	}
	return nil
}

// emptied drops what came of a step.
func emptied(at string) []patchOp {
	return []patchOp{{"replace", at + "/streamed_output", []any{}}, {"replace", at + "/streamed_output_str", []any{}}}
}

func (g *runLog) end(output any) []any {
	var ops []patchOp
	if !g.streamed {
		ops = append(ops, patchOp{"add", "/streamed_output/-", output})
	}
	return []any{patch{Ops: append(ops, patchOp{"replace", "/final_output", output})}}
}
