package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Start is how long a program takes from its start to its end.
type Start struct {
	Program string  `json:"program"`
	Wall    float64 `json:"wall_ms"`  // median
	Above   Spread  `json:"above_ms"` // ms more than the program that does nothing, in the same round
}

// startUp runs the programs in turn.
func startUp(ctx context.Context, p Plan, url string) ([]Start, error) {
	state, err := os.MkdirTemp("", "tandem-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(state)
	took := make([][]float64, len(p.Programs))
	for run := -3; run < p.Runs; run++ { // three to warm up
		for i, c := range p.Programs {
			ms, err := runOnce(ctx, url, state, c.Argv)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			if run >= 0 {
				took[i] = append(took[i], ms)
			}
		}
	}
	var starts []Start
	for i, c := range p.Programs {
		starts = append(starts, Start{Program: c.Name, Wall: median(took[i]), Above: spread(subtract(took[i], took[0]))})
	}
	return starts, nil
}

// runOnce runs a program to its end and returns its milliseconds. What it logs
// goes to a directory of its own, not into the user's log.
func runOnce(ctx context.Context, url, state string, argv []string) (float64, error) {
	var said strings.Builder
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+url, "XDG_STATE_HOME="+state)
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return float64(time.Since(start)) / float64(time.Millisecond), nil
}
