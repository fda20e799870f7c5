package guard

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Refusal is why a request did not reach its handler.
type Refusal struct {
	Status  int    // of HTTP
	Code    string // one of the codes below
	Message string // what is wrong and what to do; nothing of a key or a body is in it
	// RetryAfter is when the same request may pass; 0: never as it is. The header is
	// set already.
	RetryAfter time.Duration
	Err        error // for the server's log only; nil: the message says it all
}

// The codes of refusals.
const (
	CodeWrongHost      = "wrong_host"           // 421
	CodeCrossSite      = "cross_site"           // 403
	CodeNoKey          = "missing_key"          // 401
	CodeWrongKey       = "invalid_key"          // 401
	CodeKeysUnreadable = "keys_unreadable"      // 503
	CodeRate           = "rate_limited"         // 429
	CodeTooBusy        = "too_busy"             // 429
	CodeWrongType      = "unsupported_type"     // 415
	CodeWrongEncoding  = "unsupported_encoding" // 415
	CodeTooLarge       = "request_too_large"    // 413
	CodeTooSlow        = "request_timeout"      // 408
	CodeBadBody        = "invalid_body"         // 400
	CodeBadPath        = "invalid_path"         // 400
)

func refusef(status int, code, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// retryAfter is the header's whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// writeRefusal writes a refusal as a plain JSON object.
func writeRefusal(w http.ResponseWriter, _ *http.Request, refusal Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may have left
		"error": map[string]string{"code": refusal.Code, "message": refusal.Message},
	})
}
