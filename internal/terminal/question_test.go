package terminal

import (
	"context"
	"io"
	"os"
	"testing"
)

// A line is what was typed, and only a choice is read in any case.
func TestLinesKeepTheirCase(t *testing.T) {
	term := &Terminal{In: os.Stdin, InIsTTY: true, Err: io.Discard, ErrIsTTY: true}
	term.Answers = func(context.Context, string) (string, error) { return " Berlin \n", nil }
	if got, err := term.Line(t.Context(), "City? "); got != "Berlin" || err != nil {
		t.Errorf("a line: %q, %v", got, err)
	}
	if got, err := term.Ask(t.Context(), "Which? "); got != "berlin" || err != nil {
		t.Errorf("a choice: %q, %v", got, err)
	}
}
