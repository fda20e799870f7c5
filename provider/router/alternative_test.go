package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// TestAnotherModelWhereTheDefaultIsMissing: only a request that names no model is
// asked of another one, and its route says why.
func TestAnotherModelWhereTheDefaultIsMissing(t *testing.T) {
	none := errors.New("nothing else is there")
	for name, tc := range map[string]struct {
		answers     []providertest.Answer
		model       string // that the request names
		alternative string // "": there is none
		asked       []string
		reason      string // "": it fails
		fails       string // the Kind, or a part of the text
	}{
		"it is there":           {answers: []providertest.Answer{providertest.Text("hi")}, alternative: "b", asked: []string{""}, reason: "first choice"},
		"it is missing":         {answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound), providertest.Text("hi")}, alternative: "b", asked: []string{"", "b"}, reason: "first choice; a, the default model, is not installed"},
		"a model is named":      {answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound)}, model: "a", alternative: "b", asked: []string{"a"}, fails: string(provider.ModelNotFound)},
		"both are missing":      {answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound), providertest.Fails(provider.ModelNotFound)}, alternative: "b", asked: []string{"", "b"}, fails: string(provider.ModelNotFound)},
		"the other one fails":   {answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound), providertest.Fails(provider.ContextOverflow)}, alternative: "b", asked: []string{"", "b"}, fails: string(provider.ContextOverflow)},
		"there is none":         {answers: []providertest.Answer{providertest.Fails(provider.ModelNotFound)}, asked: []string{""}, fails: none.Error()},
		"another kind of error": {answers: []providertest.Answer{providertest.Fails(provider.Denied)}, alternative: "b", asked: []string{""}, fails: string(provider.Denied)},
	} {
		t.Run(name, func(t *testing.T) {
			local := target("local", tc.answers...)
			local.Model = "a"
			stock(local, "a", "b")
			local.Alternative = func(context.Context, *provider.Request) (string, error) {
				if tc.alternative == "" {
					return "", none
				}
				return tc.alternative, nil
			}
			r, err := ask(t.Context(), newRouter(t, "local", local), provider.Request{Model: tc.model})
			var asked []string
			for _, req := range local.Provider.(*providertest.Fake).Calls() {
				asked = append(asked, req.Model)
			}
			if strings.Join(asked, ",") != strings.Join(tc.asked, ",") || len(asked) != len(tc.asked) {
				t.Errorf("asked for %q, want %q", asked, tc.asked)
			}
			switch {
			case tc.fails != "":
				if err == nil || string(provider.KindOf(err)) != tc.fails && !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("error %v, want %s", err, tc.fails)
				}
			case err != nil:
				t.Error(err)
			case (r.Route.Missing == "a") != (len(tc.asked) > 1):
				t.Errorf("missing %q", r.Route.Missing)
			case r.Route.Reason != tc.reason:
				t.Errorf("reason %q, want %q", r.Route.Reason, tc.reason)
			}
		})
	}
}

// TestTheOtherModelIsOneTargetsOwn: the next target is asked for its own model
// again, and a plan tells the same.
func TestTheOtherModelIsOneTargetsOwn(t *testing.T) {
	local, next := target("local", providertest.Fails(provider.ModelNotFound), providertest.Fails(provider.OutOfMemory)), target("next", providertest.Text("hi"))
	local.Model, next.Model = "a", "n"
	stock(local, "a", "b")
	local.Alternative = func(context.Context, *provider.Request) (string, error) { return "b", nil }
	local.Present = func(_ context.Context, model string) (bool, bool) { return model == "b", true }
	r := newRouter(t, "local next", local, next)
	plan, err := r.Plan(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}})
	if err != nil || len(plan.Candidates) != 2 || plan.Candidates[0].Model != "b" || !plan.Candidates[0].Keep || plan.Candidates[1].Model != "n" {
		t.Errorf("the plan is %+v, %v", plan.Candidates, err)
	}
	answer, err := ask(t.Context(), r, provider.Request{})
	if err != nil || answer.Route.Provider != "next" {
		t.Fatal(answer, err)
	}
	if at := answer.Route.Attempts; len(at) != 2 || at[0].Model != "b" || at[0].Kind != provider.OutOfMemory {
		t.Errorf("attempts: %+v", at)
	}
	if asked := next.Provider.(*providertest.Fake).Calls()[0].Model; asked != "" {
		t.Errorf("the next target was asked for %q", asked)
	}
}

// stock gives a fake its models.
func stock(t router.Target, names ...string) {
	f := t.Provider.(*providertest.Fake)
	f.List = nil
	for _, name := range names {
		f.List = append(f.List, provider.Model{Name: name})
	}
}
