package router_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// chunks are what a reader is given.
func chunks(t *testing.T, r *router.Router, req provider.Request) (all []provider.Chunk, failed error) {
	t.Helper()
	req.Messages = []provider.Message{provider.User("hi")}
	for c, err := range r.Chat(t.Context(), req) {
		if err != nil {
			return all, err
		}
		if c.Empty() {
			t.Errorf("an empty chunk: %+v", c)
		}
		all = append(all, c)
	}
	return all, nil
}

func TestWhiteSpaceIsHeldUntilContent(t *testing.T) {
	all, err := chunks(t, newRouter(t, "a", target("a", providertest.Text("\n", " ", "Hello", "\n", "world"))), provider.Request{})
	if err != nil || len(all) != 4 || all[0].Text != "\n Hello" || all[1].Text != "\n" || all[2].Text != "world" {
		t.Errorf("%+v, %v", all, err)
	}
	// It is not content: another one may still answer.
	got, err := ask(t.Context(), newRouter(t, "a b", target("a", fails(provider.Unavailable, "\n", " ")), target("b", providertest.Text("from b"))), provider.Request{})
	if err != nil || got.Text != "from b" {
		t.Errorf("%+v, %v", got, err)
	}
	// A flood of it is held in bounded memory.
	flood := providertest.Answer{Text: make([]string, 300)}
	for i := range flood.Text {
		flood.Text[i] = strings.Repeat(" ", 64<<10)
	}
	if _, err := ask(t.Context(), newRouter(t, "a", target("a", flood)), provider.Request{}); !errors.Is(err, provider.Truncated) || !strings.Contains(err.Error(), "only white space") {
		t.Errorf("a flood: %v", err)
	}
}

// Nothing, or white space, may be what is to be filled into a text. It is held back as
// any white space is, so that another target can still answer.
func TestATextMayHaveNothingToFillIn(t *testing.T) {
	req := provider.Request{Completion: &provider.Completion{Suffix: "}"}}
	for _, text := range [][]string{{}, {"\n", "  "}} {
		all, err := chunks(t, newRouter(t, "a", target("a", providertest.Text(text...))), req)
		if err != nil || len(all) != 1 || all[0].Text != strings.Join(text, "") || all[0].Route == nil {
			t.Errorf("%q: %+v, %v", text, all, err)
		}
	}
	all, err := chunks(t, newRouter(t, "a b", target("a", fails(provider.Unavailable, "\n")), target("b", providertest.Text("x"))), req)
	if err != nil || len(all) == 0 || all[0].Text != "x" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestThinkingAloneIsNoAnswer(t *testing.T) {
	b := target("b")
	got, err := ask(t.Context(), newRouter(t, "a b", target("a", providertest.Answer{Thinking: "Hm."}), b), provider.Request{})
	if !errors.Is(err, provider.Truncated) || got.Thinking != "Hm." || calls(b) != 0 {
		t.Errorf("%+v, %v; want an error, for thinking was shown", got, err)
	}
	var f *router.Failure
	if !errors.As(err, &f) || !f.Partial || f.Attempts[0].SentTo == "" && f.Attempts[0].Tries != 1 {
		t.Errorf("the failure is %+v", f)
	}
}

func TestSchemaIsHeldUntilWhole(t *testing.T) {
	asked := provider.Request{Schema: &provider.Schema{JSON: []byte(`{"type":"object"}`)}}
	whole := target("a", providertest.Answer{Thinking: "Hm.", Text: []string{`{"a"`, `:1}`, "\n"}})
	all, err := chunks(t, newRouter(t, "a", whole), asked)
	if err != nil || len(all) != 1 || all[0].Text != `{"a":1}` || all[0].Thinking != "Hm." || all[0].Route == nil {
		t.Errorf("%+v, %v; want one chunk", all, err)
	}
	// It breaks off, or is none: nothing was shown, and the next one answers.
	for what, first := range map[string]providertest.Answer{
		"breaks off": fails(provider.Truncated, `{"a":`), "is none": providertest.Text("Sure! ", `{"a":1}`), "is an array": providertest.Text(`[{"a":1}]`),
	} {
		all, err := chunks(t, newRouter(t, "a b", target("a", first), target("b", providertest.Text(`{"b"`, `:2}`))), asked)
		if err != nil || len(all) != 1 || all[0].Text != `{"b":2}` {
			t.Errorf("%s: %+v, %v", what, all, err)
		}
	}
}

func TestRestart(t *testing.T) {
	restart := func(targets ...router.Target) *router.Router {
		cfg := router.Config{Targets: targets, Policy: router.Policy{Restart: true}, Clock: (&waiter{}).clock()}
		for _, x := range targets {
			cfg.Use = append(cfg.Use, x.Name())
		}
		return mustRouter(t, cfg)
	}
	cut := fails(provider.Truncated, "Hello", " wor")
	t.Run("the same target", func(t *testing.T) {
		all, err := chunks(t, restart(target("first", cut, providertest.Text("Hello", " world"))), provider.Request{})
		if err != nil || len(all) != 5 || !all[2].Restart || all[2].Text != "Hello" || all[3].Restart || all[4].Route.Attempts[0].Tries != 2 {
			t.Errorf("%+v, %v", all, err)
		}
	})
	t.Run("the next target", func(t *testing.T) {
		got, err := ask(t.Context(), restart(target("first", cut), target("b", providertest.Text("from b"))), provider.Request{})
		if err != nil || got.Text != "from b" || got.Route.Provider != "b" || got.Route.Attempts[0].Outcome != provider.OutcomeFailed {
			t.Errorf("%+v, %v; want the second answer alone", got, err)
		}
	})
	t.Run("nobody is left", func(t *testing.T) {
		got, err := ask(t.Context(), restart(target("first", cut), target("b", providertest.Fails(provider.Unavailable))), provider.Request{})
		var f *router.Failure
		if err == nil || got.Text != "Hello wor" || !errors.As(err, &f) || !f.Partial || len(f.Attempts) != 2 {
			t.Errorf("%+v, %v; want what came, and an error of both", got, err)
		}
	})
	t.Run("a filter is final", func(t *testing.T) {
		b := target("b")
		got, err := ask(t.Context(), restart(target("first", fails(provider.Filtered, "Hello")), b), provider.Request{})
		if !errors.Is(err, provider.Filtered) || got.Text != "Hello" || calls(b) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestFailureAfterContentTellsTheAttempts(t *testing.T) {
	_, err := ask(t.Context(), newRouter(t, "dead a", target("dead", providertest.Fails(provider.Unavailable)), target("a", fails(provider.Truncated, "Hello"))), provider.Request{})
	var f *router.Failure
	if err == nil || err.Error() != "a: truncated: as scripted" || !errors.As(err, &f) || !f.Partial || len(f.Attempts) != 2 {
		t.Errorf("%v, %+v; want the error of the one that broke off, and both in the list", err, f)
	}
}

// An answer that its request's own limit cut says so; one that another limit cut,
// or may have, does not.
func TestTheLimitThatCut(t *testing.T) {
	for name, tc := range map[string]struct {
		limit  *int
		finish provider.Finish
		usage  *provider.Usage
		want   int
	}{
		"reached":                     {provider.Ptr(3), provider.FinishLength, &provider.Usage{OutputTokens: 3}, 3},
		"passed, as thinking counts":  {provider.Ptr(3), provider.FinishLength, &provider.Usage{OutputTokens: 5, ThinkingTokens: 2}, 3},
		"cut before it by the window": {provider.Ptr(4), provider.FinishLength, &provider.Usage{OutputTokens: 3}, 0},
		"no limit asked for":          {nil, provider.FinishLength, &provider.Usage{OutputTokens: 3}, 0},
		"the server counts nothing":   {provider.Ptr(3), provider.FinishLength, nil, 0},
		"ended by itself there":       {provider.Ptr(3), provider.FinishStop, &provider.Usage{OutputTokens: 3}, 0},
	} {
		a := target("a", providertest.Answer{Text: []string{"Hello"}, Finish: tc.finish, Usage: tc.usage})
		r, err := ask(t.Context(), newRouter(t, "a", a), provider.Request{MaxTokens: tc.limit})
		if err != nil || r.Route == nil || r.Route.MaxTokens != tc.want {
			t.Errorf("%s: %+v, %v; want the limit %d", name, r.Route, err, tc.want)
		}
	}
}
