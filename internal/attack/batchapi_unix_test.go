//go:build unix

package attack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/testbatch"
)

// TestAKilledBatchAPIBatchSendsNothingTwice kills `tandem batch --batch-api` and `tandem
// batch resume` with SIGKILL at random moments until the batch has finished. No row is sent
// twice, lost or doubled, and nothing of it stays at the provider.
func TestAKilledBatchAPIBatchSendsNothingTwice(t *testing.T) {
	const rows = 40
	r := random(t)
	kills := 0
	for kills < tries(12, 200) {
		server := testbatch.New(testbatch.Manner{Shuffled: true})
		h := newHome(t, fmt.Sprintf("use: s\nlog: off\nproviders:\n  - {name: s, kind: openai, base_url: \"%s/v1\", model: m, api_key: env:TANDEM_ATTACK_KEY, price: {input: 1, output: 2}}\n", server.URL))
		rowFile(t, h, "b", rows)
		for tried := 0; ; tried++ {
			args := next(t, h, "b")
			if args == nil {
				break
			}
			if args[1] == "c.yaml" {
				args = append(slices.Delete(args, 6, 8), "--batch-api") // instead of -j 4
			}
			if tried == 300 {
				t.Fatal("the batch does not come to its end")
			}
			o := killed(t, h, time.Duration(20+r.IntN(400))*time.Millisecond, args...)
			if o.crashed() || o.code > 0 {
				t.Fatalf("%v: exit code %d, %s", args, o.code, o.stderr)
			}
			if o.code == -1 {
				kills++
			}
		}
		if err := answersOf(h, "b", rows); err != nil {
			t.Error(err)
		}
		for prompt, n := range server.Asked() {
			if n != 1 {
				t.Errorf("%q was accepted %d times", prompt, n)
			}
		}
		if n := server.Files(); n != 0 {
			t.Errorf("%d files are left at the provider", n)
		}
		server.Close()
	}
	t.Logf("%d kills", kills)
}
