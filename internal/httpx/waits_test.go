package httpx

import (
	"io"
	"slices"
	"testing"
)

// pieces is a body that comes in pieces, and notes when the next one is asked for.
type pieces struct {
	left []string
	note func(string)
}

func (p *pieces) Read(data []byte) (int, error) {
	if len(p.left) == 0 {
		p.note("end")
		return 0, io.EOF
	}
	p.note("read")
	n := copy(data, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

func (*pieces) Close() error { return nil }

// Before more of an answer is waited for, and not between pieces that came together, it is
// said that all that came was passed on.
func TestItIsSaidBeforeMoreIsWaitedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		body   []string
		events func(*Call, io.ReadCloser) Events
	}{
		"events": {[]string{"data: {\"a\":1}\n\ndata: {\"a\":2}\n\nda", "ta: {\"a\":3}\n\n"}, func(c *Call, b io.ReadCloser) Events { return newSSEReader(c, b, 1<<10) }},
		"lines":  {[]string{"{\"a\":1}\n{\"a\":2}\n{\"a\"", ":3}\n"}, func(c *Call, b io.ReadCloser) Events { return newLineReader(c, b, 1<<10) }},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			note := func(what string) { got = append(got, what) }
			c := &Call{}
			WithCall(WithWaits(t.Context(), func() { note("waits") }), c)
			events := tc.events(c, &pieces{tc.body, note})
			for {
				data, err := events.Next()
				if err != nil {
					break
				}
				note(string(data))
			}
			want := []string{"waits", "read", `{"a":1}`, `{"a":2}`, "waits", "read", `{"a":3}`, "waits", "end"}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}
