package cli_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/cli"
)

// panicking is a standard output with a bug.
type panicking struct{ text string }

func (p panicking) Write([]byte) (int, error) { panic("no such index: " + p.text) }

func TestAPanicShowsNoKey(t *testing.T) {
	newPerson(t)
	t.Setenv("GATEWAY_TOKEN", "gw&canary-0123456789")
	var errs bytes.Buffer
	code := cli.Main(context.Background(), []string{"version"}, os.Environ(), strings.NewReader(""), panicking{"gw&canary-0123456789"}, &errs)
	if said := errs.String(); code != 1 || strings.Contains(said, "canary") || !strings.Contains(said, "panic: no such index: [redacted]") ||
		!strings.Contains(said, "panic_test.go") || !strings.Contains(said, "this is a bug in tandem") {
		t.Errorf("exit code %d\n%s", code, said)
	}
}
