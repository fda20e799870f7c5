package providertest_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFakeIsWell(t *testing.T) {
	providertest.TestLive(t, providertest.Live{
		New: func(*testing.T) provider.Provider {
			return &providertest.Fake{
				List:    []provider.Model{{Name: "m", Capabilities: []provider.Capability{provider.CanChat}}},
				Answers: []providertest.Answer{providertest.Text("red", " orange", " yellow", " green", " blue")},
			}
		},
		Model: "m", Endpoint: "fake://fake", Seed: true, Lists: true, Can: []provider.Capability{provider.CanChat},
	})
}

func TestFakePlaysItsScript(t *testing.T) {
	f := &providertest.Fake{ProviderName: "local", Answers: []providertest.Answer{
		{Thinking: "Hm.", Text: []string{"par", "tial"}, Err: provider.Errorf(provider.Truncated, "", "", "as scripted")},
		providertest.Fails(provider.Denied),
		providertest.Text("the", " last"),
	}}
	ask := func() (provider.Response, error) {
		return provider.Collect(f.Chat(context.Background(), provider.Request{Model: "x", Messages: []provider.Message{provider.User("hi")}}))
	}
	if r, err := ask(); r.Text != "partial" || r.Thinking != "Hm." || err.Error() != "local (x): truncated: as scripted" {
		t.Errorf("first: %+v, %v", r, err)
	}
	if r, err := ask(); r.Text != "" || provider.KindOf(err) != provider.Denied {
		t.Errorf("second: %+v, %v", r, err)
	}
	for range 2 {
		if r, err := ask(); err != nil || r.Text != "the last" || r.Usage.OutputTokens != 2 || r.Route.Provider != "local" || r.Route.Model != "x" {
			t.Errorf("then: %+v, %v", r, err)
		}
	}
	if calls := f.Calls(); len(calls) != 4 || calls[3].Model != "x" {
		t.Errorf("calls %+v", calls)
	}
}
