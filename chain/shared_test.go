package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// busy has each event that there is.
const busy = `
inputs: {list: list, who: {type: map, default: {name: Ada, at: [1, 2]}}}
steps:
- {name: found, retrieve: {from: notes, query: 'about {list}'}}
- name: both
  parallel:
    a: {each: list, as: e, concurrency: 2, prompt: '{e} {found}'}
    b: [{name: x, prompt: again, parse: {enum: [yes]}, retries: 3}, {name: y, prompt: fail, fallback: {text: '{x}'}}]
    c: {prompt: tool, tools: [square]}
    d: {prompt: schema, schema: {type: object, properties: {n: {type: integer}}, required: [n]}}
- {name: loop, repeat: {max: 3, start: '""'}, text: '{loop}{b}'}
- {name: skipped, when: 'len(list) > 100', else: none, prompt: never}
- {name: sorted, transform: 'map(sort(list), # + "!")'}
- name: last
  route: {ask: 'which {loop}{skipped}', branches: {l: {prompt: 'end {both} {sorted} {who}'}, r: {text: r}}}
`

// clerk plays the models of busy.
type clerk struct {
	told
	again atomic.Int32 // the answers to "again" that cannot be parsed, yet to come
}

func (c *clerk) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if ctx.Err() != nil {
			yield(provider.Chunk{}, ctx.Err())
			return
		}
		asked, last := req.Messages[0].Text, req.Messages[len(req.Messages)-1]
		text := "answer to " + asked
		switch {
		case asked == "fail":
			yield(provider.Chunk{}, provider.Errorf(provider.Unavailable, "clerk", "", "down"))
			return
		case asked == "again":
			if text = "yes"; c.again.Add(-1) >= 0 {
				text = "well"
			}
		case asked == "tool" && last.Role != provider.RoleTool:
			yield(provider.Chunk{ToolCalls: []provider.ToolCall{{ID: "1", Name: req.Tools[0].Name, Arguments: json.RawMessage(`{"of":3}`)}}, Finish: provider.FinishToolCalls}, nil)
			return
		case asked == "tool":
			text = last.Text
		case asked == "schema":
			text = `{"n": 7}`
		case req.Schema != nil:
			text = `{"choice": "l"}`
		}
		for _, word := range strings.SplitAfter(text, " ") {
			if !yield(provider.Chunk{Text: word}, nil) {
				return
			}
		}
		yield(provider.Chunk{Finish: provider.FinishStop}, nil)
	}
}

func busyChain(t *testing.T) (*Chain, []Option) {
	t.Helper()
	c, err := Parse("x.yaml", []byte(busy))
	if err != nil {
		t.Fatal(err)
	}
	type in struct {
		Of int `json:"of"`
	}
	square, err := tool.Func("square", "The square", func(_ context.Context, in in) (int, error) { return in.Of * in.Of, nil })
	if err != nil {
		t.Fatal(err)
	}
	find := func(context.Context, Lookup) ([]retrieve.Passage, *provider.Route, error) {
		return []retrieve.Passage{{Text: "Harvest.", Source: "a.md"}}, nil, nil
	}
	return c, []Option{WithTools(tool.Options{Tools: []tool.Tool{square}, Confirm: tool.Always}), WithPassages(find)}
}

// A chain, its inputs and their defaults stay as they are, whoever runs it at
// the same time.
func TestAChainIsSharedByMany(t *testing.T) {
	c, opts := busyChain(t)
	vars := map[string]any{"list": []any{"z", "y", "x"}}
	var first atomic.Value
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 5 {
				result, err := c.Output(t.Context(), &clerk{}, vars, opts...)
				if i%2 == 0 {
					for _, e := range c.Run(t.Context(), &clerk{}, vars, opts...) {
						if e != nil {
							t.Error(e)
						}
					}
				}
				if err != nil {
					t.Error(err)
				}
				first.CompareAndSwap(nil, result.Text)
				if first.Load() != result.Text {
					t.Errorf("%q here, and %q there", result.Text, first.Load())
				}
			}
		})
	}
	all.Wait()
	if want := `answer to end {'a': ['answer to z [1] a.md\nHarvest.', `; !strings.HasPrefix(first.Load().(string), want) {
		t.Errorf("the answer is %q", first.Load())
	}
	if fmt.Sprint(vars) != "map[list:[z y x]]" {
		t.Errorf("the inputs are %v after it", vars)
	}
}

// A reader may leave at every single event of a run. Nothing comes after, and
// nothing goes on (goleak sees that).
func TestAReaderLeavesAtAnyEvent(t *testing.T) {
	c, opts := busyChain(t)
	vars := map[string]any{"list": []any{"z", "y", "x"}}
	run := func(leave int) (events int, types map[EventType]bool) {
		p := &clerk{}
		p.again.Store(2)
		types = map[EventType]bool{}
		for e, err := range c.Run(t.Context(), p, vars, opts...) {
			if err != nil {
				t.Fatal(err)
			}
			types[e.Type] = true
			if events++; events == leave {
				break
			}
		}
		return events, types
	}
	n, types := run(0)
	if got := slices.Sorted(maps.Keys(types)); len(got) != 7 {
		t.Errorf("the events are only of the types %v", got)
	}
	for leave := 1; leave < n; leave++ {
		if got, _ := run(leave); got != leave {
			t.Errorf("%d events came to a reader who left at %d", got, leave)
		}
	}
}

// A run that is cancelled at any event ends with the caller's own error.
func TestACallerCancelsAtAnyEvent(t *testing.T) {
	c, opts := busyChain(t)
	vars := map[string]any{"list": []any{"z", "y", "x"}}
	for at := 1; ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		n, ended := 0, error(nil)
		for _, err := range c.Run(ctx, &clerk{}, vars, opts...) {
			if n++; n == at {
				cancel()
			}
			ended = err
		}
		cancel()
		if n < at {
			break
		}
		if ended != nil && ended != context.Canceled {
			t.Errorf("cancelled at event %d: %v", at, ended)
		}
	}
}

// The error names the innermost step, by its way from the outermost.
func TestTheInnermostStepIsNamed(t *testing.T) {
	inner := mustNew(t, Step{Name: "u", Text: "x"}, Step{Name: "v", Prompt: "fail {u}"})
	for _, tt := range []struct {
		path string
		step Step
	}{
		{"s", Step{Prompt: "fail"}},
		{"s.g", Step{Steps: []Step{{Name: "g", Prompt: "fail"}}}},
		{"s.b.g", Step{Parallel: []Step{{Name: "b", Steps: []Step{{Name: "g", Prompt: "fail"}}}}}},
		{"s[1]", Step{Each: "[1, 2]", Concurrency: 1, Prompt: "{item} fail", Name: "s"}},
		{"s[0].g[1]", Step{Each: "[[1, 2]]", As: "row", Steps: []Step{{Name: "g", Each: "row", Concurrency: 1, Prompt: "{item} fail"}}}},
		{"s.r", Step{Route: &Route{By: `"r"`, Branches: []Step{{Name: "r", Prompt: "fail"}}}}},
		{"s.choice", Step{Route: &Route{Question: "fail", Branches: []Step{{Name: "r", Text: "x"}}}}},
		{"s.v", Step{Chain: inner}},
		{"s.fallback.v", Step{Prompt: "fail", Fallback: &Step{Chain: inner}}},
		{"s[0]", Step{Repeat: &Repeat{Max: 3}, Prompt: "fail"}},
		{"s.t", Step{Steps: []Step{{Name: "t", Transform: "[1][5]"}}}},
		{"s", Step{When: "[1][5] == 2", Else: provider.Ptr("no"), Text: "x"}},
	} {
		tt.step.Name = "s"
		c := mustNew(t, Step{Name: "before", Text: "x"}, tt.step)
		p := told(func(_ context.Context, req provider.Request) (string, error) {
			if text := req.Messages[0].Text; strings.Contains(text, "fail") && !strings.HasPrefix(text, "1 ") {
				return "", provider.Errorf(provider.Denied, "told", "m", "no")
			}
			return "ok", nil
		})
		_, err := c.Output(t.Context(), p, nil)
		step := new(StepError)
		if !errors.As(err, &step) || step.Step != tt.path || step.Index != 1 || strings.Count(err.Error(), "step ") != 1 {
			t.Errorf("%s: %+v, %v", tt.path, step, err)
		}
	}
}

// What is found and may not leave holds for all that comes after it, wherever
// in a chain it was found.
func TestWhatIsFoundStaysFromThenOn(t *testing.T) {
	found := Step{Name: "f", Retrieve: &Retrieve{Collection: "notes", Query: "q"}}
	inner := mustNew(t, Step{Name: "f", Retrieve: &Retrieve{Collection: "notes", Query: "q"}})
	for i, step := range []Step{
		found,
		{Name: "f", Steps: []Step{found}},
		{Name: "f", Parallel: []Step{{Name: "b", Steps: []Step{found}}}},
		{Name: "f", Each: "[1]", Retrieve: &Retrieve{Collection: "notes", Query: "q {item}"}},
		{Name: "f", Chain: inner},
		{Name: "f", Route: &Route{By: `"x"`, Branches: []Step{{Name: "x", Chain: inner}}}},
		{Name: "f", Prompt: "fail", Fallback: &Step{Chain: inner}},
		{Name: "f", Steps: []Step{{Name: "g", Retrieve: found.Retrieve}, {Name: "h", Prompt: "fail {g}"}}, Fallback: &Step{Text: "it failed"}},
	} {
		c := mustNew(t, Step{Name: "before", Prompt: "before"}, step, Step{Name: "after", Prompt: "after {f}"})
		got := ""
		p := told(func(_ context.Context, req provider.Request) (string, error) {
			if got += fmt.Sprintf("%.6s:%s ", req.Messages[0].Text, req.Privacy); strings.HasPrefix(req.Messages[0].Text, "fail") {
				return "", provider.Errorf(provider.Denied, "told", "m", "no")
			}
			return "ok", nil
		})
		find := func(context.Context, Lookup) ([]retrieve.Passage, *provider.Route, error) {
			return []retrieve.Passage{{Text: "secret", Source: "a.md", Privacy: provider.PrivacyLocal}}, nil, nil
		}
		if _, err := c.Output(t.Context(), p, nil, WithPassages(find)); err != nil {
			t.Fatal(i, err)
		}
		if !strings.HasPrefix(got, "before: ") || !strings.HasSuffix(got, "after :local ") {
			t.Errorf("%d: asked %s", i, got)
		}
	}
}
