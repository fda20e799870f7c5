package provider_test

import (
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

func TestWhatAnErrorSays(t *testing.T) {
	for want, e := range map[string]*provider.Error{
		"openai (m): rate limited (429): slow down": {Kind: provider.RateLimited, Provider: "openai", Model: "m", Status: 429, Err: errors.New("slow down")},
		"openai: denied": {Kind: provider.Denied, Provider: "openai"},
		"m: denied":      {Kind: provider.Denied, Model: "m"},
		"bad answer":     {Kind: provider.BadAnswer},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}
