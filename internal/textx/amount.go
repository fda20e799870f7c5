package textx

import (
	"fmt"
	"time"
)

// Count is a number and what it counts: "1 row", "2 rows".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Bytes is a size for a reader: "12 bytes", "3 KiB", "640 MiB", "7.4 GiB".
func Bytes(n int64) string {
	switch {
	case n < 1<<10:
		return Count(int(n), "byte")
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+1<<9)>>10)
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", (n+1<<19)>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// Duration is a time for a reader: "350 ms", "1.2 s", "2 min 5 s".
func Duration(d time.Duration) string {
	switch tenths := d.Round(100 * time.Millisecond); {
	case d < 0:
		return "-" + Duration(-d)
	case d == 0:
		return "0 s"
	case d < time.Millisecond:
		return "<1 ms"
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case tenths < time.Minute:
		return fmt.Sprintf("%g s", tenths.Seconds())
	case d.Round(time.Second) < time.Hour:
		return units(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	default:
		return units(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
}

// units is a duration in two units; a rest of none is left out.
func units(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d %s", d/big, bigName)
	if rest := d % big / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return text
}
