package failure_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/provider"
)

func TestNotSentSaysWhatWouldHaveGoneWhere(t *testing.T) {
	one := provider.Request{Messages: []provider.Message{provider.User("grün")}}
	two := provider.Request{Messages: []provider.Message{provider.System("a"), {Role: provider.RoleUser, Images: []provider.Image{{Data: []byte{1}}, {}}}}}
	texts := provider.EmbedRequest{Input: []string{"ab", ""}}
	cause := errors.New("not here")
	prompt := func(req *provider.Request) func(error) error {
		return func(err error) error { return failure.PromptNotSent(err, req, "to X") }
	}
	input := func(err error) error { return failure.InputNotSent(err, &texts, "to X") }
	for _, c := range []struct {
		kind     provider.Kind
		sent     bool
		complete func(error) error
		want     string
	}{
		{provider.Private, false, prompt(&one), "p (m): private: not here; the prompt (1 message, 4 characters) would have gone to X"},
		{provider.Offline, false, prompt(&two), "p (m): offline: not here; the prompt (2 messages, 1 character, 2 images) would have gone to X"},
		{provider.Private, false, input, "p (m): private: not here; the input (2 texts, 2 characters) would have gone to X"},
		{provider.Unavailable, false, prompt(&one), "p (m): unavailable: not here"},
		{provider.Unavailable, false, input, "p (m): unavailable: not here"},
		{provider.Private, true, prompt(&one), "p (m): private: not here"},
		{provider.Offline, true, input, "p (m): offline: not here"},
	} {
		before := &provider.Error{Kind: c.kind, Provider: "p", Model: "m", Sent: c.sent, Err: cause}
		err := c.complete(before)
		if err.Error() != c.want || !errors.Is(err, cause) || !errors.Is(err, c.kind) || before.Err != cause {
			t.Errorf("%s: %v, want %q", c.kind, err, c.want)
		}
	}
	for _, complete := range []func(error) error{prompt(&one), input} {
		if err := complete(cause); err != cause {
			t.Errorf("got %v, want another's error as it is", err)
		}
	}
}

func TestNamedCopies(t *testing.T) {
	before := provider.Errorf(provider.Unavailable, "", "", "connection refused")
	err := failure.Named(before, "local", "smollm2:135m")
	if want := "local (smollm2:135m): unavailable: connection refused"; err.Error() != want || before.Provider != "" {
		t.Errorf("got %v, want %q and %v untouched", err, want, before)
	}
	other := errors.New("other")
	if err := failure.Named(other, "local", ""); err != other {
		t.Errorf("got %v, want another's error as it is", err)
	}
}

func TestNoFallbackIsAMarkOnly(t *testing.T) {
	before := provider.Errorf(provider.OutOfMemory, "local", "", "too big")
	err := fmt.Errorf("loading: %w", failure.NoFallback(before))
	if !errors.Is(err, failure.ErrNoFallback) || provider.KindOf(err) != provider.OutOfMemory || err.Error() != "loading: "+before.Error() {
		t.Errorf("got %v, want %v, marked", err, before)
	}
	if errors.Is(before, failure.ErrNoFallback) {
		t.Error("the error itself was changed")
	}
}
