//go:build unix

package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/terminal"
)

// Standard input that was copied has no name: a process that is killed leaves none of
// it. It can be read again and again.
func TestCopiedStandardInputHasNoName(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	a := &app{term: terminal.New(strings.NewReader("{\"a\": 1}\n"), io.Discard, io.Discard)}
	s, err := a.spool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if left, err := os.ReadDir(filepath.Join(a.stateDir(), "batches")); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	for range 2 {
		r, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || string(data) != "{\"a\": 1}\n" || s.size != 9 || s.name != "stdin.jsonl" {
			t.Errorf("%q of %+v, %v", data, s, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
