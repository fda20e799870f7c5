package apierror_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/apierror"
)

// TestNestedBodiesTakeTimeInProportion: each member of an error body is looked at
// once, however many reasons its name gives to do so.
func TestNestedBodiesTakeTimeInProportion(t *testing.T) {
	took := func(depth int) float64 {
		const open = `{"my_message_detail_error_reason_fault_exception_cause":`
		body := []byte(strings.Repeat(open, depth) + "1" + strings.Repeat("}", depth))
		return testing.AllocsPerRun(1, func() { apierror.Parse(body) })
	}
	if few, many := took(2), took(8); many > 8*few {
		t.Errorf("four times the depth took %v allocations, not %v", many, few)
	}
}
