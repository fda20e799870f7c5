package exchange

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/provider"
)

// What every dialect does in the same way with requests and replies.

// ReadBody reads and parses a request's body. Errors: those of reading it, and its first
// mistake, a [body.Error].
func ReadBody(r *http.Request) ([]byte, *body.Reader, error) {
	var data bytes.Buffer
	data.Grow(int(min(max(r.ContentLength, 0), mostAnnounced)) + bytes.MinRead) // one more read finds the end
	if _, err := data.ReadFrom(r.Body); err != nil {
		return nil, nil, err
	}
	b := body.Parse(data.Bytes())
	return data.Bytes(), b, b.Err()
}

// mostAnnounced is how many bytes are set aside for a body before any of it has come.
const mostAnnounced = 1 << 20

// Strict reports whether a request wants unknown parameters refused.
func Strict(r *http.Request) bool { return r.Header.Get("X-Tandem-Strict") == "1" }

// SetOption sets an engine's own option of a request.
func SetOption(req *provider.Request, name string, v any) {
	if req.Options == nil {
		req.Options = provider.Options{}
	}
	req.Options[name] = v
}

// WriteJSON writes a reply.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // the client may have left
}

// EventStream is the content type of server-sent events.
const EventStream = "text/event-stream"
