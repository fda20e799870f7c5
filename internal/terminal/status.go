package terminal

import (
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// A spinner is shown in at most so many columns: a terminal of 80 or more may be
// resized to 40 while it stands there, and a line that was broken then cannot be
// erased.
const mostSpinner = 39

// A wait that is over at once shows nothing, and one that lasts says how long.
const (
	spinnerStarts  = 200 * time.Millisecond
	spinnerMoves   = 100 * time.Millisecond
	spinnerCounted = 3 * time.Second
)

var spinnerFrames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// status is the last line of standard error, where that is a terminal: it is
// erased before anything else is shown there.
type status struct {
	shown  bool
	asking bool // a question stands there: nothing is shown
	dumb   bool // the terminal cannot erase a line
	spin   *spinner
}

// spinner is a status that moves.
type spinner struct {
	text  string
	since time.Time
	frame int
	over  chan struct{}
}

// ShowsStatus reports whether standard error is a terminal that can show one.
func (t *Terminal) ShowsStatus() bool { return t.ErrIsTTY && !t.status.dumb }

// SetStatus shows how far something is, in place of the status before, until the
// next line. It is for terminals; "" shows none, and nothing comes back by itself.
func (t *Terminal) SetStatus(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopSpinner()
	if t.eraseStatus(); text != "" && t.ShowsStatus() && !t.status.asking {
		fmt.Fprint(t.Err, t.Secrets.Text(text))
		t.status.shown = true
	}
}

// Spin shows what is waited for, in place of the status before: one line of plain
// text, cut to the terminal's width, that moves. Other lines are written above it. It
// stays until [Terminal.SetStatus].
func (t *Terminal) Spin(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ShowsStatus() || t.status.asking {
		return
	}
	text = OneLine(t.Secrets.Text(text))
	switch s := t.status.spin; {
	case s == nil:
		s = &spinner{text: text, since: time.Now(), over: make(chan struct{})}
		t.status.spin = s
		go t.turn(s)
	case s.text != text:
		s.text, s.since = text, time.Now()
		if t.status.shown {
			t.draw(s)
		}
	}
}

// turn moves a spinner until it is over.
func (t *Terminal) turn(s *spinner) {
	timer := time.NewTimer(spinnerStarts)
	defer timer.Stop()
	for {
		select {
		case <-s.over:
			return
		case <-timer.C:
		}
		t.mu.Lock()
		if t.status.spin == s {
			t.draw(s)
			s.frame++
		}
		t.mu.Unlock()
		timer.Reset(spinnerMoves)
	}
}

// draw shows a spinner as it is now. The caller holds mu.
func (t *Terminal) draw(s *spinner) {
	after := ""
	if d := time.Since(s.since); d >= spinnerCounted {
		after = fmt.Sprintf(" · %d s", int(d.Seconds()))
	}
	// The last column stays empty, as some terminals go to the next line there.
	width := min(t.ErrWidth()-1, mostSpinner)
	line := string(spinnerFrames[s.frame%len(spinnerFrames)]) + " "
	if room := width - chatui.Width(line+after); room >= 8 {
		line += chatui.Cut(s.text, room) + after
	} else {
		line = chatui.Cut(line+s.text, max(width, 1))
	}
	fmt.Fprint(Raw(t.Err), "\r"+t.Direct(t.Dim(line))+"\x1b[K")
	t.status.shown = true
}

func (t *Terminal) stopSpinner() {
	if s := t.status.spin; s != nil {
		close(s.over)
		t.status.spin = nil
	}
}

// EraseLine empties the terminal's line; write it to what [Raw] returns.
const EraseLine = "\r\x1b[K"

func (t *Terminal) eraseStatus() {
	if t.status.shown {
		fmt.Fprint(Raw(t.Err), EraseLine)
		t.status.shown = false
	}
}

// ask says that a question is about to stand at the last line, or does no more.
func (t *Terminal) ask(stands bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopSpinner()
	t.eraseStatus()
	t.status.asking = stands
}
