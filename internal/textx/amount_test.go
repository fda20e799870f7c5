package textx

import (
	"testing"
	"time"
)

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0, "row"), "0 rows"},
		{Count(1, "row"), "1 row"},
		{Count(2, "row"), "2 rows"},
		{Bytes(0), "0 bytes"},
		{Bytes(1), "1 byte"},
		{Bytes(1023), "1023 bytes"},
		{Bytes(1 << 10), "1 KiB"},
		{Bytes(1800 << 10), "2 MiB"},
		{Bytes(7945689498), "7.4 GiB"},
		{Duration(0), "0 s"},
		{Duration(time.Microsecond), "<1 ms"},
		{Duration(349600 * time.Microsecond), "350 ms"},
		{Duration(999700 * time.Microsecond), "1 s"},
		{Duration(1249 * time.Millisecond), "1.2 s"},
		{Duration(59960 * time.Millisecond), "1 min"},
		{Duration(125 * time.Second), "2 min 5 s"},
		{Duration(3*time.Hour + 29*time.Minute + 40*time.Second), "3 h 30 min"},
		{Duration(-2 * time.Second), "-2 s"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
