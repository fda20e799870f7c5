package httpx

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/headers"
)

// CheckHeader returns what is wrong with headers that are to be sent with each
// call, or nil. It shows no value.
func CheckHeader(h http.Header) error {
	for name, values := range h {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !headers.IsName(name):
			return fmt.Errorf("%q cannot be the name of a header", name)
		case headers.Reserved(name):
			return fmt.Errorf("the header %s is set by the program itself", canonical)
		case slices.ContainsFunc(values, func(v string) bool {
			return strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		}):
			return fmt.Errorf("the header %s has control characters in its value", canonical)
		}
	}
	return nil
}
