package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Fifty commands at once spend from one budget. Each costs $1.30, and could
// cost $4: they never pass $10, which two at once do not, and those that had no
// room were not sent.
func TestManyCommandsKeepOneBudget(t *testing.T) {
	const commands, each, limit = 50, 1.3, 10.0
	f := newFake()
	defer f.Close()
	dir := t.TempDir()
	cfg := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
use: paid
budget: {per_day_usd: %v}
providers: [{name: paid, kind: openai, base_url: "%s/ok/v1", model: big, price: {input: 100000, output: 200000}}]
`, limit, f.URL)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	codes := make([]int, commands)
	var wg sync.WaitGroup
	for i := range commands {
		wg.Go(func() {
			var out bytes.Buffer
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Args = []string{"tandem", "--config", cfg, "ask", "--max-tokens", "3", "hi"}
			cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "HOME="+dir)
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				codes[i] = exit.ExitCode()
			} else if err != nil {
				t.Error(err)
			}
			if codes[i] != 0 && codes[i] != 6 {
				t.Errorf("exit code %d: %s", codes[i], out.String())
			}
		})
	}
	wg.Wait()
	answered := 0
	for _, code := range codes {
		if code == 0 {
			answered++
		}
	}
	if spent := float64(answered) * each; spent > limit || answered < 2 {
		t.Errorf("%d calls were answered, $%.2f spent of $%v", answered, spent, limit)
	}
	if hits := int(f.hits.Load()); hits != answered {
		t.Errorf("%d calls were sent, and %d answered", hits, answered)
	}
}
