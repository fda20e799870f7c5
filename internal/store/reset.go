package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
)

// Intact returns a *MissingError if what was spent is not all known.
func (s *Store) Intact(ctx context.Context) error {
	if !s.Exists() {
		return s.explain(s.compare(state{}, time.Now()))
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	book, err := bookState(ctx, db)
	if err != nil {
		return s.explain(err)
	}
	return s.explain(s.compare(book, time.Now()))
}

// Reset has budgets kept by the file as it is where [Store.Intact] finds
// something missing. A damaged file is moved away first: moved is its new name.
// It reports whether there was anything to do.
func (s *Store) Reset(ctx context.Context) (moved string, changed bool, err error) {
	if err = s.Intact(ctx); err == nil {
		err = s.undamaged(ctx)
	}
	var lost *MissingError
	switch {
	case err == nil:
		return "", false, nil
	case isDamage(err):
		if moved, err = s.moveAway(); err != nil {
			return "", false, s.explain(err)
		}
	case !errors.As(err, &lost):
		return "", false, err
	}
	if err := os.Remove(s.witnessPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return moved, true, s.explain(err)
	}
	if moved != "" || !s.Exists() {
		return moved, true, nil
	}
	return "", true, s.begin(ctx, func(tx *sql.Tx) error { return s.wrote(ctx, tx, time.Now()) })
}

// moveAway gives the file, and those that SQLite keeps beside it, another name.
func (s *Store) moveAway() (to string, err error) {
	if err := s.Close(); err != nil {
		return "", err
	}
	to = s.path + ".damaged-" + time.Now().Format("20060102-150405")
	for _, part := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(s.path+part, to+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return to, nil
}

// undamaged returns an error, of which isDamage says so, if the file is damaged.
func (s *Store) undamaged(ctx context.Context) error {
	if !s.Exists() {
		return nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return s.explain(err)
	}
	if found != "ok" {
		return s.explain(&damageError{found})
	}
	var n int
	return s.explain(db.QueryRowContext(ctx, "SELECT count(*) FROM ledger").Scan(&n))
}

// damageError is what is wrong with a file that SQLite opens.
type damageError struct{ found string }

func (e *damageError) Error() string { return e.found }

// isDamage reports whether the file is not a database, a malformed one, or one
// without our tables.
func isDamage(err error) bool {
	if errors.As(err, new(*damageError)) {
		return true
	}
	switch dbfile.Code(err) {
	case dbfile.Corrupt, dbfile.NotADB:
		return true
	case 1: // ERROR
		return strings.Contains(err.Error(), "no such table")
	}
	return false
}

// damageRemedy is what to do about it.
func damageRemedy(file string) string {
	return fmt.Sprintf("move it away, with %s-wal and %[1]s-shm, or run `tandem cost --reset`, and tandem starts a new one", file)
}
