package router_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// A prompt that a server elsewhere got has not stayed, whoever answers and however often
// was asked before; what was on this machine, or was never sent, has.
func TestWhereAPromptWas(t *testing.T) {
	sent := func(k provider.Kind) providertest.Answer {
		e := provider.Errorf(k, "first", "", "as scripted")
		e.Sent = true
		return providertest.Answer{Err: e}
	}
	unsent := providertest.Answer{Err: provider.Errorf(provider.Unavailable, "first", "", "nothing listens")}
	yes := providertest.Text("yes")
	small := func(context.Context, *provider.Request) (string, error) { return "small", nil }
	for name, c := range map[string]struct {
		first  []providertest.Answer // of a server that is here from the call on whose number is here
		here   int
		model  string
		stayed bool
		who    string
		paid   bool // a call that failed may be charged
	}{
		"the first answers, here":      {[]providertest.Answer{yes}, 0, "m", true, "first", false},
		"the first answers, elsewhere": {[]providertest.Answer{yes}, 9, "m", false, "first", false},
		"it fails, elsewhere":          {[]providertest.Answer{sent(provider.Denied)}, 9, "m", false, "second", false},
		"it fails, here":               {[]providertest.Answer{sent(provider.Denied)}, 0, "m", true, "second", false},
		"it fails, here, in the cloud": {[]providertest.Answer{sent(provider.Denied)}, 0, "m:120b-cloud", false, "second", false},
		"it fails unsent":              {[]providertest.Answer{unsent, unsent, unsent}, 9, "m", true, "second", false},
		"it is charged":                {[]providertest.Answer{sent(provider.BadAnswer)}, 9, "m", false, "second", true},
		"its other model answers here": {[]providertest.Answer{sent(provider.ModelNotFound), yes}, 0, "", false, "first", true},
	} {
		t.Run(name, func(t *testing.T) {
			first := &providertest.Fake{ProviderName: "first", Answers: c.first}
			second := &providertest.Fake{ProviderName: "second", Answers: []providertest.Answer{yes}}
			r, err := router.New(router.Config{
				Targets: []router.Target{
					{Provider: &placed{first, func() bool { return len(first.Calls()) > c.here }}, Paid: true, Model: "big:cloud", Alternative: small, Local: func(context.Context) bool { return len(first.Calls()) > c.here }},
					{Provider: &placed{second, func() bool { return true }}, Local: func(context.Context) bool { return true }},
				},
				Policy: router.Policy{RetryPaid: true},
				Clock:  router.Clock{Sleep: func(context.Context, time.Duration) error { return nil }},
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := provider.Collect(r.Chat(t.Context(), provider.Request{Model: c.model, Messages: []provider.Message{provider.User("hi")}}))
			if err != nil {
				t.Fatal(err)
			}
			rt, paid := got.Route, false
			for _, a := range rt.Attempts {
				paid = paid || a.MayBeCharged
			}
			if rt.Provider != c.who || rt.Stayed() != c.stayed || paid != c.paid {
				t.Errorf("%s answered, stayed %v, may be charged %v: %+v", rt.Provider, rt.Stayed(), paid, rt)
			}
		})
	}
}

// placed is a fake that is on this machine, or not.
type placed struct {
	*providertest.Fake
	here func() bool
}

func (p *placed) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range p.Fake.Chat(ctx, req) {
			if c.Route != nil {
				rt := *c.Route
				rt.Local = p.here()
				c.Route = &rt
			}
			if !yield(c, err) {
				return
			}
		}
	}
}
