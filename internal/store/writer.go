package store

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/provider/ledger"
)

// maxQueue is how many records may wait to be written. Whoever adds more waits
// himself: a disk that cannot follow slows the calls down and eats no memory.
const maxQueue = 1024

// Writer writes records behind the callers' backs: an answer has been shown
// when its record is written. Make one with [NewWriter], and Close it.
type Writer struct {
	store *Store

	mu    sync.Mutex
	less  sync.Cond // the queue has become shorter
	queue []record
	busy  bool  // a goroutine writes
	err   error // the first that was not written
}

// record is one thing to write: a call, or what one cost.
type record struct {
	call  *Call
	run   *Run          // the call's
	after func(*Call)   // completes the call, off the caller's way; may be nil
	entry *ledger.Entry // if call is nil
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
	for len(w.queue) >= maxQueue {
		w.less.Wait()
	}
	w.queue = append(w.queue, r)
	if !w.busy {
		w.busy = true
		go w.write()
	}
}

// write empties the queue.
func (w *Writer) write() {
	ctx := context.Background()
	_, err := w.store.open(ctx) // it takes a moment, in which what belongs together comes together
	for {
		w.mu.Lock()
		batch := w.queue
		w.queue = nil
		w.busy = len(batch) > 0
		w.less.Broadcast()
		w.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if err == nil {
			err = w.writeAll(ctx, batch)
		}
		if err != nil {
			w.failed(err)
		}
		err = nil // the next batch may fare better
	}
}

func (w *Writer) writeAll(ctx context.Context, batch []record) error {
	for _, r := range batch {
		if r.after != nil {
			r.after(r.call)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	return w.store.begin(ctx, func(tx *sql.Tx) error {
		for _, r := range batch {
			var err error
			if r.call != nil {
				err = insertCall(ctx, tx, r.run, r.call)
			} else {
				err = insertEntry(ctx, tx, *r.entry)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// failed notes that something was not written down.
func (w *Writer) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// Flush waits until everything that was added is written.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy {
		w.less.Wait()
	}
}

// Close writes what is left and closes the store. The error is the first of
// all that kept something from being written down.
func (w *Writer) Close() error {
	w.Flush()
	if err := w.store.Close(); err != nil {
		w.failed(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func insertCall(ctx context.Context, tx *sql.Tx, run *Run, c *Call) error {
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO runs (id, began, command, chain, file, sha256, tandem) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		run.ID, run.Began.UnixMilli(), run.Command, run.Chain, run.File, run.SHA256, run.Tandem); err != nil {
		return err
	}
	text, err := c.json()
	if err != nil {
		return err
	}
	prompt, answer, name, model, kind := "", "", "", "", ""
	if c.Content {
		prompt, answer = c.Asked.prompt(), c.Answer
	}
	if c.Route != nil {
		name, model = c.Route.Provider, c.Route.Model
	}
	if c.Error != nil {
		kind = c.Error.Kind
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO calls (run, step, idx, began, took, provider, model, finish, kind, prompt, answer, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.RunID, c.Step, c.Index, c.Began.UnixMilli(), c.Took, name, model, c.Finish, kind, prompt, answer, text)
	return err
}

// tookAtMost bounds what completing one record may take.
const tookAtMost = 500 * time.Millisecond
