//go:build unix

package attack

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/testnodes"
)

// TestNodesLoseNothing has nodes run batches while one fault after another meets them: no
// row is lost or has two results, the order and the budget are kept, and no more calls are
// made twice than are reported. `make chaos` does so for half an hour.
func TestNodesLoseNothing(t *testing.T) {
	const clusters = 3 // beside each other: most of the time is waiting
	r := random(t)
	n := len(testnodes.Faults(r, nil))
	for i := range clusters {
		choices := rand.New(rand.NewPCG(r.Uint64(), 0))
		t.Run("", func(t *testing.T) {
			t.Parallel()
			f, err := testnodes.New(t.Context(), testnodes.Config{Program: program, Dir: t.TempDir(), Nodes: 3, Slots: 2, Delay: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			faults := testnodes.Faults(choices, func() time.Duration { return 0 })
			for at := i; at < n; at += clusters {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				got := f.Round(ctx, 40, 5+choices.IntN(20), faults[at])
				cancel()
				for _, p := range got.Problems {
					t.Error(p)
				}
				t.Logf("%s: %d rows in %v, recovered after %v, %d calls made twice, %d reported", got.Fault, got.Rows, got.Took.Round(time.Millisecond), got.Recovered, got.Again, got.Told)
			}
		})
	}
}
