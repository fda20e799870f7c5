package chatui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Input is a terminal's keyboard, in raw mode: every key is a byte or a few. It
// reads ahead, so that an answer can be interrupted ([Input.Watch]) and what is
// typed meanwhile is not lost. Make one with [NewInput].
type Input struct {
	pieces chan piece
	gone   chan struct{}
	buf    []byte
	since  time.Time // what was typed before is meant no more
	err    error     // of the reader; set before pieces is closed
}

// piece is what one read brought, and when.
type piece struct {
	data []byte
	at   time.Time
}

// add adds a piece to what is there, and reports whether it was meant.
func (in *Input) add(p piece) bool {
	if p.at.Before(in.since) {
		return false
	}
	in.buf = append(in.buf, p.data...)
	return len(p.data) > 0
}

// NewInput reads from r until Close, or the end. A read under way when Close
// comes ends with the process, or with r.
func NewInput(r io.Reader) *Input {
	in := &Input{pieces: make(chan piece), gone: make(chan struct{})}
	go in.read(r)
	return in
}

func (in *Input) read(r io.Reader) {
	defer close(in.pieces)
	for {
		p := make([]byte, 4096)
		n, err := r.Read(p)
		if n > 0 {
			select {
			case in.pieces <- piece{p[:n], time.Now()}:
			case <-in.gone:
				return
			}
		}
		if err != nil {
			in.err = err
			return
		}
	}
}

// Close stops reading.
func (in *Input) Close() { close(in.gone) }

const (
	ctrlC    = 0x03
	esc      = 0x1b
	pasteEnd = "\x1b[201~"
)

// Watch calls interrupted for each Ctrl-C that is typed until stop is called.
// Everything else is kept for the next key. An Enter that was typed before a
// Ctrl-C sends nothing any more: it begins a line.
func (in *Input) Watch(interrupted func()) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	before := 0 // how much of buf was typed before the last Ctrl-C
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case p, ok := <-in.pieces:
				if !ok {
					return
				}
				for {
					at := bytes.IndexByte(p.data, ctrlC)
					if at < 0 {
						break
					}
					in.add(piece{p.data[:at], p.at})
					p.data = p.data[at+1:]
					before = len(in.buf)
					interrupted()
				}
				in.add(p)
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		in.buf = append(unsent(in.buf[:before], before == len(in.buf)), in.buf[before:]...)
	}
}

// unsent are keys without any that sends: Enter begins a line, and none at all
// where it is the last key of all.
func unsent(keys []byte, all bool) []byte {
	var out []byte
	for len(keys) > 0 {
		n := 1
		switch keys[0] {
		case '\r':
			if !all || len(bytes.TrimLeft(keys, "\r")) > 0 {
				out = append(out, '\n')
			}
			keys = keys[1:]
			continue
		case esc:
			var name string
			if name, n = sequence(keys); name == "paste-begin" {
				n = bytes.Index(keys, []byte(pasteEnd)) + len(pasteEnd)
				if n < len(pasteEnd) { // its end comes later
					n = len(keys)
				}
			}
			if n == 0 { // so does the key's
				n = len(keys)
			}
		}
		out, keys = append(out, keys[:n]...), keys[n:]
	}
	return out
}

// waiting reports whether keys are there already.
func (in *Input) waiting() bool {
	if len(in.buf) > 0 {
		return true
	}
	select {
	case p, ok := <-in.pieces:
		return ok && in.add(p)
	default:
		return false
	}
}

// fill waits for bytes, at most so long; 0: for ever. It reports whether there
// are any.
func (in *Input) fill(ctx context.Context, most time.Duration) (bool, error) {
	var late <-chan time.Time
	if most > 0 {
		t := time.NewTimer(most)
		defer t.Stop()
		late = t.C
	}
	for {
		select {
		case p, ok := <-in.pieces:
			if !ok {
				return false, in.err
			}
			if in.add(p) {
				return true, nil
			}
		case <-late:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// key is one key: a name such as "left" or "ctrl-a", or text that was typed or
// pasted.
type key struct {
	name string
	text string // if name is "" or "paste"
}

// escape is how long the rest of a key that begins with ESC may take.
const escape = 50 * time.Millisecond

// next waits for a key.
func (in *Input) next(ctx context.Context) (key, error) {
	if len(in.buf) == 0 {
		if _, err := in.fill(ctx, 0); err != nil {
			return key{}, err
		}
	}
	c := in.buf[0]
	switch {
	case c == esc:
		return in.escaped(ctx)
	case c < 0x20 || c == 0x7f:
		in.buf = in.buf[1:]
		return key{name: control(c)}, nil
	}
	for !utf8.FullRune(in.buf) {
		if ok, err := in.fill(ctx, escape); err != nil || !ok {
			break
		}
	}
	r, n := utf8.DecodeRune(in.buf)
	in.buf = in.buf[n:]
	if r == utf8.RuneError && n <= 1 || !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
		return key{name: "none"}, nil
	}
	return key{text: string(r)}, nil
}

func control(c byte) string {
	switch c {
	case '\r':
		return "enter"
	case '\t':
		return "tab"
	case 0x7f, 0x08:
		return "backspace"
	}
	return "ctrl-" + string(rune(c|0x60))
}

// escaped reads a key that begins with ESC.
func (in *Input) escaped(ctx context.Context) (key, error) {
	for {
		name, n := sequence(in.buf)
		switch {
		case name == "paste-begin":
			in.buf = in.buf[n:]
			return in.pasted(ctx)
		case n > 0:
			in.buf = in.buf[n:]
			return key{name: name}, nil
		}
		ok, err := in.fill(ctx, escape)
		if err != nil {
			return key{}, err
		}
		if !ok { // the key Esc itself, or a sequence that never ends
			in.buf = in.buf[:0]
			return key{name: "esc"}, nil
		}
	}
}

// sequence names the key that b begins with, and how many bytes it is; 0: more
// must come.
func sequence(b []byte) (name string, n int) {
	if len(b) < 2 {
		return "", 0
	}
	if b[1] != '[' && b[1] != 'O' {
		return altName(b[1]), 2
	}
	for n = 2; n < len(b); n++ {
		if b[n] >= 0x40 && b[n] <= 0x7e {
			return csiName(string(b[2 : n+1])), n + 1
		}
	}
	return "", 0
}

const (
	// mostPaste is how many bytes of a paste are kept.
	mostPaste = 16 << 20
	// pasteSilence is how long nothing comes of a paste that has lost its end: what is
	// typed then is meant as keys. It is long, for in a slow paste an Enter would send.
	pasteSilence = 5 * time.Second
)

// pasted reads to the end of a bracketed paste. What is more than is kept is dropped.
func (in *Input) pasted(ctx context.Context) (key, error) {
	var text []byte
	seen := 0 // how much of buf has no end in it
	for {
		if at := bytes.Index(in.buf[seen:], []byte(pasteEnd)); at >= 0 {
			text = append(text, in.buf[:seen+at]...)
			in.buf = in.buf[seen+at+len(pasteEnd):]
			break
		}
		if seen = max(len(in.buf)-len(pasteEnd)+1, 0); len(text)+seen > mostPaste {
			keep := max(mostPaste-len(text), 0)
			text = append(text, in.buf[:min(keep, seen)]...)
			in.buf, seen = append(in.buf[:0], in.buf[seen:]...), 0
		}
		ok, err := in.fill(ctx, pasteSilence)
		if err != nil {
			return key{}, err
		}
		if !ok { // the terminal has lost it
			text = append(text, in.buf...)
			in.buf = in.buf[:0]
			break
		}
	}
	return key{name: "paste", text: clean(string(text[:min(len(text), mostPaste)]))}, nil
}

// clean is a pasted text with lines that end as ours do, and nothing that
// moves a cursor.
func clean(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
