package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/stack"
)

// The page lists what there is, and the page and the alerts name nothing else.
func TestMetricsPage(t *testing.T) {
	s := gatewaytest.Stack(t, gatewaytest.NewEngine(t), "ok")
	m := New(Config{
		Stack: func() *stack.Stack { return s }, Live: func() []exchange.Call { return nil }, Waiting: func(string) int { return 0 }, Ready: func() bool { return true },
		Batches: func() (running, waiting int) { return 0, 0 },
	})
	read := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	page := read("../../../docs/metrics.md")
	var known []string
	for _, f := range m.families() {
		known = append(append(known, f.name), f.labels...)
		if !strings.Contains(page, "\n| `"+f.name+"` | "+string(f.kind)+" | ") {
			t.Errorf("docs/metrics.md has no row for the %s %s", f.kind, f.name)
		}
		if len(f.labels) > mostLabels {
			t.Errorf("%s has %d labels", f.name, len(f.labels))
		}
	}
	for _, text := range []string{page, read("../../../packaging/prometheus/tandem.rules.yml")} {
		for _, name := range regexp.MustCompile(`\b(?:tandem|gen_ai|process|go)_[a-z_]*[a-z]`).FindAllString(text, -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !slices.Contains(known, name) && !slices.Contains(known, base) {
				t.Errorf("there is no %s", name)
			}
		}
	}
}
