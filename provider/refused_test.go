package provider_test

import (
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

func TestRefusedSaysWhatWouldHaveGone(t *testing.T) {
	one := provider.Request{Messages: []provider.Message{provider.User("grün")}}
	two := provider.Request{Messages: []provider.Message{provider.System("a"), {Role: provider.RoleUser, Images: []provider.Image{{Data: []byte{1}}, {}}}}}
	texts := provider.EmbedRequest{Input: []string{"ab", ""}}
	for got, want := range map[string]string{
		one.Size():   "the prompt (1 message, 4 characters)",
		two.Size():   "the prompt (2 messages, 1 character, 2 images)",
		texts.Size(): "the input (2 texts, 2 characters)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	cause := errors.New("not here")
	for kind, want := range map[provider.Kind]string{
		provider.Private:     "p (m): private: not here; all would have gone to X",
		provider.Offline:     "p (m): offline: not here; all would have gone to X",
		provider.Unavailable: "p (m): unavailable: not here",
	} {
		before := &provider.Error{Kind: kind, Provider: "p", Model: "m", Err: cause}
		err := provider.Refused(before, "all", "to X")
		if err.Error() != want || !errors.Is(err, cause) || !errors.Is(err, kind) || before.Err != cause {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
	}
	if err := provider.Refused(cause, "all", "to X"); err != cause {
		t.Errorf("got %v, want another's error as it is", err)
	}
}
