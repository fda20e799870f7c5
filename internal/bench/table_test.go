package bench

import (
	"strings"
	"testing"
)

func TestAReportInMarkdown(t *testing.T) {
	r := &Report{
		Rows:    []Row{{Work: "a chain", Who: "floor"}, {Work: "a chain", Who: "tandem"}},
		StartUp: []Start{{Program: "hello world"}},
		Aims:    []Aim{{What: "a chain", Value: 1.2, Most: 1.1, Unit: "×"}},
	}
	var out strings.Builder
	if err := r.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n\n| work | who | wall | ratio | CPU ratio | allocations | ratio | bytes |\n|---|---|---|---|---|---|---|---|\n| a chain | floor | 0 ns |",
		"\n|  | tandem | 0 ns |",
		"\n\n| program, start to end | wall | above the first (least–most) |\n|---|---|---|\n| hello world | 0.0 ms |",
		"\n\nThe aims:\n\n- MISSED  a chain: 1.2×, aim at most 1.1×\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
}
