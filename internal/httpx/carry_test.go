package httpx

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// A carrier's answer is checked as one from the network is, and nothing leaves.
func TestACarrierMakesTheCall(t *testing.T) {
	broken := errors.New("lost")
	for name, tc := range map[string]struct {
		options Options
		local   bool // the call may not leave this machine
		status  int
		body    string
		err     error
		want    error // nil: the body comes as it is
	}{
		"an answer":     {status: 200, body: `{"a":1}`},
		"cut off":       {status: 200, body: `{"a":`, want: io.ErrUnexpectedEOF},
		"a web page":    {status: 200, body: `<html>`, want: &NotAPIError{}},
		"its own error": {err: broken, want: broken},
		"offline":       {options: Options{Policy: Policy{Offline: true}}, want: provider.Offline},
		"must stay":     {local: true, want: provider.Private},
		"local only":    {options: Options{Policy: Policy{LocalOnly: true}}, want: provider.Private},
	} {
		carried := false
		ctx := WithCarrier(t.Context(), func(req *http.Request) (*http.Response, error) {
			carried = true
			if tc.err != nil {
				return nil, tc.err
			}
			return &http.Response{StatusCode: tc.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(tc.body)), ContentLength: -1, Request: req}, nil
		})
		c := &Call{LocalOnly: tc.local}
		got, err := get(t, ctx, tc.options, c, "http://no.such.host.invalid/")
		var page *NotAPIError
		switch {
		case tc.want == nil && (err != nil || got != tc.body || c.Status != tc.status):
			t.Errorf("%s: %q, %v", name, got, err)
		case errors.As(tc.want, &page) && errors.As(err, &page):
		case tc.want != nil && !errors.Is(err, tc.want):
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
		if refused := provider.KindOf(err) != ""; carried == refused {
			t.Errorf("%s: carried %v, with %v", name, carried, err)
		}
		if c.Local || c.Sent() {
			t.Errorf("%s: it counts as sent, or as local", name)
		}
	}
}

// A file comes as it is, whatever its form and size.
func TestAFileIsPassedOn(t *testing.T) {
	text := strings.Repeat("{\"a\":1}\n", 10) + "no JSON"
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	if got, err := get(t, t.Context(), Options{MaxAnswer: 8}, &Call{Dialect: Raw}, s.URL); err != nil || got != text {
		t.Errorf("%q, %v", got, err)
	}
	s = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	if got, err := get(t, t.Context(), Options{}, &Call{Dialect: Raw}, s.URL); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", got, err)
	}
}
