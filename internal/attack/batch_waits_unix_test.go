//go:build unix

package attack

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// waitsOf is what `tandem batch status` says of waiting.
func waitsOf(t *testing.T, h *home) (s struct {
	State   string
	Done    int
	Waits   int           `json:"interactive_waits"`
	Waited  time.Duration `json:"interactive_wait_ns"`
	Waiting bool          `json:"waiting_for_interactive"`
},
) {
	t.Helper()
	o := h.run(t, "batch", "status", "--json")
	if err := json.Unmarshal([]byte(o.stdout), &s); err != nil || o.code != 0 {
		t.Fatalf("exit code %d, %v, %s", o.code, err, o.stderr)
	}
	return s
}

// TestAnInteractiveCallGoesBeforeABatch has `tandem ask` and `tandem batch` ask the same
// server. While the interactive call runs, the batch starts no other one, and says so.
// When that process is killed, the batch goes on.
func TestAnInteractiveCallGoesBeforeABatch(t *testing.T) {
	const rows = 60
	server := newRowServer(t)
	h := newHome(t, server.config())
	rowFile(t, h, "b", rows)
	// The batch's fifth row and those after it are answered when `tandem ask` has asked,
	// which gets no answer.
	asked, holding := make(chan struct{}), make(chan struct{})
	var once, first sync.Once
	server.mu.Lock()
	server.called = func(r *http.Request, calls, judged int) {
		interactive := false
		if judged > 0 {
			first.Do(func() { interactive = true })
		}
		switch {
		case interactive:
			close(asked)
			<-r.Context().Done()
		case calls >= 5:
			once.Do(func() { close(holding) })
			select {
			case <-asked:
			case <-r.Context().Done():
			}
		}
	}
	server.mu.Unlock()
	b := startProcess(t, h, holding, next(t, h, "b")...)
	ask := startProcess(t, h, asked, "ask", "Rubric: is it me?") // the server counts it as a judge's
	for !waitsOf(t, h).Waiting {
		if t.Context().Err() != nil {
			t.Fatal("the batch does not say that it waits")
		}
	}
	before := server.total()
	if o := h.run(t, "batch", "status"); !strings.Contains(o.stdout, "waiting for interactive calls") {
		t.Errorf("%s", o.stdout)
	}
	if s := waitsOf(t, h); s.State != "running" || s.Done >= rows || server.total() != before {
		t.Errorf("while another process asks: %+v, %d calls and then %d", s, before, server.total())
	}
	if err := ask.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ask.wait()
	b.wait()
	if code := b.cmd.ProcessState.ExitCode(); code != 0 || !strings.Contains(b.errs.String(), "· waited once for interactive calls, ") {
		t.Errorf("exit code %d, %s", code, b.errs)
	}
	if s := waitsOf(t, h); s.Waits != 1 || s.Waited <= 0 || s.Waiting || s.State != "finished" {
		t.Errorf("%+v", s)
	}
	if err := answersOf(h, "b", rows); err != nil || server.total() != rows {
		t.Errorf("%v, %d calls", err, server.total())
	}
}
