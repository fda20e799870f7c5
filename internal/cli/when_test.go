package cli

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/tandem-llm/tandem/provider"
)

func TestTimeBounds(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 30, 10, 20, 30, 0, berlin) // the day after the clocks changed
	for _, c := range []struct{ text, since, until string }{
		{"now", "2026-03-30T10:20:30+02:00", "2026-03-30T10:20:30+02:00"},
		{"today", "2026-03-30T00:00:00+02:00", "2026-03-31T00:00:00+02:00"},
		{"Today", "2026-03-30T00:00:00+02:00", "2026-03-31T00:00:00+02:00"},
		{"yesterday", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		{"2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		{"2026-03", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"},
		{"2025-12", "2025-12-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00"},
		{"2024-02-29", "2024-02-29T00:00:00+01:00", "2024-03-01T00:00:00+01:00"},
		{"2d", "2026-03-28T10:20:30+01:00", "2026-03-28T10:20:30+01:00"}, // 47 hours ago
		{"1w", "2026-03-23T10:20:30+01:00", "2026-03-23T10:20:30+01:00"},
		{"0d", "2026-03-30T10:20:30+02:00", "2026-03-30T10:20:30+02:00"},
		{"48h", "2026-03-28T09:20:30+01:00", "2026-03-28T09:20:30+01:00"},
		{"1h30m", "2026-03-30T08:50:30+02:00", "2026-03-30T08:50:30+02:00"},
		{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"},
		{"2026-03-01t12:00:00z", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"},
		{"2026-03-01T12:00:00.5-07:00", "2026-03-01T12:00:00-07:00", "2026-03-01T12:00:00-07:00"},
		{"2026-03-01 12:00", "2026-03-01T12:00:00+01:00", "2026-03-01T12:00:00+01:00"},
		{"2026-03-01T12:00:05", "2026-03-01T12:00:05+01:00", "2026-03-01T12:00:05+01:00"},
		{"", "", ""},
		{"soon", "", ""},
		{"d", "", ""},
		{"-1d", "", ""},
		{"-1h", "", ""},
		{"1.5d", "", ""},
		{"7", "", ""},
		{"2026", "", ""},
		{"2026-02-30", "", ""},
		{"29.11.2026", "", ""},
		{"99999d", "", ""},
		{"9223372036854775807d", "", ""},
		{"2026-03-01T25:00:00Z", "", ""},
		{"tomorrow", "", ""},
	} {
		for i, want := range []string{c.since, c.until} {
			got := ""
			if bound, err := timeBound(c.text, now, i == 1); err == nil {
				got = bound.Format(time.RFC3339)
			}
			if got != want {
				t.Errorf("%q, end %v: %q, want %q", c.text, i == 1, got, want)
			}
		}
	}
}

// Every kind of error is a status, and no word that is none.
func TestRunStatuses(t *testing.T) {
	text, err := os.ReadFile("../../provider/error.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`(?m)^\t\w+ +Kind = "(\w+)"`).FindAllSubmatch(text, -1)
	if len(kinds) < 10 || !slices.Contains(runStatuses(), string(provider.Private)) {
		t.Fatalf("%d kinds", len(kinds))
	}
	for _, k := range kinds {
		if !slices.Contains(runStatuses(), string(k[1])) {
			t.Errorf("--status does not take %s", k[1])
		}
	}
	if want := len(kinds) + 6; len(runStatuses()) != want {
		t.Errorf("%d statuses, want %d", len(runStatuses()), want)
	}
}
