package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back once after calls, and not between them.
func TestMemoryIsGivenBackAfterCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := 0
		s := &spare{free: func() { freed++ }}
		expect := func(when string, want int) {
			t.Helper()
			if synctest.Wait(); freed != want {
				t.Errorf("%s: given back %d times, want %d", when, freed, want)
			}
		}
		for range 100 {
			s.callEnded()
			time.Sleep(quiet / 3)
		}
		expect("under load", 0)
		time.Sleep(2 * quiet)
		expect("after it", 1)
		time.Sleep(time.Hour)
		expect("an hour later", 1)
		s.callEnded()
		time.Sleep(2 * quiet)
		expect("after another call", 2)
	})
}
