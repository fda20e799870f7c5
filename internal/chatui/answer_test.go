package chatui

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// Only what is typed after a question was shown answers it.
func TestAnswer(t *testing.T) {
	for _, c := range []struct{ typed, want, shown string }{
		{"y\r", "y", "y\r\n"},
		{"yex\x7fs\r", "yes", "yex\b \bs\r\n"},
		{"\x7f\x7fn\n", "n", "n\r\n"},
		{"\x1b[200~y\r\x1b[201~\r", "", "\r\n"}, // a paste answers nothing
		{"\x1b[Ay\r", "y", "y\r\n"},
		{"ye\x04", "", "ye\r\n"},
		{"y" + strings.Repeat(" ", 200) + "\r", "", ""},
		{"ja\u202e\r", "ja\u202e", "ja\\u202e\r\n"},
	} {
		in := NewInput(strings.NewReader(c.typed))
		var shown bytes.Buffer
		got, err := in.Answer(t.Context(), &shown, time.Time{})
		in.Close()
		if got != c.want || err != nil || c.shown != "" && shown.String() != c.shown {
			t.Errorf("%q: %q (%v), shown as %q", c.typed, got, err, shown.String())
		}
	}
	r, w := io.Pipe()
	in := NewInput(r)
	defer in.Close()
	if _, err := w.Write([]byte("y\r")); err != nil { // it has been read, and waits to be fetched
		t.Fatal(err)
	}
	shown := time.Now().Add(time.Hour)
	go func() { _ = w.CloseWithError(io.EOF) }()
	if got, err := in.Answer(t.Context(), io.Discard, shown); got != "" || err != nil {
		t.Errorf("what was typed before answers: %q, %v", got, err)
	}
	in = NewInput(strings.NewReader("y\x03"))
	defer in.Close()
	if _, err := in.Answer(t.Context(), io.Discard, time.Time{}); !errors.Is(err, ErrInterrupted) {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// What Tab lists fits the terminal, and does nothing to it.
func TestChoices(t *testing.T) {
	var many []string
	for i := range 500 {
		many = append(many, "/file src/name"+strings.Repeat("x", i%30)+"\x1b]0;\x07")
	}
	for _, width := range []int{20, 40, 80, 120} {
		for _, found := range [][]string{many, {"/file src/a.go", "/file src/b.go"}, {"/file ", "/fill"}} {
			rows := choices(found, width)
			for _, row := range rows {
				if Width(row) > width || strings.ContainsAny(row, "\x1b\x07") {
					t.Errorf("%d columns: %q", width, row)
				}
			}
			if len(rows) > mostChoices {
				t.Errorf("%d rows", len(rows))
			}
		}
	}
	if got := choices([]string{"/file src/a.go", "/file src/b.go"}, 80); got[0] != "a.go  b.go" {
		t.Errorf("%q", got)
	}
	if got := choices([]string{"/model ", "/models"}, 80); got[0] != "/model   /models" {
		t.Errorf("%q", got)
	}
}
