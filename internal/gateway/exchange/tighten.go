package exchange

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Tighten is p as a request with those limits may ask it: only these providers (nil: any)
// and at least that privacy, whatever the steps of a chain say.
func Tighten(p provider.Provider, only []string, privacy provider.Privacy) provider.Provider {
	return &tight{p, only, privacy}
}

type tight struct {
	provider.Provider
	only    []string
	privacy provider.Privacy
}

var _ provider.Wrapper = (*tight)(nil)

// Unwrap returns the provider without the limits.
func (t *tight) Unwrap() provider.Provider { return t.Provider }

// Chat asks under the limits.
func (t *tight) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	if t.privacy == provider.PrivacyLocal {
		req.Privacy = t.privacy
	}
	if t.only != nil {
		wanted := req.Use
		if req.Use = t.only; len(wanted) > 0 {
			req.Use = slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return !slices.Contains(t.only, name) })
		}
		if len(req.Use) == 0 {
			err := provider.Errorf(provider.Private, "", "", "a step asks %s, and only %s may answer this request", strings.Join(wanted, ", "), strings.Join(t.only, ", "))
			return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, err) }
		}
	}
	return t.Provider.Chat(ctx, req)
}
