package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// LongChunks is how many chunks the answer below /long/v1 has.
const LongChunks = 100_000

// Long is what a program takes for an answer of [LongChunks] chunks.
type Long struct {
	Program string  `json:"program"`
	Wall    float64 `json:"wall_ms"` // median
	Ratio   Spread  `json:"ratio"`   // to the first program in the same round
}

// longAnswers has `ask` and `run` of the program tandem read a long answer, in
// turn.
func longAnswers(ctx context.Context, p Plan, url string) ([]Long, error) {
	dir, err := os.MkdirTemp("", "tandem-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	chain := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(chain, []byte("prompt: "+streamPrompt+"\n"), 0o600); err != nil {
		return nil, err
	}
	tandem := p.Tandem
	programs := []Command{
		{"tandem ask", append(tandem[:len(tandem):len(tandem)], "ask", streamPrompt)},
		{"tandem run", append(tandem[:len(tandem):len(tandem)], "run", chain)},
	}
	url = strings.TrimSuffix(url, "/v1") + "/long/v1"
	took := make([][]float64, len(programs))
	for run := -1; run < p.Runs/4; run++ { // one to warm up
		for i, c := range programs {
			ms, err := runOnce(ctx, url, dir, c.Argv)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			if run >= 0 {
				took[i] = append(took[i], ms)
			}
		}
	}
	var out []Long
	for i, c := range programs {
		out = append(out, Long{Program: c.Name, Wall: median(took[i]), Ratio: spread(divide(took[i], took[0]))})
	}
	return out, nil
}
