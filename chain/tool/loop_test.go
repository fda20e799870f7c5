package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

func TestLoop(t *testing.T) {
	calls := 0
	s := &script{turns: [][]provider.Chunk{
		turn(provider.Chunk{Thinking: "Hm. "}, provider.Chunk{ToolCalls: []provider.ToolCall{
			{ID: "c", Name: "weather", Arguments: json.RawMessage(`{"city":"Delhi"}`), Extra: json.RawMessage(`{"extra_content":{}}`)},
		}}),
		turn(provider.Chunk{Thinking: "Ah."}, says("It is "), says("sunny.")),
	}}
	var events []tool.Event
	p := tool.Loop(s, tool.Options{
		Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always,
		Observe: func(e tool.Event) { events = append(events, e) },
	})
	var pieces []string
	r, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
		for c, err := range p.Chat(context.Background(), hello()) {
			if c.Text != "" {
				pieces = append(pieces, c.Text)
			}
			if c.Restart {
				t.Error("the answer begins again, though nothing of it was void")
			}
			if !yield(c, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Text != "It is sunny." || r.Thinking != "Hm. Ah." || r.Finish != provider.FinishStop || len(r.ToolCalls) > 0 || len(pieces) != 2 {
		t.Errorf("got %+v in %d pieces", r, len(pieces))
	}
	if calls != 1 || lastResult(t, s) != "sunny in Delhi" {
		t.Errorf("%d calls, and the model was told %q", calls, lastResult(t, s))
	}
	if u := r.Usage; u == nil || u.InputTokens != 20 || u.OutputTokens != 4 {
		t.Errorf("usage %+v is not the sum of both rounds", u)
	}
	if rt := r.Route; *rt.Cost.USD != 1 || !rt.Local || rt.Total <= 0 || rt.FirstToken > rt.Total || !strings.HasSuffix(rt.Reason, ", after 1 round of tool calls") {
		t.Errorf("route %+v", rt)
	}
	if len(events) != 2 || events[0].Outcome != tool.Running || events[1].Outcome != tool.Done || events[1].Took <= 0 || events[1].Tool.Name != "weather" {
		t.Errorf("events %+v", events)
	}
	asked := s.requests()
	if len(asked[0].Messages) != 1 || len(asked[1].Messages) != 3 || len(asked[1].Tools) != 1 {
		t.Errorf("asked %+v", asked)
	}
	if m := asked[1].Messages[1]; m.Thinking != "Hm. " || m.From != "script" || string(m.ToolCalls[0].Extra) != `{"extra_content":{}}` {
		t.Errorf("the model is not told what it thought, and what came with its call: %+v", m)
	}
	call, result := asked[1].Messages[1].ToolCalls[0], asked[1].Messages[2]
	if result.ToolCallID != call.ID || result.ToolName != "weather" {
		t.Errorf("the result %+v does not answer the call %+v", result, call)
	}
}

// What the model is told when a call does not come off, and that it then
// answers.
func TestWhatTheModelIsTold(t *testing.T) {
	broken := func(text string, fail func() (tool.Result, error)) tool.Tool {
		return tool.Tool{Name: "weather", Parameters: json.RawMessage(`{"type":"object"}`), Call: func(context.Context, json.RawMessage) (tool.Result, error) { return fail() }}
	}
	calls := 0
	good := weather(t, &calls)
	no := func(context.Context, tool.Call) (bool, error) { return false, nil }
	for name, tc := range map[string]struct {
		tool    tool.Tool
		call    provider.Chunk
		confirm func(context.Context, tool.Call) (bool, error)
		told    string
		outcome tool.Outcome
		runs    int
	}{
		"no such tool":        {good, wants("wether", `{}`), tool.Always, `Error: there is no tool "wether". The tools are: weather.`, tool.Wrong, 0},
		"no name of a tool's": {good, wants("we\x1b[31m ather", `{}`), tool.Always, `Error: there is no tool "we\x1b[31m ather"`, tool.Wrong, 0},
		"bad arguments":       {good, wants("weather", `{"city":7}`), tool.Always, "Error: not run: ", tool.Wrong, 0},
		"missing argument":    {good, wants("weather", `{}`), tool.Always, "Error: not run: ", tool.Wrong, 0},
		"unknown argument":    {good, wants("weather", `{"city":"Delhi","planet":"Mars"}`), tool.Always, "Error: not run: ", tool.Wrong, 0},
		"refused":             {good, wants("weather", `{"city":"Delhi"}`), no, "Error: not run: the user did not allow it", tool.Refused, 0},
		"nobody to ask":       {good, wants("weather", `{"city":"Delhi"}`), nil, "Error: not run: the user did not allow it", tool.Refused, 0},
		"fails":               {broken("", func() (tool.Result, error) { return tool.Result{}, errors.New("no such city") }), wants("weather", `{}`), tool.Always, "Error: no such city", tool.Failed, 0},
		"says it failed":      {broken("", func() (tool.Result, error) { return tool.Result{Text: "closed", Failed: true}, nil }), wants("weather", `{}`), tool.Always, "Error: closed", tool.Failed, 0},
		"panics":              {broken("", func() (tool.Result, error) { panic("oh") }), wants("weather", `{}`), tool.Always, "Error: the tool panicked: oh", tool.Failed, 0},
		"arguments as text":   {good, wants("weather", `"{\"city\":\"Delhi\"}"`), tool.Always, "sunny in Delhi", tool.Done, 1},
		"no object":           {good, wants("weather", `[1]`), tool.Always, "Error: not run: the arguments are not a JSON object", tool.Wrong, 0},
		"not UTF-8":           {broken("", func() (tool.Result, error) { return tool.Result{Text: "a\xffb"}, nil }), wants("weather", `{}`), tool.Always, "a\uFFFDb", tool.Done, 0},
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			s := &script{turns: [][]provider.Chunk{turn(tc.call), turn(says("Well."))}}
			var last tool.Event
			p := tool.Loop(s, tool.Options{Tools: []tool.Tool{tc.tool}, Confirm: tc.confirm, Observe: func(e tool.Event) { last = e }})
			r, err := provider.Collect(p.Chat(context.Background(), hello()))
			if err != nil || r.Text != "Well." {
				t.Fatalf("%q, %v", r.Text, err)
			}
			if told := lastResult(t, s); !strings.HasPrefix(told, tc.told) {
				t.Errorf("the model was told %q, want %q", told, tc.told)
			}
			if calls != tc.runs {
				t.Errorf("it ran %d times", calls)
			}
			if last.Outcome != tc.outcome {
				t.Errorf("outcome %q, want %q", last.Outcome, tc.outcome)
			}
			if name == "panics" && len(tool.Stack(last.Err)) == 0 {
				t.Error("the program is not told where")
			}
		})
	}
}

func TestAHugeResultIsCutAndSaidToBe(t *testing.T) {
	s := &script{turns: [][]provider.Chunk{turn(wants("dump", `{}`)), turn(says("Much."))}}
	dump := tool.Tool{Name: "dump", Parameters: json.RawMessage(`{"type":"object"}`), Call: func(context.Context, json.RawMessage) (tool.Result, error) {
		return tool.Result{Text: strings.Repeat("ö", 1<<20)}, nil
	}}
	if _, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{dump}, Confirm: tool.Always}).Chat(context.Background(), hello())); err != nil {
		t.Fatal(err)
	}
	told := lastResult(t, s)
	if len(told) > 65<<10 || !strings.HasSuffix(told, "\n[cut: this is the first 64 KiB of 2048]") {
		t.Errorf("the model was told %d bytes, to the end %q", len(told), told[len(told)-60:])
	}
}

// A model that never stops is stopped, by its rounds or because it turns in a
// circle.
func TestItEnds(t *testing.T) {
	calls := 0
	for name, tc := range map[string]struct {
		turns    func() [][]provider.Chunk
		limit    int
		runs     int
		repeated string
	}{
		"another call each time": {func() (turns [][]provider.Chunk) {
			for i := range 20 {
				turns = append(turns, turn(wants("weather", fmt.Sprintf(`{"city":"Delhi","days":%d}`, i))))
			}
			return turns
		}, 0, 8, ""},
		"a limit of 2": {func() (turns [][]provider.Chunk) {
			for i := range 20 {
				turns = append(turns, turn(wants("weather", fmt.Sprintf(`{"city":"Delhi","days":%d}`, i))))
			}
			return turns
		}, 2, 2, ""},
		"the same call": {func() [][]provider.Chunk {
			return [][]provider.Chunk{turn(wants("weather", `{"city":"Delhi","days":1}`)), turn(wants("weather", `{"days":1, "city":"Delhi"}`))}
		}, 0, 2, "weather"},
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			p := tool.Loop(&script{turns: tc.turns()}, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always, Limit: tc.limit})
			_, err := provider.Collect(p.Chat(context.Background(), hello()))
			var limit *tool.LimitError
			if provider.KindOf(err) != provider.Truncated || !errors.As(err, &limit) || limit.Repeated != tc.repeated {
				t.Fatalf("got %v", err)
			}
			if calls != tc.runs {
				t.Errorf("it ran %d times, want %d", calls, tc.runs)
			}
		})
	}
}

// A model that talks before it calls has not answered: what it said so far is
// void, and a reader is told so. White space is not even shown.
func TestTalkBeforeACall(t *testing.T) {
	for name, tc := range map[string]struct {
		before   string
		restarts int
	}{"words": {"Let me look.", 1}, "white space": {"\n\n", 0}} {
		t.Run(name, func(t *testing.T) {
			calls, restarts := 0, 0
			s := &script{turns: [][]provider.Chunk{
				turn(says(tc.before), wants("weather", `{"city":"Delhi"}`)),
				turn(says("Sunny")),
			}}
			p := tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always})
			r, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
				for c, err := range p.Chat(context.Background(), hello()) {
					if c.Restart {
						restarts++
					}
					if err == nil && c.Empty() {
						t.Error("a chunk is empty")
					}
					if !yield(c, err) {
						return
					}
				}
			})
			if err != nil || r.Text != "Sunny" || restarts != tc.restarts {
				t.Errorf("%q, %v, begun again %d times", r.Text, err, restarts)
			}
			if said := s.requests()[1].Messages[1]; said.Text != tc.before {
				t.Errorf("the model is told that it said %q", said.Text)
			}
		})
	}
}

// A turn that was cut may lack calls: none of them runs.
func TestACutTurnRunsNothing(t *testing.T) {
	calls := 0
	s := &script{turns: [][]provider.Chunk{{wants("weather", `{"city":"Delhi"}`), ends(provider.FinishLength)}}}
	r, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always}).Chat(context.Background(), hello()))
	if err != nil || r.Finish != provider.FinishLength || calls != 0 {
		t.Errorf("%+v, %v, %d calls", r, err, calls)
	}
}

func TestPrivacy(t *testing.T) {
	calls := 0
	far := weather(t, &calls)
	far.Remote = true
	for name, tc := range map[string]struct {
		req  provider.Privacy
		only bool
	}{"the request": {provider.PrivacyLocal, false}, "the loop": {"", true}} {
		t.Run(name, func(t *testing.T) {
			s := &script{turns: [][]provider.Chunk{turn(says("no"))}}
			req := hello()
			req.Privacy = tc.req
			_, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{far}, Confirm: tool.Always, LocalOnly: tc.only}).Chat(context.Background(), req))
			if provider.KindOf(err) != provider.Private || len(s.requests()) > 0 {
				t.Errorf("%v after %d calls", err, len(s.requests()))
			}
		})
	}
	s := &script{turns: [][]provider.Chunk{turn(says("yes"))}}
	if _, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, LocalOnly: true}).Chat(context.Background(), hello())); err != nil {
		t.Fatal(err)
	}
	if s.requests()[0].Privacy != provider.PrivacyLocal {
		t.Error("LocalOnly is not told to the provider")
	}
}

// One round that left the machine is enough for the answer not to be local,
// and a usage or cost that is not known of one round is not known of all.
func TestTheSumIsHonest(t *testing.T) {
	calls := 0
	away := turn(wants("weather", `{"city":"Delhi"}`))
	end := &away[len(away)-1]
	end.Route.Local, end.Usage, end.Route.Cost.USD = false, nil, nil
	s := &script{turns: [][]provider.Chunk{away, turn(says("Sunny."))}}
	r, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always}).Chat(context.Background(), hello()))
	if err != nil || r.Route.Local || r.Usage != nil || r.Route.Cost.USD != nil {
		t.Errorf("%+v, %+v, %v", r.Route, r.Usage, err)
	}
}

func TestCancelStopsATool(t *testing.T) {
	started := make(chan struct{})
	slow := tool.Tool{Name: "slow", Parameters: json.RawMessage(`{"type":"object"}`), Call: func(ctx context.Context, _ json.RawMessage) (tool.Result, error) {
		close(started)
		<-ctx.Done()
		return tool.Result{}, fmt.Errorf("it was stopped: %w", ctx.Err())
	}}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Minute, cancel)
	go func() { <-started; cancel() }()
	s := &script{turns: [][]provider.Chunk{turn(wants("slow", `{}`))}}
	_, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{slow}, Confirm: tool.Always}).Chat(ctx, hello()))
	if err != context.Canceled { //nolint:errorlint // the contract says unchanged
		t.Errorf("got %v, want context.Canceled unchanged", err)
	}
}

func TestWhatCannotBeUsed(t *testing.T) {
	calls := 0
	w := weather(t, &calls)
	odd, noSchema, elsewhere := w, w, w
	odd.Name, noSchema.Parameters, elsewhere.Parameters = "what is it", nil, json.RawMessage(`{"$ref":"https://example.com/schema.json"}`)
	for name, tools := range map[string][]tool.Tool{
		"twice": {w, w}, "a bad name": {odd}, "no schema": {noSchema}, "a schema elsewhere": {elsewhere}, "nothing to call": {{Name: "x", Parameters: w.Parameters}},
	} {
		s := &script{turns: [][]provider.Chunk{turn(says("no"))}}
		_, err := provider.Collect(tool.Loop(s, tool.Options{Tools: tools}).Chat(context.Background(), hello()))
		if provider.KindOf(err) != provider.Invalid || len(s.requests()) > 0 {
			t.Errorf("%s: %v after %d calls", name, err, len(s.requests()))
		}
	}
	req := hello()
	req.Tools = []provider.Tool{{Name: "own", Parameters: json.RawMessage(`{}`)}}
	_, err := provider.Collect(tool.Loop(&script{turns: [][]provider.Chunk{turn(says("no"))}}, tool.Options{Tools: []tool.Tool{w}}).Chat(context.Background(), req))
	if provider.KindOf(err) != provider.Invalid {
		t.Errorf("a request with tools of its own: %v", err)
	}
}

// Calls that engines write without IDs, or with one ID for all, are told apart.
func TestCallsWithoutIDs(t *testing.T) {
	calls := 0
	chunk := wants("weather", `{"city":"Delhi"}`)
	chunk.ToolCalls = append(chunk.ToolCalls, chunk.ToolCalls[0], provider.ToolCall{Name: "weather", Arguments: json.RawMessage(`{"city":"Goa"}`)})
	s := &script{turns: [][]provider.Chunk{turn(chunk), turn(says("Both."))}}
	if _, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always}).Chat(context.Background(), hello())); err != nil {
		t.Fatal(err)
	}
	m := s.requests()[1].Messages
	ids := map[string]bool{}
	for i, call := range m[1].ToolCalls {
		ids[call.ID] = true
		if m[2+i].ToolCallID != call.ID {
			t.Errorf("result %d answers %q, not %q", i, m[2+i].ToolCallID, call.ID)
		}
	}
	if len(ids) != 3 || ids[""] || calls != 3 || m[4].Text != "sunny in Goa" {
		t.Errorf("ids %v, %d calls, %q", ids, calls, m[4].Text)
	}
}
