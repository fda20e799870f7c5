// Package store is what Tandem remembers between calls, in one SQLite file:
// the log of calls ([Log]), what they cost and may cost ([Book]), answers kept
// for the next time ([Store.Put]), texts with their vectors ([Collection]), and
// conversations ([Chats]). Many processes use the file at once.
//
// Nothing is opened before it is needed. A file that cannot be written loses
// the log and no answer; where a budget is set it refuses what would cost.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/tandem-llm/tandem/internal/dbfile"
)

// FileName is the file's name in the state directory.
const FileName = "tandem.db"

// patience is how long a process waits for another one that writes.
const patience = 15 * time.Second

// Store is one file. Make one with [New]. It is safe for concurrent use.
type Store struct {
	path string

	mu   sync.Mutex
	db   *sql.DB     // nil: not open
	file os.FileInfo // the one that is open

	opened func() // for tests: told when a file was opened that is not checked yet
}

// New returns the store in a state directory. It opens nothing.
func New(dir string) *Store { return &Store{path: filepath.Join(dir, FileName)} }

// Path is the file.
func (s *Store) Path() string { return s.path }

// Exists reports whether there is a file: a command that only reads makes none.
func (s *Store) Exists() bool {
	_, err := os.Stat(s.path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Close closes the file if it is open. It can be opened again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return s.explain(err)
}

// open returns the open file, made and brought up to date where need be. If the
// file was removed or replaced since it was opened, it opens the one that is
// there now: nobody else sees what is written to the old one.
func (s *Store) open(ctx context.Context) (*sql.DB, error) {
	db, _, err := s.openFile(ctx)
	return db, err
}

// openFile is open, and says which file that is.
func (s *Store) openFile(ctx context.Context) (*sql.DB, os.FileInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		if s.inPlace(s.file) {
			return s.db, s.file, nil
		}
		_ = s.db.Close() // a transaction under way ends first, and fails, see beginWithin
		s.db = nil
	}
	for range maxOpenings {
		file, err := s.makeFile(ctx)
		if err != nil {
			return nil, nil, s.explain(err)
		}
		db, err := s.connect(ctx)
		if s.inPlace(file) {
			if err != nil {
				return nil, nil, s.explain(err)
			}
			s.db, s.file = db, file
			return db, file, nil
		}
		if err == nil { // SQLite has opened one or the other
			_ = db.Close()
		}
	}
	return nil, nil, s.explain(errReplaced)
}

// maxOpenings is how often a file is opened that is replaced meanwhile.
const maxOpenings = 3

// connect opens whatever file is there, and brings it up to date.
func (s *Store) connect(ctx context.Context) (*sql.DB, error) {
	db, err := dbfile.Open(s.address())
	if err != nil {
		return nil, err
	}
	if err := s.upToDate(ctx, db); err != nil {
		_ = db.Close()
		return nil, err
	}
	if s.opened != nil {
		s.opened()
	}
	return db, nil
}

// inPlace reports whether an open file is still the one that others find.
func (s *Store) inPlace(file os.FileInfo) bool {
	now, err := os.Stat(s.path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return os.SameFile(now, file)
}

var errReplaced = errors.New("the file was removed or replaced while it was written to")

// address is the file as a URI, with what every connection sets.
func (s *Store) address() string { return dbfile.Address(s.path, patience) }

// makeFile makes the directory and an empty file that others cannot read, or
// takes from them what they could, and returns which file that is. SQLite gives
// the files beside it the same mode.
func (s *Store) makeFile(ctx context.Context) (os.FileInfo, error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = s.createFile(ctx)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	return st, errors.Join(err, f.Close())
}

// createFile makes the file unless another process is faster. What SQLite has
// left of a file that was removed goes first: it would be taken for the new
// one's, and a process that still uses the old one writes there.
func (s *Store) createFile(ctx context.Context) (*os.File, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
		for _, part := range []string{"-wal", "-shm"} {
			if err := os.Remove(s.path + part); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
}

// lock makes the processes that prepare the file take turns.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	lock := flock.New(s.path+".lock", flock.SetPermissions(0o600))
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch _, err := lock.TryLockContext(within, 5*time.Millisecond); {
	case err != nil && within.Err() != nil && ctx.Err() == nil: // not the caller's own timeout
		return nil, fmt.Errorf("another tandem process has been preparing the file for %s", patience)
	case err != nil:
		return nil, fmt.Errorf("waiting for another tandem process that prepares the file: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil // closing the file unlocks it, too
}

// upToDate brings the schema to the newest version. Processes that find a new
// file at the same time take turns.
func (s *Store) upToDate(ctx context.Context, db *sql.DB) error {
	v, err := dbfile.Version(ctx, db)
	if err != nil || v == len(migrations) {
		return err
	}
	if v > len(migrations) {
		return &dbfile.NewerError{Version: v, Known: len(migrations)}
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return dbfile.Migrate(ctx, db, migrations[:])
}

// begin runs f in a transaction that writes. It waits for another process that
// writes, until ctx ends or patience does.
func (s *Store) begin(ctx context.Context, f func(*sql.Tx) error) error {
	return s.beginWithin(ctx, patience, f)
}

// beginWithin is begin with another patience. The error is [errReplaced] if the
// file was replaced meanwhile: nobody finds what was written.
func (s *Store) beginWithin(ctx context.Context, wait time.Duration, f func(*sql.Tx) error) error {
	db, file, err := s.openFile(ctx)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil && !s.inPlace(file) { // it was closed while this call waited for its turn
		if db, file, err = s.openFile(ctx); err != nil {
			return err
		}
		conn, err = db.Conn(ctx)
	}
	if err != nil {
		return s.explain(err)
	}
	defer conn.Close()
	tx, err := locked(ctx, conn, wait)
	if err != nil {
		return s.explain(err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return s.explain(err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(err)
	}
	if !s.inPlace(file) {
		return s.explain(errReplaced)
	}
	return nil
}

// turn is how long one try for the lock takes: SQLite does not look at a
// context while it waits.
const turn = 50 * time.Millisecond

// locked begins a transaction with the lock that writing needs.
func locked(ctx context.Context, conn *sql.Conn, wait time.Duration) (tx *sql.Tx, err error) {
	for end := time.Now().Add(wait); ; {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", turn.Milliseconds())); err != nil {
			return nil, err
		}
		tx, err = conn.BeginTx(ctx, nil)
		_, reset := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", patience.Milliseconds()))
		switch {
		case err == nil && reset != nil:
			_ = tx.Rollback()
			return nil, reset
		case ctx.Err() != nil && err != nil:
			return nil, ctx.Err()
		case err == nil || !isLocked(err) || time.Now().After(end):
			return tx, err
		}
	}
}

// explain says which file it is, and what to do.
func (s *Store) explain(err error) error {
	var (
		done *FileError
		late *dbfile.NewerError
		path *fs.PathError
		diff *DifferentError
	)
	switch {
	case err == nil, errors.As(err, &done), errors.As(err, &diff), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &path):
		return &FileError{Path: s.path, Err: err, Problem: path.Err.Error()}
	case errors.As(err, &late):
		return &FileError{s.path, err, late.Error(), "use that one, or move the file away"}
	case isDamage(err):
		return &FileError{s.path, err, fmt.Sprintf("the file is damaged (%s)", err), damageRemedy(filepath.Base(s.path))}
	case dbfile.Code(err) == 0:
		return &FileError{Path: s.path, Err: err, Problem: err.Error()}
	}
	return &FileError{Path: s.path, Err: err, Problem: dbfile.Advice(err, patience)}
}

// FileError is a file that cannot be used.
type FileError struct {
	Path    string
	Err     error  // the cause
	Problem string // what is wrong with it
	Remedy  string // what to do; may be empty
}

// Error gives one line: the file, the problem and the remedy.
func (e *FileError) Error() string {
	text := e.Path + ": " + e.Problem
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }
