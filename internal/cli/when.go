package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/store"
)

// period is what --since and --until say.
type period struct{ since, until string }

func (p *period) register(f *pflag.FlagSet, what string) {
	f.StringVar(&p.since, "since", "", "only "+what+" from this `time` on: 2026-11-29, today, 7d, 12h or RFC 3339")
	f.StringVar(&p.until, "until", "", "only "+what+" before this `time`; a date includes that day")
}

func (p *period) given() bool { return p.since != "" || p.until != "" }

// times are the period's bounds, the second exclusive; a zero time is none.
// Errors: usageError.
func (p *period) times(now time.Time) (since, until time.Time, err error) {
	for _, bound := range []struct {
		flag, text string
		time       *time.Time
		end        bool
	}{{"--since", p.since, &since, false}, {"--until", p.until, &until, true}} {
		if bound.text == "" {
			continue
		}
		if *bound.time, err = timeBound(bound.text, now, bound.end); err != nil {
			return since, until, usageError{fmt.Errorf("%s %s: %w", bound.flag, diag.Quote(bound.text), err)}
		}
	}
	if p.since != "" && p.until != "" && !since.Before(until) {
		return since, until, usageError{fmt.Errorf("--since %s is not before --until %s", p.since, p.until)}
	}
	return since, until, nil
}

var errNoTime = errors.New("expected a date such as 2026-11-29, today, yesterday, a time ago such as 7d or 12h, or RFC 3339 such as 2026-11-29T14:00:00+01:00")

// timeBound reads a bound: in now's time zone unless it names one. Where a day or
// a month is named, it is its begin, or with end the begin of the next.
func timeBound(text string, now time.Time, end bool) (time.Time, error) {
	text = strings.TrimSpace(text)
	after := 0
	if end {
		after = 1
	}
	date := func(y int, m time.Month, d int) time.Time { return store.DayStart(y, m, d, now.Location()) }
	y, m, d := now.Date()
	switch strings.ToLower(text) {
	case "now":
		return now, nil
	case "today":
		return date(y, m, d+after), nil
	case "yesterday":
		return date(y, m, d-1+after), nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return date(t.Year(), t.Month(), t.Day()+after), nil
	}
	if t, err := time.Parse("2006-01", text); err == nil {
		return date(t.Year(), t.Month()+time.Month(after), 1), nil
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(strings.Replace(text, " ", "T", 1))); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, ok := ago(text, now); ok {
		return t, nil
	}
	return time.Time{}, errNoTime
}

// ago is so long before now. Days and weeks are the calendar's: at the same time
// of day, whatever the clocks did.
func ago(text string, now time.Time) (time.Time, bool) {
	for unit, n := range map[string]int{"d": 1, "w": 7} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			days, err := strconv.Atoi(number)
			return now.AddDate(0, 0, -n*days), err == nil && days >= 0 && days < 36500
		}
	}
	d, err := time.ParseDuration(text)
	return now.Add(-d), err == nil && d >= 0
}

// periodText says which period that is, with its time zone.
func periodText(since, until time.Time) string {
	at := func(t time.Time, none string) string {
		if t.IsZero() {
			return none
		}
		return t.Local().Format("2006-01-02 15:04 MST")
	}
	return fmt.Sprintf("from %s to %s", cmp.Or(at(since, ""), "the first call"), at(until, "now"))
}
