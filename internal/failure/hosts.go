package failure

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Hosts is why no host of a provider answered: the cause inside the provider's error.
type Hosts struct {
	Attempts []provider.Attempt // every host considered; those that were asked last, in order
	Errs     []error            // one for each
}

// Error lists every host with its reason, on one line.
func (h *Hosts) Error() string {
	parts := make([]string, len(h.Attempts))
	for i, a := range h.Attempts {
		parts[i] = fmt.Sprintf("%s: %s", a.Host, a.Reason)
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns the errors of the attempts, in order.
func (h *Hosts) Unwrap() []error { return h.Errs }
