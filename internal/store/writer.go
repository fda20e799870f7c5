package store

import (
	"context"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider/ledger"
)

const (
	// maxQueue and maxQueued are how many records may wait to be written, and
	// how many bytes of text.
	maxQueue  = 1024
	maxQueued = 128 << 20
	// maxBare is how many may wait once their texts are dropped.
	maxBare = 64 * maxQueue
	// room is how long a call waits for others to be written before its texts
	// are dropped. While another program keeps the file locked it does not wait.
	room = 5 * time.Second
	// attempt is how long the writer waits for the lock before it looks
	// whether it is to go on waiting.
	attempt = time.Second
)

// Writer writes records behind the callers' backs: an answer has been shown
// when its record is written. What cannot be written costs no other record, and
// [Writer.Close] says how much that was. While another program keeps the file
// locked, records wait; Close waits 15 seconds more. Make one with [NewWriter],
// and Close it.
type Writer struct {
	store *Store

	mu     sync.Mutex
	less   sync.Cond // fewer records wait, or the writer is stuck
	queue  []record
	count  int  // records that wait, those under way included
	size   int  // bytes of their texts
	done   int  // batches
	busy   bool // a goroutine writes
	stuck  bool // the file was locked when it tried last
	giveUp time.Time
	lost   Lost
}

// record is one thing to write: a call, or what one cost.
type record struct {
	call   *Call
	run    Run                 // the call's
	redact func(string) string // takes secrets out of the call; may be nil
	after  func(*Call)         // completes the call, off the caller's way; may be nil
	size   int                 // bytes of the call's texts
	why    error               // its texts are not kept; nil: they are
	row    *row                // the call, encoded
	entry  *ledger.Entry       // if call is nil
}

// NewWriter returns a writer into s.
func NewWriter(s *Store) *Writer {
	w := &Writer{store: s}
	w.less.L = &w.mu
	return w
}

// Store is where the records go.
func (w *Writer) Store() *Store { return w.store }

func (w *Writer) entry(e ledger.Entry) { w.add(record{entry: &e}) }

func (w *Writer) add(r record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.call == nil: // what a call cost is short, and always kept
	case w.waitForRoom(r.size):
	case w.count < maxBare:
		r.bare(errNoRoom)
	default:
		w.lost.add(Lost{Calls: 1, Err: errNoRoom})
		return
	}
	w.queue = append(w.queue, r)
	w.count++
	w.size += r.size
	if !w.busy {
		w.busy = true
		go w.write()
	}
}

// waitForRoom waits until a record of that size may be queued, and reports
// whether it may. One record may always wait, however long it is.
func (w *Writer) waitForRoom(size int) bool {
	full := func() bool { return w.count >= maxQueue || w.count > 0 && w.size+size > maxQueued }
	done, late := -1, time.Time{}
	for full() && !w.stuck {
		if w.done != done { // it gets on
			done, late = w.done, time.Now().Add(room)
			defer time.AfterFunc(room, w.less.Broadcast).Stop()
		}
		if !time.Now().Before(late) {
			break
		}
		w.less.Wait()
	}
	return !full()
}

// write empties the queue.
func (w *Writer) write() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 {
		records := w.queue
		w.queue = nil
		w.mu.Unlock()
		b := batchOf(w.store, records)
		b.write(context.Background())
		w.mu.Lock()
		w.lost.add(b.lost)
		w.done++
		if w.stuck = len(b.left) > 0; w.stuck {
			if !w.giveUp.IsZero() && time.Now().After(w.giveUp) {
				w.lost.add(lostAll(b.left, b.locked))
			} else {
				w.queue = append(b.left, w.queue...)
			}
		}
		w.count, w.size = len(w.queue), 0
		for i := range w.queue {
			w.size += w.queue[i].size
		}
		w.less.Broadcast()
	}
	w.busy = false
	w.less.Broadcast()
}

// failed notes that what a call cost was not written down.
func (w *Writer) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost.add(Lost{Costs: 1, Err: err})
}

// Flush waits until everything that was added is written, or cannot be.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.giveUp = time.Now().Add(patience)
	for w.busy {
		w.less.Wait()
	}
	w.giveUp = time.Time{}
}

// Close writes what is left and closes the store. The error is a [*Lost] where
// something was not written down.
func (w *Writer) Close() error {
	w.Flush()
	err := w.store.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost.Err == nil {
		return err // an error of closing alone loses nothing: all was committed
	}
	lost := w.lost
	return &lost
}

// tookAtMost bounds what completing one record may take.
const tookAtMost = 500 * time.Millisecond
