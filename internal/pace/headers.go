package pace

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// budgets are the headers by which servers tell how much is left, and when there
// will be more: OpenAI's, which most others have too, Anthropic's, and the draft of
// the IETF.
var budgets = [...]struct{ left, reset string }{
	{"X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	{"X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
	{"Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"},
	{"Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset"},
	{"X-Ratelimit-Remaining", "X-Ratelimit-Reset"},
	{"Ratelimit-Remaining", "Ratelimit-Reset"},
}

// exhausted is how long a server has nothing left, by its header; 0: it has, or does
// not say.
func exhausted(h http.Header) (wait time.Duration) {
	for _, b := range budgets {
		left, err := strconv.ParseFloat(strings.TrimSpace(h.Get(b.left)), 64)
		if err != nil || left > 0 {
			continue
		}
		wait = max(wait, until(h.Get(b.reset), h.Get("Date")))
	}
	return wait
}

// until is how long a reset is away: written as a duration (6m0s), in seconds, or as
// a time, which is compared with the server's own clock.
func until(reset, date string) time.Duration {
	reset = strings.TrimSpace(reset)
	if d, err := time.ParseDuration(reset); err == nil {
		return d
	}
	now, dateErr := http.ParseTime(date)
	if s, err := strconv.ParseFloat(reset, 64); err == nil {
		switch {
		case s < 0:
			return 0
		case s < 1e8: // seconds from now, not since 1970
			return time.Duration(s * float64(time.Second))
		case dateErr == nil && s < 1e11:
			return time.Unix(int64(s), 0).Sub(now)
		}
		return 0
	}
	if t, err := time.Parse(time.RFC3339, reset); err == nil && dateErr == nil {
		return t.Sub(now)
	}
	return 0
}
