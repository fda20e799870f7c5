package chatui

import (
	"context"
	"errors"
	"io"
	"time"
	"unicode/utf8"
)

// longestAnswer is the most letters that an answer to a question has.
const longestAnswer = 100

// Answer reads a line that answers a question which was shown at that time, and
// shows it as it is typed. What was typed before is dropped, and so is what is
// pasted: neither is meant as an answer. An answer that is too long, or a Ctrl-D, is
// "". Errors: [ErrInterrupted] for Ctrl-C, the reader's, and ctx's own.
func (in *Input) Answer(ctx context.Context, out io.Writer, shown time.Time) (string, error) {
	in.buf, in.since = in.buf[:0], shown
	show := func(text string) { _, _ = io.WriteString(out, text) } // a terminal that is gone shows itself at the next key
	var text []rune
	for {
		k, err := in.next(ctx)
		if err != nil {
			show("\r\n")
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return "", err
		}
		switch k.name {
		case "":
			r, _ := utf8.DecodeRuneInString(k.text)
			if len(text) <= longestAnswer {
				text = append(text, r)
				show(Visible(k.text))
			}
		case "backspace":
			if n := len(text); n > 0 {
				back := Width(Visible(string(text[n-1:])))
				for range back {
					show("\b \b")
				}
				text = text[:n-1]
			}
		case "enter", "ctrl-j":
			show("\r\n")
			if len(text) > longestAnswer {
				return "", nil
			}
			return string(text), nil
		case "ctrl-d":
			show("\r\n")
			return "", nil
		case "ctrl-c":
			show("^C\r\n")
			return "", ErrInterrupted
		}
	}
}
