package exchange

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/provider"
)

// What every dialect does in the same way with requests and replies.

// ReadBody reads and parses a request's body. Errors: those of reading it, and its first
// mistake, a [body.Error].
func ReadBody(r *http.Request) ([]byte, *body.Reader, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	b := body.Parse(data)
	return data, b, b.Err()
}

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

// WriteEvent writes a server-sent event; name may be empty.
func WriteEvent(w io.Writer, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	out := make([]byte, 0, len(name)+len(data)+20)
	if name != "" {
		out = append(append(append(out, "event: "...), name...), '\n')
	}
	out = append(append(append(out, "data: "...), data...), "\n\n"...)
	_, err = w.Write(out)
	return err
}
