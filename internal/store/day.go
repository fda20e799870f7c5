package store

import (
	"sort"
	"time"
)

// DayStart is the first moment of a date in a time zone, also where the clocks
// change at midnight and no 00:00 is, or two are. Months and days count on as in
// time.Date: the 0th of a month is the last of the month before.
func DayStart(year int, month time.Month, day int, loc *time.Location) time.Time {
	noon := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	want := noon.Format(time.DateOnly)
	from := noon.Add(-38 * time.Hour) // no time zone is further from UTC
	n := sort.Search(76*60*60, func(i int) bool {
		return from.Add(time.Duration(i)*time.Second).In(loc).Format(time.DateOnly) >= want
	})
	return from.Add(time.Duration(n) * time.Second).In(loc)
}

// Midnight is when today began, local time: where the budget's day begins.
func Midnight() time.Time { return midnight(time.Now()) }

// midnight is when the day of t began, in the time zone of t.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return DayStart(y, m, d, t.Location())
}
