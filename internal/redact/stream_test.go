package redact

import (
	"strings"
	"testing"
)

// A secret that comes in pieces of any size is not passed on, and nothing else
// is missing once the line ends.
func TestStream(t *testing.T) {
	for _, secret := range []string{"sk-canary-A1b2C3d4A1b2C3d4", "correct horse battery 42", "pässwörd-1", `pa"ss'wo\rd/12%34`} {
		r := &Redactor{}
		r.Add(secret, "password1234")
		for _, text := range []string{"It is " + secret + ", and the password.\n", secret + "\n\n", "one\n" + secret + " " + secret + "\n", "我们" + secret + "好的\n"} {
			for _, size := range []int{1, 3, 7, len(secret), 100_000} {
				var out strings.Builder
				s := r.Stream(&out)
				for rest := text; rest != ""; {
					n := min(size, len(rest))
					if _, err := s.WriteString(rest[:n]); err != nil {
						t.Fatal(err)
					}
					rest = rest[n:]
				}
				if want := strings.ReplaceAll(text, secret, Mask); out.String() != want {
					t.Errorf("in pieces of %d: %.80q, want %.80q", size, out.String(), want)
				}
			}
		}
	}
	var out strings.Builder
	s := (&Redactor{}).Stream(&out)
	_, _ = s.WriteString("one two thr")
	_, _ = s.WriteString("ee 我们")
	if out.String() != "one two three 我们" {
		t.Errorf("%q: whole words are shown as they come", out.String())
	}
	r := &Redactor{}
	r.Add("sk-canary-A1b2C3d4A1b2C3d4")
	out.Reset()
	s = r.Stream(&out)
	for _, c := range strings.Repeat("x", mostWaiting-9) + "sk-canary-A1b2C3d4A1b2C3d4\n" {
		_, _ = s.WriteString(string(c))
	}
	if strings.Contains(out.String(), "sk-canar") || strings.Contains(out.String(), "A1b2C3d4") {
		t.Errorf("%q", out.String()[mostWaiting-20:])
	}
}
