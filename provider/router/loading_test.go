package router_test

import (
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// A model that is being loaded is passed over, neither asked again nor held to
// be ill, however often.
func TestLoadingIsNoIllness(t *testing.T) {
	loading := providertest.Answer{Err: &provider.Error{Kind: provider.Unavailable, Err: provider.ErrLoading}}
	a, b := target("a", loading), target("b", providertest.Text("from b"))
	r := newRouter(t, "a b", a, b)
	const many = 20
	for i := range many {
		got, err := ask(t.Context(), r, provider.Request{})
		if err != nil || got.Text != "from b" || got.Route.Reason != "fallback: a: the model is being loaded into memory" {
			t.Fatalf("call %d: %+v, %v", i, got, err)
		}
	}
	if calls(a) != many {
		t.Errorf("it was asked %d times in %d calls, want once each", calls(a), many)
	}
}

// Where the user has said that nobody stands in, nobody does.
func TestAloneIsNotPassedOn(t *testing.T) {
	a := target("a", providertest.Answer{Err: &provider.Error{Kind: provider.OutOfMemory, Final: true, Err: failure.NoFallback(errors.New("too big"))}})
	b := target("b")
	if _, err := ask(t.Context(), newRouter(t, "a b", a, b), provider.Request{}); provider.KindOf(err) != provider.OutOfMemory || calls(b) != 0 || calls(a) != 1 {
		t.Errorf("%v; the next was asked %d times, the first %d", err, calls(b), calls(a))
	}
}
