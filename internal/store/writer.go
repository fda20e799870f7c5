package store

import (
	"context"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider/ledger"
)

const (
	// maxQueue is how many calls may wait to be written, and maxQueued how many
	// bytes of them: what comes then waits without its texts.
	maxQueue  = 64 << 10
	maxQueued = 128 << 20
	// maxCosts is how many may wait when what calls cost comes to it.
	maxCosts = 4 * maxQueue
	// room is how long a call waits for others to be written before its texts
	// are dropped. Nobody waits while the writer makes no progress.
	room = time.Second
	// attempt is how long the writer waits for the lock before it looks
	// whether it is to go on waiting.
	attempt = time.Second
	// gather is how long after a transaction the next one begins at the earliest: each is
	// synced to the disk, which takes longer than writing what is in it. The first one
	// after a pause begins at once. What is gathered is lost with a process that is
	// killed.
	gather = 100 * time.Millisecond
)

// Writer writes records in the background, after an answer has been shown. A
// record that cannot be written costs no other record. While another program
// keeps the file locked, records wait in memory; Close waits 15 seconds more.
// Make one with [NewWriter], and Close it.
type Writer struct {
	store *Store
	// Warn, if not nil, is told within seconds what is not written down, at most
	// once an hour for each kind of reason. It is not called after Close, which
	// waits for it and returns the rest. Set it before the first record.
	Warn func(*Lost)
	now  func() time.Time

	mu      sync.Mutex
	less    sync.Cond // fewer records wait, or the writer is stalled
	queue   []record
	count   int // records that wait, those being written included
	size    int // bytes of their texts
	done    int // transactions
	busy    bool
	next    *time.Timer // the next transaction waits for it; nil: none does
	ended   time.Time   // the last one
	opened  bool        // the file was opened for what is about to come, or that was tried
	stalled bool        // the file was locked when it tried last, or nothing was written for as long as a call waits
	giveUp  time.Time   // Flush waits no longer
	keep    Keep
	trimmed time.Time // when keep was applied last
	losses  losses
	telling int  // calls of Warn under way
	closed  bool // Warn is called no more
}

// record is one thing to write: a call, or what one cost.
type record struct {
	call   *Call
	run    Run                          // the call's
	redact func(string) string          // takes secrets out of the call; may be nil
	after  func(context.Context, *Call) // completes the call in the background; may be nil
	size   int                          // bytes of the call's texts
	why    error                        // its texts are not kept; nil: they are
	row    *row                         // the call, encoded
	entry  *ledger.Entry                // if call is nil
}

// NewWriter returns a writer into s.
func NewWriter(s *Store) *Writer {
	w := &Writer{store: s, now: time.Now}
	w.less.L = &w.mu
	return w
}

// SetKeep bounds the log. The bounds are applied with the next record, and then
// once an hour.
func (w *Writer) SetKeep(k Keep) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k != w.keep {
		w.keep, w.trimmed = k, time.Time{}
	}
}

// Store is where the records go.
func (w *Writer) Store() *Store { return w.store }

func (w *Writer) entry(e ledger.Entry) { w.add(record{entry: &e}) }

func (w *Writer) add(r record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.call == nil && w.count < maxCosts:
	case r.call == nil:
		w.lose(Lost{Costs: 1, Err: errNoRoom})
		return
	case w.count >= maxQueue:
		w.lose(Lost{Calls: 1, Err: errNoRoom})
		return
	case !w.waitForRoom(r.size):
		r.bare(errNoRoom)
	}
	w.queue = append(w.queue, r)
	w.count++
	w.size += r.size
	if !w.busy {
		w.busy = true
		w.schedule()
	}
}

// schedule has write called when the next transaction may begin. The caller holds mu.
func (w *Writer) schedule() {
	if wait := gather - time.Since(w.ended); wait > 0 && w.giveUp.IsZero() {
		w.next = time.AfterFunc(wait, w.write)
		return
	}
	go w.write()
}

// hurry has a transaction that waits begin now. The caller holds mu.
func (w *Writer) hurry() {
	if w.next != nil && w.next.Stop() {
		w.next = nil
		go w.write()
	}
}

// waitForRoom reports whether a record of that size may be queued. It waits for
// that at most as long as [room]. One record may always wait, however long it
// is.
func (w *Writer) waitForRoom(size int) bool {
	full := func() bool { return w.size > 0 && w.size+size > maxQueued }
	if !full() || w.stalled {
		return !full()
	}
	w.hurry()
	late, done := time.Now().Add(room), w.done
	defer time.AfterFunc(room, func() {
		w.mu.Lock() // not between a look at the clock and Wait
		defer w.mu.Unlock()
		w.less.Broadcast()
	}).Stop()
	for full() && !w.stalled && time.Now().Before(late) {
		w.less.Wait()
	}
	if full() && w.done == done {
		w.stalled = true
		w.less.Broadcast()
	}
	return !full()
}

// open opens the file in the background, once, while a call is under way: its
// record then need not wait for that. What goes wrong shows again, and counts,
// when the record is written.
func (w *Writer) open() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opened || w.busy {
		return
	}
	w.opened, w.busy = true, true
	go func() {
		_, _ = w.store.open(context.Background())
		w.write()
	}()
}

// write writes what is queued, and trims the log when that is due.
func (w *Writer) write() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = nil
	for len(w.queue) > 0 || w.trimDue() {
		if len(w.queue) > 0 {
			w.writeQueue()
		} else {
			w.trim()
		}
		w.ended = time.Now()
		w.less.Broadcast()
		if len(w.queue) > 0 {
			w.schedule()
			return
		}
	}
	w.busy = false
	w.less.Broadcast()
}

// writeQueue writes what is queued. The caller holds mu; it is free meanwhile.
func (w *Writer) writeQueue() {
	records := w.queue
	w.queue = nil
	w.mu.Unlock()
	b := batchOf(w.store, records)
	b.settled = w.settled
	b.write(context.Background())
	w.mu.Lock()
	w.lose(b.lost)
	if len(b.left) > 0 {
		w.stalled = true
		if !w.giveUp.IsZero() && time.Now().After(w.giveUp) {
			w.lose(lostAll(b.left, b.locked))
		} else {
			w.queue = append(b.left, w.queue...)
		}
	}
	w.count, w.size = len(w.queue), 0
	for i := range w.queue {
		w.size += w.queue[i].size
	}
}

// settled makes room for others.
func (w *Writer) settled(records []record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	w.stalled = false
	w.count -= len(records)
	for i := range records {
		w.size -= records[i].size
	}
	w.less.Broadcast()
}

// trimDue reports whether the log is to be trimmed.
func (w *Writer) trimDue() bool {
	return w.keep.Set() && (w.trimmed.IsZero() || w.now().Sub(w.trimmed) >= trimEvery)
}

// trim drops one transaction's worth of the log. What is left to drop waits
// while there are records to write, and for the next process if this one is
// about to end. The caller holds mu; it is free meanwhile.
func (w *Writer) trim() {
	now, keep := w.now(), w.keep
	w.mu.Unlock()
	more, err := w.store.trim(context.Background(), keep, now)
	w.mu.Lock()
	if !more || err != nil || !w.giveUp.IsZero() {
		w.trimmed = now // after an error, too: the next try is in an hour
	}
}

// Flush waits until everything that was added is written, or cannot be.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.giveUp = time.Now().Add(patience)
	w.hurry()
	for w.busy {
		w.less.Wait()
	}
	w.giveUp = time.Time{}
}

// Close writes what is left and closes the store. The error is a [*Lost] where
// something was not written down that Warn was not told about.
func (w *Writer) Close() error {
	w.Flush()
	err := w.store.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for w.telling > 0 {
		w.less.Wait()
	}
	lost := w.losses.rest()
	if lost.Err == nil {
		return err // an error of closing alone loses nothing: all was committed
	}
	return &lost
}
