package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// The witness is a small file beside the store. It says which file budgets were
// kept in last, and how far that had come, so that a file which is cut to
// nothing, or an older copy of it, begins no budget anew in silence. Whoever
// removes both begins anew.

// bookSchema has the file's own side of the witness.
const bookSchema = `
CREATE TABLE book (
	id     TEXT NOT NULL,
	writes INTEGER NOT NULL    -- of the ledger; only grows
);
INSERT INTO book VALUES (lower(hex(randomblob(16))), 0);
`

// witnessed is how long a witness counts: no budget lasts longer than a day.
const witnessed = 24 * time.Hour

// MissingError is a file of which the witness says that it is not the one that
// budgets were kept in last, or not all of it.
type MissingError struct{ What string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("past spending is unknown, because the file %s; restore the old file, or run `tandem cost --reset`, after which earlier spending no longer counts", e.What)
}

// state is how far a ledger has come.
type state struct {
	id     string // of the file; empty: there is none, or the witness cannot be read
	writes int64
}

func (s *Store) witnessPath() string { return s.path + ".witness" }

// witness reads the witness. It reports whether there is one that counts.
func (s *Store) witness(now time.Time) (w state, counts bool, err error) {
	text, err := os.ReadFile(s.witnessPath())
	if errors.Is(err, fs.ErrNotExist) {
		return w, false, nil
	}
	if err != nil {
		return w, false, err
	}
	var at int64
	if n, _ := fmt.Sscanf(string(text), "tandem 1 %s %d %d", &w.id, &w.writes, &at); n < 3 {
		return state{}, true, nil // it still says that there was a file
	}
	return w, now.Sub(time.UnixMilli(at)) < witnessed, nil
}

// compare returns a *MissingError unless the witness agrees with the book.
func (s *Store) compare(book state, now time.Time) error {
	w, counts, err := s.witness(now)
	switch {
	case err != nil || !counts:
		return err
	case w.id == "" && book.writes > 0:
		return nil // the next write mends it
	case w.id != book.id || w.id == "":
		return &MissingError{"is new and there was an older one"}
	case w.writes > book.writes:
		return &MissingError{"is an older copy"}
	}
	return nil
}

// querier is a database, or a transaction of one.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func bookState(ctx context.Context, q querier) (b state, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, writes FROM book").Scan(&b.id, &b.writes)
	if errors.Is(err, sql.ErrNoRows) {
		err = &damageError{"a table is empty that never is"}
	}
	return b, err
}

// wrote counts a write of the ledger, in its transaction, and has the witness
// say how far the ledger had come before it: that is committed, and nobody
// else writes now. With a *MissingError nothing is changed.
func (s *Store) wrote(ctx context.Context, tx *sql.Tx, now time.Time) error {
	book, err := bookState(ctx, tx)
	if err != nil {
		return err
	}
	if err := s.compare(book, now); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE book SET writes = writes + 1"); err != nil {
		return err
	}
	f, err := os.OpenFile(s.witnessPath(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// One write, always of the same length: there is no moment without a witness.
	_, err = f.WriteAt(fmt.Appendf(nil, "tandem 1 %s %020d %020d\n", book.id, book.writes, now.UnixMilli()), 0)
	return errors.Join(err, f.Close())
}

// wroteAnyway is wrote for what has been paid already: that is written down even
// where something is missing, and the witness goes on saying so.
func (s *Store) wroteAnyway(ctx context.Context, tx *sql.Tx, now time.Time) {
	_ = s.wrote(ctx, tx, now)
}
