package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
)

// batch is some records on their way into the file. Costs go first, in a
// transaction of their own: no text can take them along. A record that cannot
// be written leaves the others as they are.
type batch struct {
	store   *Store
	entries []record
	calls   []record
	left    []record // not written: the file is locked
	locked  error    // by whom
	lost    Lost
	again   bool           // the file was replaced under the batch, once
	settled func([]record) // is told about records that are written, or lost; may be nil
}

func batchOf(s *Store, records []record) *batch {
	b := &batch{store: s}
	for _, r := range records {
		if r.call == nil {
			b.entries = append(b.entries, r)
		} else {
			b.calls = append(b.calls, r)
		}
	}
	return b
}

func (b *batch) write(ctx context.Context) {
	if !b.together(ctx, b.entries) {
		b.left = append(b.left, b.calls...)
		return
	}
	b.done(b.entries)
	// An engine that does not answer must not hold up the log.
	complete, cancel := context.WithTimeout(ctx, completeAll)
	defer cancel()
	for rest := b.calls; len(rest) > 0; {
		n, size := 0, 0
		for n < len(rest) && (n == 0 || size+rest[n].size <= atOnce) {
			size += rest[n].size
			rest[n].encode(complete)
			n++
		}
		if !b.together(ctx, rest[:n]) {
			b.left = append(b.left, rest[n:]...)
			return
		}
		b.done(rest[:n])
		rest = rest[n:]
	}
}

// done says that records need no more memory.
func (b *batch) done(records []record) {
	if b.settled != nil && len(records) > 0 {
		b.settled(records)
	}
	clear(records)
}

// completeOne and completeAll bound what it may take to complete one call, and
// the calls of a batch.
const (
	completeOne = 500 * time.Millisecond
	completeAll = 2 * time.Second
)

// atOnce is how many bytes of text are encoded at a time.
const atOnce = 8 << 20

// together writes records in one transaction, and each in one of its own where
// that fails: on a full disk the short ones may find room. It reports whether
// the file is not locked.
func (b *batch) together(ctx context.Context, records []record) bool {
	if len(records) == 0 {
		return true
	}
	lost, err := b.transaction(ctx, records)
	switch {
	case err == nil:
		b.lost.add(lost)
		return true
	case errors.Is(err, errReplaced) && !b.again:
		b.again = true
		return b.together(ctx, records) // into the file that is there now
	case isLocked(err):
		b.left, b.locked = append(b.left, records...), err
		return false
	case !mayFit(err), len(records) == 1 && !records[0].bare(err):
		b.lost.add(lostAll(records, err))
		return true
	case len(records) == 1: // without its texts
		return b.together(ctx, records)
	}
	for i := range records {
		if !b.together(ctx, records[i:i+1]) {
			b.left = append(b.left, records[i+1:]...)
			return false
		}
	}
	return true
}

// transaction writes records. The error is one that concerns the file; nothing
// is written then.
func (b *batch) transaction(ctx context.Context, records []record) (lost Lost, err error) {
	err = b.store.beginWithin(ctx, attempt, func(tx *sql.Tx) error {
		to := &statements{tx: tx}
		var rows []*row
		for i := range records {
			if r := &records[i]; r.call != nil {
				rows = append(rows, r.row)
			} else if err := r.write(ctx, to); err != nil {
				return err
			}
		}
		if err := insertRows(ctx, to, rows); err != nil {
			return err
		}
		b.pay(ctx, tx, records)
		return nil
	})
	switch {
	case err == nil:
		return unkept(records), nil
	case concernsFile(err), errors.Is(err, errReplaced):
		return lost, err
	}
	return b.oneByOne(ctx, records)
}

// oneByOne is transaction where one of the records cannot be written: it costs no
// other.
func (b *batch) oneByOne(ctx context.Context, records []record) (lost Lost, err error) {
	err = b.store.beginWithin(ctx, attempt, func(tx *sql.Tx) error {
		lost = Lost{}
		var written []record
		for i := range records {
			r := &records[i]
			err := r.insert(ctx, tx)
			if err != nil && !concernsFile(err) && r.bare(b.store.explain(err)) {
				err = r.insert(ctx, tx)
			}
			switch {
			case concernsFile(err):
				return err
			case err != nil:
				lost.add(lostAll(records[i:i+1], b.store.explain(err)))
			default:
				written = append(written, *r)
			}
		}
		lost.add(unkept(written))
		b.pay(ctx, tx, records)
		return nil
	})
	return lost, err
}

// pay notes in the witness that calls of the records have cost something.
func (b *batch) pay(ctx context.Context, tx *sql.Tx, records []record) {
	if slices.ContainsFunc(records, record.paid) {
		b.store.wroteAnyway(ctx, tx, time.Now())
	}
}

// unkept are the records that are written without their texts.
func unkept(records []record) (lost Lost) {
	for i := range records {
		if why := records[i].why; why != nil {
			lost.add(Lost{Texts: 1, Err: why})
		}
	}
	return lost
}

// insert adds the record to the file, or leaves that as it was.
func (r *record) insert(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return &fileFailure{err}
	}
	err := r.write(ctx, tx)
	if err != nil {
		if _, undo := tx.ExecContext(ctx, "ROLLBACK TO one"); undo != nil {
			return &fileFailure{err} // SQLite has given the transaction up
		}
	}
	if _, rerr := tx.ExecContext(ctx, "RELEASE one"); rerr != nil {
		return &fileFailure{errors.Join(err, rerr)}
	}
	return err
}

func (r *record) write(ctx context.Context, to execer) error {
	if r.call == nil {
		return insertEntry(ctx, to, *r.entry)
	}
	return r.row.insert(ctx, to)
}

// paid reports whether the record is of a call that has cost something, as far
// as anybody knows.
func (r record) paid() bool {
	return r.entry != nil && (r.entry.Cost.USD == nil || *r.entry.Cost.USD > 0)
}

// encode prepares a call for the file, once: that takes longer than anybody
// should hold the lock.
func (r *record) encode(complete context.Context) {
	if r.row != nil {
		return
	}
	if r.why != nil {
		r.row = bareRow(r.run, r.call, r.redact, r.why)
		return
	}
	r.complete(complete)
	row, err := rowOf(r.run, r.call, r.redact)
	if err != nil {
		r.bare(err)
		return
	}
	r.row = row
}

// complete asks what the answer was made on.
func (r *record) complete(ctx context.Context) {
	if r.after == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, completeOne)
	defer cancel()
	defer func() { _ = recover() }() // a manifest is worth no record
	r.after(ctx, r.call)
}

// bare drops the texts of a call, and says why. It reports whether there were
// any to drop.
func (r *record) bare(why error) bool {
	if r.call == nil || r.why != nil {
		return false
	}
	r.row = bareRow(r.run, r.call, r.redact, why)
	r.call, r.size, r.after, r.why = r.row.call, 0, nil, why
	return true
}

// fileFailure is an error that concerns the file, not a record.
type fileFailure struct{ error }

func (e *fileFailure) Unwrap() error { return e.error }

// concernsFile reports whether an error is the file's: any record would have
// met it.
func concernsFile(err error) bool {
	if err == nil {
		return false
	}
	if errors.As(err, new(*fileFailure)) {
		return true
	}
	switch dbfile.Code(err) {
	case dbfile.Busy, dbfile.Locked, dbfile.NoMemory, dbfile.ReadOnlyFile, dbfile.IOError, dbfile.Corrupt, dbfile.Full, dbfile.CantOpen, dbfile.Auth, dbfile.NotADB:
		return true
	}
	return errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone)
}

// mayFit reports whether less might be written where this much was not.
func mayFit(err error) bool {
	switch dbfile.Code(err) {
	case dbfile.NoMemory, dbfile.IOError, dbfile.Full:
		return true
	}
	return false
}

func isLocked(err error) bool {
	c := dbfile.Code(err)
	return c == dbfile.Busy || c == dbfile.Locked
}
