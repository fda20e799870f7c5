package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// A refusal says what would have gone where, whatever is around it; any other
// error comes back as it is.
func TestARefusalSaysWhatWouldHaveGone(t *testing.T) {
	s := open(t, stacktest.Load(t, "use: far\nproviders:\n  - {name: far, kind: openai, base_url: \"http://192.0.2.1:9/v1\", model: m}\n", nil, nil), Options{})
	refusal := func(kind provider.Kind, sent bool) error {
		return &provider.Error{Kind: kind, Provider: "far", Sent: sent, Err: errors.New("it may not leave")}
	}
	req := stacktest.Question("a secret")
	for name, tc := range map[string]struct {
		err  error
		says bool
	}{
		"bare":               {refusal(provider.Private, false), true},
		"offline":            {refusal(provider.Offline, false), true},
		"wrapped":            {fmt.Errorf("far: %w", refusal(provider.Private, false)), true},
		"wrapped twice":      {fmt.Errorf("a: %w", fmt.Errorf("b: %w", refusal(provider.Offline, false))), true},
		"joined":             {errors.Join(errors.New("first"), refusal(provider.Private, false)), true},
		"sent":               {fmt.Errorf("far: %w", refusal(provider.Private, true)), false},
		"another":            {fmt.Errorf("far: %w", refusal(provider.Unavailable, false)), false},
		"the caller's own":   {context.Canceled, false},
		"of nobody's making": {errors.New("no"), false},
	} {
		got := s.explainRefusal(t.Context(), tc.err, &req)
		if says := strings.Contains(got.Error(), "8 characters) would have gone to http://192.0.2.1:9 (far, m)"); says != tc.says || !says && got != tc.err { //nolint:errorlint // the very same
			t.Errorf("%s: %v", name, got)
		}
		if provider.KindOf(got) != provider.KindOf(tc.err) || strings.Contains(got.Error(), "a secret") {
			t.Errorf("%s: %v", name, got)
		}
	}
}
