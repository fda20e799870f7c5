package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

func TestFuncDescribesItsArguments(t *testing.T) {
	calls := 0
	w := weather(t, &calls)
	var s struct {
		Type       string
		Required   []string
		Properties map[string]struct{ Type, Description string }
	}
	if err := json.Unmarshal(w.Parameters, &s); err != nil {
		t.Fatal(err)
	}
	if s.Type != "object" || len(s.Required) != 1 || s.Required[0] != "city" || s.Properties["city"].Description != "the city" || s.Properties["days"].Type != "integer" {
		t.Errorf("the schema is %s", w.Parameters)
	}
	if w.Source != tool.SourceGo || w.Title() != "weather" || w.Remote {
		t.Errorf("%+v", w)
	}
}

func TestWhatAFuncReturns(t *testing.T) {
	ctx := context.Background()
	asJSON, err := tool.Func("f", "", func(context.Context, struct{}) (map[string]int, error) { return map[string]int{"a": 1}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if r, err := asJSON.Call(ctx, json.RawMessage(`{}`)); err != nil || r.Text != `{"a":1}` {
		t.Errorf("%+v, %v", r, err)
	}
	own, err := tool.Func("f", "", func(context.Context, struct{}) (tool.Result, error) {
		return tool.Result{Text: "no", Failed: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := own.Call(ctx, json.RawMessage(`{}`)); err != nil || !r.Failed {
		t.Errorf("%+v, %v", r, err)
	}
	for _, args := range []string{`{"x":1}`, `{} {}`, `[]`, `{`} {
		if _, err := own.Call(ctx, json.RawMessage(args)); err == nil {
			t.Errorf("the arguments %s were taken", args)
		}
	}
}

func TestFuncsThatAreNone(t *testing.T) {
	if _, err := tool.Func("f", "", func(context.Context, int) (int, error) { return 0, nil }); err == nil || !strings.Contains(err.Error(), "must be a struct") {
		t.Errorf("arguments of type int: %v", err)
	}
	if _, err := tool.Func("f", "", func(context.Context, struct{ F func() }) (int, error) { return 0, nil }); err == nil {
		t.Error("an argument that is a function was taken")
	}
	if _, err := tool.Func("a b", "", func(context.Context, struct{}) (int, error) { return 0, nil }); err == nil {
		t.Error("a name with a space was taken")
	}
}

// FuzzArguments: whatever a model writes as arguments, the tool gets what fits
// its schema, or the model an answer; nothing breaks.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{
		`{"city":"Delhi"}`, `"{\"city\":\"Delhi\"}"`, `null`, ``, `{}`, `[1]`, `{"city":1e999}`, `{"city":"a","city":2}`,
		`{"City":"a"}`, `"\"{}\""`, `{"days":9223372036854775808,"city":""}`, "\"\xff\"", `{"city":null}`,
	} {
		f.Add("weather", s)
	}
	f.Add("", `{}`)
	f.Add("we\x00ather", `{}`)
	f.Fuzz(func(t *testing.T, name, args string) {
		w, err := tool.Func("weather", "", func(_ context.Context, in place) (string, error) {
			return in.City, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &script{turns: [][]provider.Chunk{turn(wants(name, args)), turn(says("ok"))}}
		r, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{w}, Confirm: tool.Always}).Chat(context.Background(), hello()))
		if err != nil || r.Text != "ok" {
			t.Fatalf("%q, %v", r.Text, err)
		}
	})
}

func TestConfirmThatFailsEndsTheAnswer(t *testing.T) {
	calls := 0
	s := &script{turns: [][]provider.Chunk{turn(wants("weather", `{"city":"Delhi"}`))}}
	gone := errors.New("the terminal is gone")
	confirm := func(context.Context, tool.Call) (bool, error) { return true, gone }
	_, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: confirm}).Chat(context.Background(), hello()))
	var e *provider.Error
	if !errors.As(err, &e) || !errors.Is(err, gone) || calls > 0 {
		t.Errorf("%v, %d calls", err, calls)
	}
}
