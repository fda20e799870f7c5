package gateway

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back once after calls, and not between them.
func TestMemoryIsGivenBackAfterCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var freed atomic.Int64
		s := &spare{free: func() { freed.Add(1) }}
		expect := func(when string, want int64) {
			t.Helper()
			synctest.Wait()
			if n := freed.Load(); n != want {
				t.Errorf("%s: given back %d times, want %d", when, n, want)
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
