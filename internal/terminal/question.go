package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// Interactive reports whether somebody can be asked: who answers at a terminal
// sees there what is asked. A pipe answers nothing.
func (t *Terminal) Interactive() bool { return t.InIsTTY && t.ErrIsTTY }

// Confirm asks a yes-or-no question. Only "y" or "yes" is yes; without a
// terminal, at its end or after a Ctrl-C the answer is no.
func (t *Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	answer, err := t.Ask(ctx, question+" [y/N] ")
	return answer == "y" || answer == "yes", err
}

// Ask is the one way to ask for something that is then allowed. What it is about
// has been shown. It returns the answer in lower case, "" without one, and with one
// that is longer than an answer. Errors: those of ctx.
func (t *Terminal) Ask(ctx context.Context, question string) (string, error) {
	answer, err := t.line(ctx, question, 100)
	if errors.Is(err, io.EOF) || errors.Is(err, ErrNotAsked) {
		return "", nil
	}
	return strings.ToLower(answer), err
}

// ErrNotAsked says that nobody could be asked.
var ErrNotAsked = errors.New("there is no terminal to ask at")

// Line asks for a line, and returns it without the white space around it. What was
// typed before the question stood there is no answer to it, and is dropped. Errors:
// io.EOF at the input's end, [ErrNotAsked], and those of ctx.
func (t *Terminal) Line(ctx context.Context, question string) (string, error) {
	const most = 64 << 10 // more than a terminal passes on in one line
	return t.line(ctx, question, most)
}

// line is Line for at most so many bytes.
func (t *Terminal) line(ctx context.Context, question string, most int) (string, error) {
	file, ok := t.In.(*os.File)
	if !ok || !t.Interactive() {
		return "", ErrNotAsked
	}
	t.keys.mu.Lock()
	defer t.keys.mu.Unlock()
	if ctx.Err() != nil {
		return "", ctx.Err() // it ended while another question was open
	}
	t.ask(true)
	defer t.ask(false)
	if t.Answers != nil {
		answer, err := t.Answers(ctx, question)
		return strings.TrimSpace(answer), err
	}
	if err := chatui.DropTyped(file); err != nil {
		t.Noticef("not asked, because earlier input cannot be discarded: %s", err)
		return "", ErrNotAsked
	}
	t.keys.drop()
	fmt.Fprint(t.Err, question)
	answer, err := t.keys.line(ctx, file, most)
	if err != nil {
		t.Noticef("")
	}
	return strings.TrimSpace(answer), err
}

// keyboard reads lines at a terminal, byte by byte, so that nothing after a line
// is taken. A read that a cancelled question leaves is the next one's.
type keyboard struct {
	mu   sync.Mutex
	next chan typed // of the read under way; nil: there is none
}

type typed struct {
	b  byte
	ok bool
}

// drop drops what a read that was left has brought.
func (k *keyboard) drop() {
	select {
	case <-k.next:
		k.next = nil
	default:
	}
}

// line reads a line; one with more than most bytes is "". Errors: io.EOF where the
// input ends first, and those of ctx.
func (k *keyboard) line(ctx context.Context, in io.Reader, most int) (string, error) {
	var b []byte
	for {
		if k.next == nil {
			next := make(chan typed, 1)
			k.next = next
			go func() {
				one := make([]byte, 1)
				n, _ := in.Read(one) // an error is the end
				next <- typed{one[0], n == 1}
			}()
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case key := <-k.next:
			k.next = nil
			switch {
			case !key.ok:
				return "", io.EOF
			case key.b != '\n' && key.b != '\r':
				if len(b) <= most {
					b = append(b, key.b)
				}
			case len(b) > most:
				return "", nil
			default:
				return string(b), nil
			}
		}
	}
}
