//go:build unix

package attack

import (
	"fmt"
	"testing"
	"time"
)

// TestAKilledBatchLosesNothing kills `tandem batch` and `tandem batch resume` with
// SIGKILL at random moments until the batch has finished, and begins another one. No
// row is lost or doubled, the order is kept, and no more calls are repeated than were
// under way.
func TestAKilledBatchLosesNothing(t *testing.T) {
	const rows, atOnce = 80, 4
	r := random(t)
	server := newRowServer(t)
	h := newHome(t, server.config())
	kills, batches, repeated, most := 0, 0, 0, 0
	for kills < tries(25, 500) {
		batches++
		name := fmt.Sprintf("b%d", batches)
		rowFile(t, h, name, rows)
		before := server.total()
		for tried := 0; ; tried++ {
			args := next(t, h, name)
			if args == nil {
				break
			}
			if tried == 300 {
				t.Fatalf("the batch %s does not come to its end", name)
			}
			o := killed(t, h, time.Duration(r.IntN(140))*time.Millisecond, args...)
			if o.crashed() || o.code > 0 {
				t.Fatalf("%v: exit code %d, %s", args, o.code, o.stderr)
			}
			if o.code == -1 {
				kills++
			}
		}
		if err := answersOf(h, name, rows); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again := server.total() - before - rows
		repeated += again
		most = max(most, again)
	}
	if bound := kills * 2 * atOnce; repeated > bound {
		t.Errorf("%d calls were repeated after %d kills, of at most %d under way", repeated, kills, bound)
	}
	if where := h.leaked(t, outcome{}); where != nil {
		t.Errorf("the key stands in %v", where)
	}
	t.Logf("%d kills of %d batches of %d rows: %d calls repeated, %.2f a kill, at most %d in a batch", kills, batches, rows, repeated, float64(repeated)/float64(kills), most)
}
