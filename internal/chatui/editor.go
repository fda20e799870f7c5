package chatui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Editor reads messages from a terminal in raw mode. The zero value of what is
// optional is usable. Close it in the end.
type Editor struct {
	In  *Input
	Out io.Writer
	// Size is the terminal's, in columns and rows. Nil, or not known: 80 by 24.
	Size func() (width, height int)
	// History is what Up and Ctrl-R look through. Nil: there is none.
	History *History
	// Complete returns what a line may be completed to by Tab. Optional.
	Complete func(line string) []string
	// Whole reports whether Enter sends text; else it begins a new line. Nil:
	// it always sends.
	Whole func(text string) bool
	// Suspend is what Ctrl-Z does; it returns when the process goes on. Optional.
	Suspend func()
	// Paint makes a prompt look like one. It must not change its width.
	Paint func(string) string

	line
	drawing
	prompt, more string
	past         int // how far back in the history the line is; 0: it is new
	fresh        string
}

// ErrInterrupted is a Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// Read reads one message. prompt stands before its first line, more before the
// others. Errors: [ErrInterrupted] for Ctrl-C in an empty message (in another it
// empties it), io.EOF for Ctrl-D in an empty one and at the input's end, and
// ctx's own.
func (e *Editor) Read(ctx context.Context, prompt, more string) (string, error) {
	e.set("")
	e.prompt, e.more, e.past, e.row = prompt, more, 0, 0
	e.writeTerminal(pasteMarks) // and between messages too, for what is pasted meanwhile
	e.show()
	for {
		k, err := e.In.next(ctx)
		if err != nil {
			e.finishLine()
			return "", err
		}
		if done, err := e.handleKey(ctx, k); done || err != nil {
			e.at = len(e.text)
			e.show()
			e.finishLine()
			return e.text, err
		}
		if !e.In.waiting() {
			e.show()
		}
	}
}

// The marks that a terminal puts around what is pasted, and an end of them.
const (
	pasteMarks   = "\x1b[?2004h"
	noPasteMarks = "\x1b[?2004l"
)

// Close leaves the terminal as it was found.
func (e *Editor) Close() { e.writeTerminal(noPasteMarks) }

// handleKey does what a key says, and reports whether the message is done.
func (e *Editor) handleKey(ctx context.Context, k key) (done bool, err error) {
	switch k.name {
	case "", "paste":
		e.insert(k.text)
	case "enter":
		return e.enter(), nil
	case "ctrl-c":
		if e.text == "" {
			return false, ErrInterrupted
		}
		e.at = len(e.text)
		e.show()
		e.writeTerminal("^C")
		e.finishLine()
		e.set("")
		e.past = 0
	case "ctrl-d":
		if e.text == "" {
			return false, io.EOF
		}
		e.edit("delete")
	case "up", "ctrl-p":
		if k.name == "ctrl-p" || !e.vertical(-1) {
			e.recall(e.past + 1)
		}
	case "down", "ctrl-n":
		if k.name == "ctrl-n" || !e.vertical(1) {
			e.recall(e.past - 1)
		}
	case "ctrl-r":
		return e.search(ctx)
	case "tab":
		e.complete()
	case "ctrl-l":
		e.writeTerminal("\x1b[H\x1b[2J")
		e.row = 0
	case "ctrl-z":
		e.suspend()
	default:
		e.edit(k.name)
	}
	return false, nil
}

// enter sends the message, unless more is to come: a backslash at its end says
// so, and Whole may.
func (e *Editor) enter() bool {
	if before, ok := strings.CutSuffix(e.text, `\`); ok && e.at == len(e.text) {
		e.set(before + "\n")
		return false
	}
	if e.Whole != nil && !e.Whole(e.text) {
		e.insert("\n")
		return false
	}
	return true
}

// recall shows the n-th last message of the history.
func (e *Editor) recall(n int) {
	if n < 0 || e.History == nil || n > e.History.Len() {
		return
	}
	if e.past == 0 {
		e.fresh = e.text
	}
	e.past = n
	if n == 0 {
		e.set(e.fresh)
		return
	}
	e.set(e.History.Last(n))
}

// complete completes the line as far as all that it may become agree.
func (e *Editor) complete() {
	if e.Complete == nil || e.at != len(e.text) {
		return
	}
	found := e.Complete(e.text)
	if len(found) == 0 {
		return
	}
	common := found[0]
	for _, f := range found[1:] {
		for !strings.HasPrefix(f, common) {
			common = common[:len(common)-1]
		}
	}
	if len(common) > len(e.text) {
		e.set(common)
		return
	}
	if len(found) > 1 {
		e.finishLine()
		e.writeTerminal(strings.Join(choices(found, e.width()), "\r\n") + "\r\n")
	}
}

// mostChoices is how many rows of choices Tab shows.
const mostChoices = 10

// choices are the rows that show what a line may become: of each the last word or
// the last part of a path, which is where they differ.
func choices(found []string, width int) (rows []string) {
	common := found[0]
	for _, f := range found[1:] {
		for !strings.HasPrefix(f, common) {
			common = common[:len(common)-1]
		}
	}
	from := strings.LastIndexAny(common, " /") + 1
	if from == 1 { // the slash of a command
		from = 0
	}
	row := ""
	for i, f := range found {
		name := Visible(f[from:])
		switch {
		case row == "":
			row = Cut(name, width)
		case Width(row)+2+Width(name) <= width:
			row += "  " + name
		case len(rows) == mostChoices-1:
			return append(rows, Cut(fmt.Sprintf("%s  and %d more", row, len(found)-i), width))
		default:
			rows, row = append(rows, row), Cut(name, width)
		}
	}
	return append(rows, row)
}

// width is the terminal's, in columns.
func (e *Editor) width() int {
	if e.Size != nil {
		if w, _ := e.Size(); w > 0 {
			return w
		}
	}
	return 80
}

func (e *Editor) suspend() {
	if e.Suspend == nil {
		return
	}
	e.writeTerminal(noPasteMarks)
	e.finishLine()
	e.Suspend()
	e.writeTerminal(pasteMarks)
}

// search is Ctrl-R: the newest message that holds what is typed, and with
// another Ctrl-R the one before it.
func (e *Editor) search(ctx context.Context) (done bool, err error) {
	if e.History == nil {
		return false, nil
	}
	before, query, n := e.text, "", 0
	prompt := e.prompt
	defer func() { e.prompt = prompt }()
	for {
		e.prompt = "(search: " + Visible(query) + ") "
		e.show()
		k, err := e.In.next(ctx)
		if err != nil {
			return false, err
		}
		from := 1
		switch k.name {
		case "":
			query += k.text
		case "backspace":
			r := []rune(query)
			query = string(r[:max(0, len(r)-1)])
		case "ctrl-r":
			from = n + 1
		case "ctrl-c", "ctrl-g", "esc":
			e.set(before)
			return false, nil
		default:
			e.prompt, e.past = prompt, n
			return e.handleKey(ctx, k)
		}
		if at := e.History.FindBefore(query, from); at > 0 && query != "" {
			n = at
			e.set(e.History.Last(n))
		}
	}
}

// show draws the message as it is.
func (e *Editor) show() {
	width, height := 80, 24
	if e.Size != nil {
		if w, h := e.Size(); w > 0 && h > 0 {
			width, height = w, h
		}
	}
	rows, row, column := layout(e.text, e.at, e.prompt, e.more, width)
	if e.Paint != nil {
		if rest, ok := strings.CutPrefix(rows[0], e.prompt); ok {
			rows[0] = e.Paint(e.prompt) + rest
		}
	}
	e.writeTerminal(e.draw(rows, row, column, height))
}

// finishLine puts the cursor below what is shown, which stays.
func (e *Editor) finishLine() {
	e.writeTerminal("\r\n")
	e.row = 0
}

func (e *Editor) writeTerminal(s string) { _, _ = io.WriteString(e.Out, s) } // a terminal that is gone shows itself at the next key
