package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/tandem-llm/tandem/internal/redact"
)

// Output rules. Data goes to standard output, everything else to standard
// error. A terminal gets nothing that does something to it or hides what it
// shows but our own colours (screen.go); a pipe gets all byte for byte. A key
// that the process knows is in no line and in no error; an answer that holds one
// is the user's own and stays. Colours and progress bars are for terminals; the
// variable NO_COLOR or `--color never` turns colours off.

// terminal is the process's three streams, and what is known of them.
type terminal struct {
	in io.Reader
	// out and err are a *screen each where they are terminals.
	out, err io.Writer
	// inPiped: standard input is a file or a pipe, so there may be data.
	inPiped          bool
	outIsTTY, errTTY bool
	inIsTTY          bool
	color            bool
	mark             string // stands for ESC in what is painted for a screen

	secrets redact.Redactor // taken out of all lines and errors that are shown

	mu     sync.Mutex // of what is written to err as lines
	stands bool       // a status stands in the last line

	keys keyboard // what is answered to questions
}

func newTerminal(in io.Reader, out, err io.Writer) *terminal {
	t := &terminal{in: in, out: out, err: err, mark: newMark()}
	t.inIsTTY, t.outIsTTY, t.errTTY = isTTY(in), isTTY(out), isTTY(err)
	t.out, t.err = t.stream(out, t.outIsTTY), t.stream(err, t.errTTY)
	switch f := in.(type) {
	case nil:
	case *os.File:
		if st, e := f.Stat(); e == nil {
			t.inPiped = st.Mode()&os.ModeCharDevice == 0
		}
	default:
		t.inPiped = true
	}
	return t
}

// stream is where what goes to w is written.
func (t *terminal) stream(w io.Writer, tty bool) io.Writer {
	if f, ok := w.(*os.File); ok && tty {
		return &screen{file: f, mark: []byte(t.mark)}
	}
	return &unmarked{w: w, mark: []byte(t.mark)}
}

func isTTY(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// setColor decides on colours: mode is auto, always or never.
func (t *terminal) setColor(mode string, noColor bool, termName string) error {
	switch mode {
	case "always":
		t.color = true
	case "never":
		t.color = false
	case "auto":
		t.color = t.errTTY && !noColor && termName != "dumb"
	default:
		return usageError{fmt.Errorf("--color %q: expected auto, always or never", mode)}
	}
	return nil
}

func (t *terminal) paint(code, s string) string {
	if !t.color || s == "" {
		return s
	}
	return t.mark + "[" + code + "m" + s + t.mark + "[0m"
}

// direct is painted text for a writer that is ours.
func (t *terminal) direct(painted string) string { return strings.ReplaceAll(painted, t.mark, "\x1b") }

func (t *terminal) dim(s string) string    { return t.paint("2", s) }
func (t *terminal) bold(s string) string   { return t.paint("1", s) }
func (t *terminal) red(s string) string    { return t.paint("31", s) }
func (t *terminal) green(s string) string  { return t.paint("32", s) }
func (t *terminal) yellow(s string) string { return t.paint("33", s) }

// note writes one line to standard error, without secrets.
func (t *terminal) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	fmt.Fprintln(t.err, t.secrets.Text(fmt.Sprintf(format, args...)))
}

// status shows how far something is, in place of the status before, until the
// next note. It is for terminals; "" shows none.
func (t *terminal) status(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wipe(); text != "" && t.errTTY {
		fmt.Fprint(t.err, t.secrets.Text(text))
		t.stands = true
	}
}

// eraseLine empties the terminal's line.
const eraseLine = "\r\x1b[K"

func (t *terminal) wipe() {
	if t.stands {
		fmt.Fprint(ours(t.err), eraseLine)
		t.stands = false
	}
}

// modelWriter returns where a model's words go: through a sanitizer when w is
// a terminal, and as they are otherwise.
func (t *terminal) modelWriter(w io.Writer, tty bool) io.StringWriter {
	if tty {
		return &sanitizer{w: w}
	}
	return unbuffered{w}
}

type unbuffered struct{ io.Writer }

func (u unbuffered) WriteString(s string) (int, error) { return io.WriteString(u.Writer, s) }
