package guard

import (
	"mime"
	"net/http"
	"time"
)

// writer is the answer's. Each piece has to be taken within a time of its own, so that
// a client that does not read is cut, and a stream may last for ever.
type writer struct {
	http.ResponseWriter
	control  *http.ResponseController
	timeout  time.Duration
	renewed  time.Time
	bodyRead bool
	status   int
	bytes    int64
}

// piece is the most bytes that have to be taken within one time.
const piece = 64 << 10

func newWriter(plain http.ResponseWriter, timeout time.Duration) *writer {
	w := &writer{ResponseWriter: plain, control: http.NewResponseController(plain), timeout: timeout}
	w.renew()
	return w
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// renew begins the time of the next piece. A fraction of it may have passed: setting
// a deadline has its price.
func (w *writer) renew() {
	now := time.Now()
	if now.Sub(w.renewed) < w.timeout/16 {
		return
	}
	w.renewed = now
	_ = w.control.SetWriteDeadline(now.Add(w.timeout))
}

// WriteHeader sends the status.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		document(w.Header())
	}
	w.renew()
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a piece of the answer.
func (w *writer) Write(data []byte) (written int, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	for {
		w.renew()
		n, err := w.ResponseWriter.Write(data[written:min(len(data), written+piece)])
		written += n
		w.bytes += int64(n)
		if err != nil || written == len(data) {
			return written, err
		}
	}
}

// Flush sends what was buffered.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is Flush, for [http.ResponseController].
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.renew()
	return w.control.Flush()
}

// code is the status that was sent.
func (w *writer) code() int {
	if w.status == 0 {
		return http.StatusOK // net/http sends it for a handler that wrote nothing
	}
	return w.status
}

// secure sets what every answer has: no browser guesses its type, embeds it in
// another site's page, or keeps it.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // files of the UI replace it
}

// policy is what a page of ours may do: nothing but load its own files and ask its own
// server. Nothing within the page runs, whatever a model wrote into it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// document sets what an answer needs that a browser may show as a page: any but JSON
// and streams.
func document(h http.Header) {
	switch kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")); kind {
	case "application/json", "application/x-ndjson", "text/event-stream":
		return
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}
