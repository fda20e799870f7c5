package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/chatui"
)

// The line of a batch fits the terminal, and says what matters most in any width.
func TestTheLineOfABatchFits(t *testing.T) {
	began := time.Unix(0, 0)
	v := &batchView{now: batch.Status{Total: 50_000, Done: 11_990, Failed: 10}, recent: []recent{{at: began}}}
	var outcomes []batch.Outcome
	for range 90 {
		outcomes = append(outcomes, batch.Outcome{Reply: batch.Reply{Tally: batch.Tally{Provider: "local", Output: 20, USD: 0.01, Saved: 0.02}}})
	}
	v.add(append(outcomes, batch.Outcome{Fate: batch.Failed}, batch.Outcome{Fate: batch.Again}, batch.Outcome{Fate: batch.Unasked}))
	full := "· 12091/50000 rows · ETA 1 h 9 min · 11 failed · 9.1 rows/s · 180 tokens/s · local · $0.90, saved $1.80"
	if got := v.line(began.Add(10*time.Second), 0); got != full {
		t.Errorf("%q, want %q", got, full)
	}
	v.now.Kind = "compare"
	if got := v.line(began.Add(10*time.Second), 0); !strings.HasPrefix(got, "· 12091/50000 runs · ") || !strings.Contains(got, " runs/s · ") {
		t.Errorf("of a comparison: %q", got)
	}
	v.now.Kind = "batch"
	for _, width := range []int{20, 39, 79, 119} {
		line := v.line(began.Add(10*time.Second), width)
		if chatui.Width(line) > width || !strings.HasPrefix(line, "· 12091/50000 rows") {
			t.Errorf("in %d columns: %q", width, line)
		}
		if width >= 39 && !strings.Contains(line, "ETA 1 h 9 min") || width >= 79 && !strings.Contains(line, "9.1 rows/s") {
			t.Errorf("in %d columns: %q", width, line)
		}
	}
}

func TestDeadlines(t *testing.T) {
	now := time.Date(2026, 11, 29, 22, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "8h": 8 * time.Hour, "90m": 90 * time.Minute, "23:30": 90 * time.Minute, "07:30": 9*time.Hour + 30*time.Minute, "22:00": 24 * time.Hour,
		"2026-11-30T07:30": 9*time.Hour + 30*time.Minute, "2026-11-30T07:30:00Z": 9*time.Hour + 30*time.Minute,
		"2026-11-28T07:30": -1, "yesterday": -1, "-3h": -1, "25:00": -1,
	} {
		in := workInput{deadline: text}
		if got, err := in.left(now); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
