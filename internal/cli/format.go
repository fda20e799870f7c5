package cli

import (
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
)

// bytesText is a size for a reader; "" for none.
func bytesText(n int64) string {
	if n <= 0 {
		return ""
	}
	return textx.Bytes(n)
}

// firstRunes is at most n letters of a text.
func firstRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// count is a number and what it counts.
func count(n int, what string) string { return textx.Count(n, what) }

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// short is a duration for a reader, such as "350 ms", "1.2 s" or "2 min 5 s".
func short(d time.Duration) string { return textx.Duration(d) }
