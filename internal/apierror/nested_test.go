package apierror_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/apierror"
)

// TestNestedBodiesTakeTimeInProportion: each member of an error body is looked at
// once, however many reasons its name gives to do so.
func TestNestedBodiesTakeTimeInProportion(t *testing.T) {
	for _, open := range []string{`{"my_message_detail_error_reason_fault_exception_cause":`, `{"x":`, `{"errors":`, `{"error":[`} {
		checkNested(t, open)
	}
}

func checkNested(t *testing.T, open string) {
	t.Helper()
	closed := "}"
	if strings.HasSuffix(open, "[") {
		closed = "]}"
	}
	took := func(depth int) float64 {
		body := []byte(strings.Repeat(open, depth) + "1" + strings.Repeat(closed, depth))
		return testing.AllocsPerRun(1, func() { apierror.Parse(body) })
	}
	if few, many := took(2), took(8); many > 8*few {
		t.Errorf("%s: four times the depth took %v allocations, not %v", open, many, few)
	}
}
