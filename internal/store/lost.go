package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
)

var errNoRoom = errors.New("the log cannot keep up")

// Lost is what could not be written down, and why. It is the error of
// [Writer.Close].
type Lost struct {
	Calls int // not in the log at all
	Texts int // in the log without their texts
	Costs int
	Err   error // the first of them
}

func lostAll(records []record, err error) (l Lost) {
	l.Err = err
	for i := range records {
		if records[i].call != nil {
			l.Calls++
		} else {
			l.Costs++
		}
	}
	return l
}

func (l *Lost) add(o Lost) {
	l.Calls, l.Texts, l.Costs = l.Calls+o.Calls, l.Texts+o.Texts, l.Costs+o.Costs
	if l.Err == nil {
		l.Err = o.Err
	}
}

// Error counts what is missing, and says why.
func (l *Lost) Error() string {
	text := l.Err.Error()
	for _, n := range []struct {
		count int
		one   string
		many  string
	}{
		{l.Calls, "1 call is not in the log", "%d calls are not in the log"},
		{l.Texts, "1 call is in the log without its text", "%d calls are in the log without their texts"},
		{l.Costs, "the cost of 1 call is not recorded", "the costs of %d calls are not recorded"},
	} {
		switch {
		case n.count == 1:
			text += "; " + n.one
		case n.count > 1:
			text += "; " + fmt.Sprintf(n.many, n.count)
		}
	}
	return text
}

func (l *Lost) Unwrap() error { return l.Err }

const (
	// warnAfter is how long losses are gathered before they are told: those of a
	// process that ends by then are told as it ends.
	warnAfter = 10 * time.Second
	// warnEvery is how often a kind of reason is told, at most.
	warnEvery = time.Hour
)

// losses are what was lost, by the kind of the reason.
type losses struct {
	kinds []loss
	timer *time.Timer // nil: none runs
}

type loss struct {
	kind string
	Lost           // what was not told yet
	next time.Time // when that is due
}

// kindOf is the kind of a reason: SQLite's code, or one of our own.
func kindOf(err error) string {
	switch c := dbfile.Code(err); {
	case c != 0:
		return fmt.Sprint(c)
	case errors.Is(err, errNoRoom):
		return errNoRoom.Error()
	case errors.Is(err, errReplaced):
		return errReplaced.Error()
	}
	return fmt.Sprintf("%T", err)
}

func (l *losses) add(o Lost) {
	kind := kindOf(o.Err)
	for i := range l.kinds {
		if l.kinds[i].kind == kind {
			l.kinds[i].Lost.add(o)
			return
		}
	}
	l.kinds = append(l.kinds, loss{kind: kind, Lost: o})
}

// schedule has warn called when the next loss is due.
func (l *losses) schedule(now time.Time, warn func()) {
	var first time.Time
	for i := range l.kinds {
		k := &l.kinds[i]
		if k.Err == nil {
			continue
		}
		if k.next.Before(now.Add(-warnAfter)) { // it was told long ago, or never
			k.next = now.Add(warnAfter)
		}
		if first.IsZero() || k.next.Before(first) {
			first = k.next
		}
	}
	if first.IsZero() {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = time.AfterFunc(first.Sub(now), warn)
}

// due takes what is to be told now.
func (l *losses) due(now time.Time) (out []Lost) {
	l.timer = nil
	for i := range l.kinds {
		k := &l.kinds[i]
		if k.Err != nil && !now.Before(k.next) {
			out = append(out, k.Lost)
			k.Lost, k.next = Lost{}, now.Add(warnEvery)
		}
	}
	return out
}

// rest takes all that was not told yet, and ends the timer.
func (l *losses) rest() (all Lost) {
	if l.timer != nil {
		l.timer.Stop()
	}
	for i := range l.kinds {
		all.add(l.kinds[i].Lost)
	}
	*l = losses{}
	return all
}

// failed notes that what a call cost was not written down.
func (w *Writer) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose(Lost{Costs: 1, Err: err})
}

// lose notes what was lost. The caller holds mu.
func (w *Writer) lose(l Lost) {
	if l.Err == nil {
		return
	}
	w.losses.add(l)
	if w.Warn != nil && !w.closed {
		w.losses.schedule(w.now(), w.warn)
	}
}

// warn tells what was lost and not told yet.
func (w *Writer) warn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	due := w.losses.due(w.now())
	w.losses.schedule(w.now(), w.warn)
	w.telling++
	w.mu.Unlock()
	for _, l := range due {
		w.Warn(&l)
	}
	w.mu.Lock()
	w.telling--
	w.less.Broadcast()
}
