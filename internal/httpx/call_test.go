package httpx

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		seconds, ms string
		want        time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"1.5", "", 1500 * time.Millisecond},
		{"0", "", 0},
		{"-7", "", 0},
		{"soon", "", 0},
		{"NaN", "", 0},
		{"Inf", "", 24 * time.Hour},
		{"-Inf", "", 0},
		{"1e300", "", 24 * time.Hour},
		{"99999999999999999999", "", 24 * time.Hour},
		{"Tue, 24 Nov 2026 12:00:30 GMT", "", 30 * time.Second},
		{"Tue, 24 Nov 2026 11:00:00 GMT", "", 0},
		{"Tue, 24 Nov 2099 11:00:00 GMT", "", 24 * time.Hour},
		{"", "250", 250 * time.Millisecond},
		{"7", "250", 250 * time.Millisecond}, // the finer one wins
		{"7", "-1", 7 * time.Second},
		{"7", "soon", 7 * time.Second},
		{"7", "NaN", 7 * time.Second},
		{"", "1e300", 24 * time.Hour},
	} {
		h := http.Header{}
		h.Set("Retry-After", tc.seconds)
		h.Set("Retry-After-Ms", tc.ms)
		if got := ParseRetryAfter(h, now); got != tc.want {
			t.Errorf("Retry-After %q, ms %q: %s, want %s", tc.seconds, tc.ms, got, tc.want)
		}
	}
	if got := ParseRetryAfter(nil, now); got != 0 {
		t.Errorf("no header: %s", got)
	}
}

func TestRequestIDIsFoundUnderEitherName(t *testing.T) {
	for _, name := range []string{"X-Request-Id", "Request-Id"} {
		c := &Call{ResponseHeader: http.Header{name: {"req-1"}}}
		if got := c.RequestID(); got != "req-1" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := (&Call{}).RequestID(); got != "" {
		t.Errorf("no answer: %q", got)
	}
}

// edited is the body of a request after c's edit.
func edited(t *testing.T, c *Call, body []byte) ([]byte, error) {
	req, err := http.NewRequest(http.MethodPost, "http://x/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.edit(req); err != nil {
		return nil, err
	}
	out, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	if req.ContentLength != int64(len(out)) {
		t.Errorf("Content-Length %d of %d bytes", req.ContentLength, len(out))
	}
	again, err := req.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := io.ReadAll(again); !bytes.Equal(out, second) {
		t.Errorf("the body is %s, and when sent again %s", out, second)
	}
	return out, nil
}

func TestPrepend(t *testing.T) {
	for _, tc := range []struct{ members, body, want string }{
		{`"t":0,`, `{"a":1}`, `{"t":0,"a":1}`},
		{`"t":0,"s":1,`, `{}`, `{"t":0,"s":1}`},
		{``, `{"a":1}`, `{"a":1}`},
		{`"t":0,`, `[]`, ``},
		{`"t":0,`, ``, ``},
		{`"t":0,`, `"x"`, ``},
	} {
		got, err := edited(t, &Call{Prepend: []byte(tc.members)}, []byte(tc.body))
		if string(got) != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%s into %s: %s, %v", tc.members, tc.body, got, err)
		}
	}
}

func TestHeaderGoesOverTheSDKsAndLeavesItAlone(t *testing.T) {
	req := httptest.NewRequest(http.MethodPost, "http://x/", nil)
	req.Header.Set("A", "sdk")
	sdk := req.Header
	if err := (&Call{Header: http.Header{"A": {"ours"}, "B": {"ours"}}}).edit(req); err != nil {
		t.Fatal(err)
	}
	if req.Header.Get("A") != "ours" || req.Header.Get("B") != "ours" || sdk.Get("A") != "sdk" {
		t.Errorf("sent %v; the SDK's own is %v", req.Header, sdk)
	}
}

// FuzzPrepend: an object that is JSON stays JSON, and gets the member.
func FuzzPrepend(f *testing.F) {
	for _, body := range []string{`{}`, `{"a":{"b":[]}}`, `{ "a" : 1 }`, `{ }`, "{\n}", `[]`, `{`, ``, `{"a":"}"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := edited(t, &Call{Prepend: []byte(`"temperature":0,`)}, body)
		if err != nil || !json.Valid(body) {
			return
		}
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(body, &before); err != nil {
			t.Fatalf("%q was edited, and is no object: %v", body, err)
		}
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, got, err)
		}
		if _, had := before["temperature"]; !had && (string(after["temperature"]) != "0" || len(after) != len(before)+1) {
			t.Errorf("%q became %q", body, got)
		}
	})
}

// A call that carries a prompt tells when it connects and when all of it is sent; one
// that carries none tells nothing.
func TestStagesOfACall(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer server.Close()
	transport := NewTransport(Options{})
	defer transport.CloseIdleConnections()
	told := make(chan Stage, 9)
	post := func(c *Call) []Stage {
		t.Helper()
		ctx := WithStages(t.Context(), func(s Stage) { told <- s })
		req, err := http.NewRequestWithContext(WithCall(ctx, c), http.MethodPost, server.URL, bytes.NewReader([]byte("{}")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		var got []Stage
		for len(told) > 0 {
			got = append(got, <-told)
		}
		return got
	}
	if got := post(&Call{Free: true}); len(got) > 0 {
		t.Errorf("without a prompt: %v", got)
	}
	transport.CloseIdleConnections()
	if got := post(&Call{}); !slices.Equal(got, []Stage{Connecting, Sent}) {
		t.Errorf("with one: %v", got)
	}
	if got := post(&Call{}); !slices.Equal(got, []Stage{Sent}) {
		t.Errorf("over a kept connection: %v", got)
	}
}
