// Package headers knows which HTTP headers a user may have sent.
package headers

import (
	"net/http"
	"strings"
)

// IsName reports whether s can be the name of a header: a token of HTTP
// (RFC 9110, 5.6.2).
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// Reserved reports whether the program sets that header itself: it frames the
// message, or is for one connection only. Names are the same in any case.
func Reserved(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Content-Type", "Content-Encoding", "Accept-Encoding", "Transfer-Encoding", "Expect",
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Upgrade":
		return true
	}
	return false
}
