// Package terminal is a process's three streams, and decides what reaches a
// terminal. Data goes to standard output, everything else to standard error. A
// terminal gets nothing that does something to it or hides what it shows but our
// own colours (screen.go); a pipe gets all byte for byte. A key that the process
// knows is in no line and in no error; an answer that holds one is the user's own
// and stays. Colours and progress bars are for terminals; the variable NO_COLOR or
// `--color never` turns colours off.
package terminal

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/tandem-llm/tandem/internal/redact"
)

// Terminal is the process's three streams, and what is known of them.
type Terminal struct {
	In io.Reader
	// Out and Err filter what they are given where they are terminals.
	Out, Err io.Writer
	// InPiped: standard input is a file or a pipe, so there may be data.
	InPiped                     bool
	InIsTTY, OutIsTTY, ErrIsTTY bool
	Color                       bool
	Secrets                     redact.Redactor // removed from all lines and errors that are shown
	// Answers, if not nil, shows a question and reads its answer, in place of who
	// reads the keyboard line by line. It drops what was typed before.
	Answers func(ctx context.Context, question string) (string, error)

	mark     string   // stands for ESC in what is painted for a screen
	out, err *os.File // below Out and Err, where they are terminals

	mu     sync.Mutex // of the lines written to Err
	status status

	keys keyboard // the answers to questions
}

// New returns the terminal of these streams, without colours; nil stands for no
// standard input.
func New(in io.Reader, out, err io.Writer) *Terminal {
	t := &Terminal{In: in, Out: out, Err: err, mark: newMark()}
	t.InIsTTY, t.OutIsTTY, t.ErrIsTTY = isTTY(in), isTTY(out), isTTY(err)
	t.out, _ = out.(*os.File)
	t.err, _ = err.(*os.File)
	t.Out, t.Err = t.stream(out, t.OutIsTTY), t.stream(err, t.ErrIsTTY)
	switch f := in.(type) {
	case nil:
	case *os.File:
		if st, e := f.Stat(); e == nil {
			t.InPiped = st.Mode()&os.ModeCharDevice == 0
		}
	default:
		t.InPiped = true
	}
	return t
}

// stream is where what goes to w is written.
func (t *Terminal) stream(w io.Writer, tty bool) io.Writer {
	if f, ok := w.(*os.File); ok && tty {
		return &screen{file: f, mark: []byte(t.mark)}
	}
	return &unmarked{w: w, mark: []byte(t.mark)}
}

func isTTY(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// SetColor decides on colours: mode is auto, always or never; noColor says that
// the variable NO_COLOR is set, termName is the variable TERM.
func (t *Terminal) SetColor(mode string, noColor bool, termName string) error {
	t.status.dumb = termName == "dumb"
	switch mode {
	case "always":
		t.Color = true
	case "never":
		t.Color = false
	case "auto":
		t.Color = t.ErrIsTTY && !noColor && termName != "dumb"
	default:
		return fmt.Errorf("--color %q: expected auto, always or never", mode)
	}
	return nil
}

// Paint gives a text the colour of an SGR code, such as 31, where colours are on.
func (t *Terminal) Paint(code, s string) string {
	if !t.Color || s == "" {
		return s
	}
	return t.mark + "[" + code + "m" + s + t.mark + "[0m"
}

// Direct is painted text for a writer that [Raw] returned.
func (t *Terminal) Direct(painted string) string { return strings.ReplaceAll(painted, t.mark, "\x1b") }

// Dim is a text that is less bright where colours are on.
func (t *Terminal) Dim(s string) string { return t.Paint("2", s) }

// Bold is a text that is bold where colours are on.
func (t *Terminal) Bold(s string) string { return t.Paint("1", s) }

// Red is a text that is red where colours are on.
func (t *Terminal) Red(s string) string { return t.Paint("31", s) }

// Green is a text that is green where colours are on.
func (t *Terminal) Green(s string) string { return t.Paint("32", s) }

// Yellow is a text that is yellow where colours are on.
func (t *Terminal) Yellow(s string) string { return t.Paint("33", s) }

// Noticef writes a message to standard error, without secrets. A terminal gets its
// lines broken between words.
func (t *Terminal) Noticef(format string, args ...any) {
	t.notice(fmt.Sprintf(format, args...), t.ErrWidth())
}

// Verbatimf is [Terminal.Noticef] for what is copied, such as a command: its lines
// are not broken.
func (t *Terminal) Verbatimf(format string, args ...any) { t.notice(fmt.Sprintf(format, args...), 0) }

func (t *Terminal) notice(text string, width int) {
	text = t.wrap(t.Secrets.Text(text), width)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.eraseStatus()
	fmt.Fprintln(t.Err, text)
}

// Subjectf writes one line of what the user is about to be asked about. It is
// whole but for secrets that are known, and says so where there is one: what
// merely looks like a key may be what decides.
func (t *Terminal) Subjectf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.eraseStatus()
	text := fmt.Sprintf(format, args...)
	shown := t.Secrets.Told(text)
	fmt.Fprintln(t.Err, shown)
	if shown != text {
		fmt.Fprintln(t.Err, "  "+redact.Mask+" above is one of your keys, or part of one")
	}
}

// ModelWriter returns where a model's text goes: through a [Sanitizer] when w is
// a terminal, and unchanged otherwise.
func (t *Terminal) ModelWriter(w io.Writer, tty bool) io.StringWriter {
	if tty {
		return &Sanitizer{w: w}
	}
	return unbuffered{w}
}

// Thoughts returns a writer for what a model thinks, which is shown on standard
// error: without secrets. A word is shown when it is complete.
func (t *Terminal) Thoughts(w io.StringWriter) io.StringWriter { return t.Secrets.Stream(w) }

type unbuffered struct{ io.Writer }

func (u unbuffered) WriteString(s string) (int, error) { return io.WriteString(u.Writer, s) }
