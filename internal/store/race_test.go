package store

import (
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// Fifty processes find no file and write at once: none is turned away, and
// nothing is lost.
func TestManyProcessesLogAtOnce(t *testing.T) {
	dir := t.TempDir()
	processes(t, raceProcess, "log", dir)
	s := New(dir)
	defer s.Close()
	runs, err := linesOf(t, s, Filter{})
	if err != nil || len(runs) != 4*raceProcess {
		t.Fatalf("%d runs are in the log, %v; want %d", len(runs), err, 4*raceProcess)
	}
	found, err := linesOf(t, s, Filter{Words: "Process FROM"})
	if err != nil || len(found) != 4*raceProcess {
		t.Errorf("%d runs were found, %v; want %d", len(found), err, 4*raceProcess)
	}
}

// Fifty processes spend from one budget, each with more than its share to do:
// they never pass it, and what they settled gives back what they did not need.
func TestManyProcessesKeepOneBudget(t *testing.T) {
	t.Run("of all", func(t *testing.T) { keepOneBudget(t, "spend") })
	t.Run("of a key", func(t *testing.T) { keepOneBudget(t, "spend-with-a-key") })
}

func keepOneBudget(t *testing.T, what string) {
	dir := t.TempDir()
	paid, spenders := 0.0, 0
	for _, out := range processes(t, raceProcess, what, dir) {
		one := parseFloat(t, strings.TrimSpace(out))
		paid += one
		if one > 0 {
			spenders++
		}
	}
	if paid > raceLimit+1e-9 {
		t.Errorf("$%.4f was paid from a budget of $%.4f", paid, raceLimit)
	}
	if paid < raceLimit-raceCan {
		t.Errorf("$%.4f was paid; another call of $%.4f at most had room in $%.4f", paid, raceCan, raceLimit)
	}
	if spenders < 2 {
		t.Errorf("%d processes spent; they did not race", spenders)
	}
	s := New(dir)
	defer s.Close()
	spent, err := s.Spent(t.Context(), Midnight())
	if err != nil || len(spent) != 1 || nano(spent[0].USD) != nano(paid) {
		t.Errorf("the file says %+v, %v; the processes paid $%.4f", spent, err, paid)
	}
}

// What a process reserved that died counts until its lease is over.
func TestReservationOfADeadProcess(t *testing.T) {
	dir := t.TempDir()
	if err := died(t, dir); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(New(dir))
	defer w.Close()
	b := NewBook(w, Limits{PerDay: provider.Ptr(raceLimit)})
	hold := ledger.Reservation{Provider: "paid", Model: "m", USD: raceCan}
	if _, err := b.Reserve(t.Context(), hold); err == nil {
		t.Error("the dead process's reservation did not count")
	}
	b.now = func() time.Time { return time.Now().Add(lease + time.Second) }
	if _, err := b.Reserve(t.Context(), hold); err != nil {
		t.Errorf("after its lease: %v", err)
	}
}
