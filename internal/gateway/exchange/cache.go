package exchange

import (
	"context"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/provider/cache"
)

// cacheUse is what the header X-Tandem-Cache leaves the cache. Its values are those of
// HTTP's Cache-Control: no-cache has the question asked again, and no-store has its answer
// not kept either. No value has anything kept that the configuration does not keep.
func cacheUse(h http.Header) (cache.Use, error) {
	use := cache.Full
	for v := range strings.SplitSeq(strings.Join(h.Values("X-Tandem-Cache"), ","), ",") {
		switch v = strings.ToLower(strings.TrimSpace(v)); v {
		case "":
		case "no-cache":
			use = max(use, cache.Refresh)
		case "no-store":
			use = cache.Off
		default:
			return use, Refuse("x-tandem-cache", "x-tandem-cache has to be no-cache or no-store, not "+Brief(oneLine(v)))
		}
	}
	return use, nil
}

// WithCache is ctx with what a request forbids the cache.
func WithCache(ctx context.Context, h http.Header) context.Context {
	use, err := cacheUse(h)
	if err != nil || use == cache.Full {
		return ctx
	}
	return cache.WithUse(ctx, use)
}
