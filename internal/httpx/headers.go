package httpx

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// CheckHeader returns what is wrong with headers that are to be sent with each
// call, or nil. It shows no value.
func CheckHeader(h http.Header) error {
	for name, values := range h {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !isToken(name):
			return fmt.Errorf("%q cannot be the name of a header", name)
		case slices.Contains([]string{
			"Host", "Content-Length", "Content-Type", "Content-Encoding", "Accept-Encoding", "Transfer-Encoding", "Expect",
			"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Upgrade",
		}, canonical):
			return fmt.Errorf("the header %s is set by the program itself", canonical)
		case slices.ContainsFunc(values, func(v string) bool {
			return strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		}):
			return fmt.Errorf("the header %s has control characters in its value", canonical)
		}
	}
	return nil
}

// isToken reports whether s is a token of HTTP (RFC 9110, 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}
