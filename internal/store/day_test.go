package store

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // the zones are there on every machine

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// A day begins when its date does, wherever the clocks change.
func TestDayStart(t *testing.T) {
	for _, c := range []struct{ zone, date, want string }{
		{"UTC", "2026-11-29", "2026-11-29T00:00:00Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00"},     // clocks change at 02:00
		{"Europe/Berlin", "2026-03-30", "2026-03-30T00:00:00+02:00"},     // after a day of 23 hours
		{"Europe/Berlin", "2026-10-26", "2026-10-26T00:00:00+01:00"},     // after one of 25
		{"Asia/Beirut", "2026-03-29", "2026-03-29T01:00:00+03:00"},       // there is no midnight
		{"Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00"},      // nor here
		{"America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00"},    // there are two: 01:00 is followed by 00:00
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T00:00:00-03:00"}, // 24:00 was followed by 23:00
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"Asia/Kathmandu", "2026-01-01", "2026-01-01T00:00:00+05:45"},
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-05T00:00:00+11:00"}, // half an hour
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},        // a day that was not
		{"Pacific/Kiritimati", "2026-01-01", "2026-01-01T00:00:00+14:00"},
	} {
		loc, err := time.LoadLocation(c.zone)
		must(t, err)
		day, err := time.Parse(time.DateOnly, c.date)
		must(t, err)
		if got := DayStart(day.Year(), day.Month(), day.Day(), loc).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s begins at %s, want %s", c.date, c.zone, got, c.want)
		}
	}
}

// A call counts for the day that the user's calendar had, before and after the
// clocks change, and each call once.
func TestSpentByDay(t *testing.T) {
	for _, c := range []struct{ zone, first, want string }{
		{"UTC", "2026-03-28", "[2026-03-28:24 2026-03-29:24 2026-03-30:24]"},
		{"Europe/Berlin", "2026-03-28", "[2026-03-28:24 2026-03-29:23 2026-03-30:24]"},
		{"Europe/Berlin", "2026-10-24", "[2026-10-24:24 2026-10-25:25 2026-10-26:24]"},
		{"Asia/Beirut", "2026-03-28", "[2026-03-28:24 2026-03-29:23 2026-03-30:24]"},
		{"America/Havana", "2026-10-31", "[2026-10-31:24 2026-11-01:25 2026-11-02:24]"},
		{"Asia/Kathmandu", "2026-10-31", "[2026-10-31:24 2026-11-01:24 2026-11-02:24]"},
		{"Pacific/Apia", "2011-12-29", "[2011-12-29:24 2011-12-31:24]"},
	} {
		loc, err := time.LoadLocation(c.zone)
		must(t, err)
		day, err := time.Parse(time.DateOnly, c.first)
		must(t, err)
		since := DayStart(day.Year(), day.Month(), day.Day(), loc)
		until := DayStart(day.Year(), day.Month(), day.Day()+3, loc)
		w := writer(t)
		calls := []time.Time{since.Add(-time.Millisecond), until}
		for at := since; at.Before(until); at = at.Add(time.Hour) {
			calls = append(calls, at)
		}
		for _, at := range calls {
			w.entry(ledger.Entry{Provider: "p", Model: "m", Began: at, Cost: provider.Cost{USD: provider.Ptr(1.0)}})
		}
		w.Flush()
		days, err := w.store.SpentByDay(t.Context(), since, until, loc)
		got := []string{}
		for _, d := range days {
			if d.USD != float64(d.Calls) {
				t.Errorf("%s: %+v", c.zone, d)
			}
			got = append(got, fmt.Sprintf("%s:%d", d.Day, d.Calls))
		}
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, %v; want %s", c.zone, got, err, c.want)
		}
		models, err := w.store.SpentByModel(t.Context(), since, until)
		total := 0
		for _, d := range days {
			total += d.Calls
		}
		if err != nil || len(models) != 1 || models[0].Calls != total {
			t.Errorf("%s: by model %+v, %v; want %d calls", c.zone, models, err, total)
		}
	}
}
