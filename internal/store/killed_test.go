package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// longAnswer has pieces of its own, and says where it begins and ends.
func longAnswer(n int) string {
	return fmt.Sprintf("begin %d ", n) + strings.Repeat("x", 3*pieceSize/2) + fmt.Sprintf(" end %d", n)
}

// logForever is a process that logs calls until it is killed. It says how many
// are committed.
func logForever(w *Writer) error {
	p := &providertest.Fake{ProviderName: "p"}
	l := NewLog(p, LogConfig{Writer: w, Content: true})
	for n := 0; ; n++ {
		p.Answers = []providertest.Answer{providertest.Text(longAnswer(n))}
		w.entry(ledger.Entry{Run: fmt.Sprint(n), Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(1.0)}})
		if _, err := provider.Collect(l.Chat(context.Background(), question(fmt.Sprint(n)))); err != nil {
			return err
		}
		if n%2 == 0 { // every other one is killed with others under way
			w.Flush()
			fmt.Println(n)
		}
	}
}

// After kill -9 at any moment the file opens, what was committed is there and
// whole, and so is everything else that is there.
func TestAKilledProcessLeavesWholeRuns(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	dir, least := t.TempDir(), 0
	for range 5 {
		cmd := exec.CommandContext(t.Context(), self, "as-process", "log-forever", dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines, n := bufio.NewScanner(out), 0
		for until := 1 + rand.IntN(4); n < until && lines.Scan(); n++ {
			least++
		}
		time.Sleep(time.Duration(rand.IntN(10_000)) * time.Microsecond) // somewhere in what follows
		must(t, cmd.Process.Kill())
		for lines.Scan() {
			least++
		}
		_ = cmd.Wait() // it was killed
		if n == 0 {
			t.Fatal("it said nothing")
		}
		s := New(dir)
		runs, err := linesOf(t, s, Filter{})
		if err != nil || len(runs) < least {
			t.Fatalf("%d runs, %v; at least %d were committed", len(runs), err, least)
		}
		for _, line := range runs {
			r, err := s.Run(t.Context(), line.ID)
			must(t, err)
			for _, c := range r.Calls {
				var n int
				if _, err := fmt.Sscanf(c.Asked.Messages[0].Text, "%d", &n); err != nil || c.Answer != longAnswer(n) {
					t.Errorf("run %s has an answer of %d bytes to %q", line.ID, len(c.Answer), c.Asked.Messages[0].Text)
				}
			}
		}
		spent, err := s.Spent(t.Context(), time.Time{})
		if err != nil || len(spent) != 1 || spent[0].Calls < len(runs) {
			t.Errorf("%d runs, and %+v, %v", len(runs), spent, err)
		}
		must(t, s.Close())
	}
}
