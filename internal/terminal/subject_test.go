package terminal

import (
	"bytes"
	"strings"
	"testing"
)

// Who is asked sees what decides: what merely looks like a key, or like a
// password in a URL, is shown. A key that is known is not, and that is said.
func TestWhatIsAskedAboutIsShownWhole(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"p":"sk-aaaaaaaaaaaaaaaaaaaaaaaa"}`, `{"p":"sk-aaaaaaaaaaaaaaaaaaaaaaaa"}` + "\n"},
		{"https://trusted.example:x@evil.example/", "https://trusted.example:x@evil.example/\n"},
		{"send known-key-0123456789 away", "send [redacted] away\n  [redacted] above is one of your keys, or part of one\n"},
	} {
		var out bytes.Buffer
		term := New(strings.NewReader(""), &out, &out)
		term.Secrets.Add("known-key-0123456789")
		term.Subjectf("%s", c.text)
		if out.String() != c.want {
			t.Errorf("%q is shown as %q, want %q", c.text, out.String(), c.want)
		}
	}
}
