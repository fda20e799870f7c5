package router_test

import (
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

func TestARouterChangesNothingOfATarget(t *testing.T) {
	providertest.RunWrapper(t, func(t *testing.T, inner provider.Provider) provider.Provider {
		r, err := router.New(router.Config{Use: []string{"fake"}, Targets: []router.Target{{Provider: inner}}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
	t.Run("after a fallback", func(t *testing.T) {
		providertest.RunWrapper(t, func(t *testing.T, inner provider.Provider) provider.Provider {
			first := &providertest.Fake{ProviderName: "first", Answers: []providertest.Answer{providertest.Fails(provider.Unavailable)}}
			r, err := router.New(router.Config{Use: []string{"first", "fake"}, Targets: []router.Target{{Provider: first}, {Provider: inner}}})
			if err != nil {
				t.Fatal(err)
			}
			return r
		})
	})
}
