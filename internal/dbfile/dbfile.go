// Package dbfile is what files of SQLite's have in common here: how they are
// opened so that what is committed survives a power cut, that nobody else may
// read them, how their schema is brought up to date, and what SQLite's result
// codes mean for a user.
package dbfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// MaxWAL is the size to which the file beside the database is cut, bytes, once a
// large transaction in it has been copied into the database.
const MaxWAL = 8 << 20

// Address is a database as a URI, with what every connection sets: each commit is
// synced, each transaction begins with the lock for writing, and SQLite waits for
// another process that has it as long as wait. SQLite makes no file: one of its own
// could be read by others, and would stand in the place of one that was removed. See
// [Create].
func Address(path string, wait time.Duration) string {
	return fmt.Sprintf("%s?mode=rw&_pragma=busy_timeout(%d)&_pragma=synchronous(FULL)&_pragma=journal_size_limit(%d)&_txlock=immediate", uri(path), wait.Milliseconds(), MaxWAL)
}

// ReadOnly is a database as a URI, for a process that changes nothing in it.
func ReadOnly(path string, wait time.Duration) string {
	return fmt.Sprintf("%s?mode=ro&_pragma=busy_timeout(%d)&_pragma=query_only(1)", uri(path), wait.Milliseconds())
}

func uri(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u := url.URL{Scheme: "file", Path: path}
	return u.String()
}

// Open opens the database at an address, by one connection: a process never waits
// for itself.
func Open(address string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// Create makes an empty file, and its directory, that others cannot read. SQLite
// gives the files beside it the same mode. It fails if there is one.
func Create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Parts are a database's file and those that SQLite keeps beside it.
func Parts(path string) []string { return []string{path, path + "-wal", path + "-shm"} }

// Remove removes a database, those beside it first.
func Remove(path string) error {
	parts := Parts(path)
	for i := len(parts) - 1; i >= 0; i-- {
		if err := os.Remove(parts[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Version is how many migrations the database has had.
func Version(ctx context.Context, db *sql.DB) (v int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, err
}

// NewerError is a database that a later version of the program wrote.
type NewerError struct {
	Version int // of the schema
	Known   int // the latest one that this program knows
}

// Error says both versions.
func (e *NewerError) Error() string {
	return fmt.Sprintf("a newer tandem wrote it (schema %d, this one knows %d)", e.Version, e.Known)
}

// Migrate brings the schema up to date: the n-th of the migrations brings it from
// version n to n+1. Processes that do the same at a time take turns, except where the
// database is empty: that one is the caller's own. It returns a *[NewerError] for a
// version that has no migration.
func Migrate(ctx context.Context, db *sql.DB, migrations []string) error {
	v, err := Version(ctx, db)
	if err != nil {
		return err
	}
	if v == 0 { // the mode is kept in the file
		if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
			return err
		}
	}
	for v != len(migrations) && err == nil {
		v, err = migrate(ctx, db, migrations)
	}
	return err
}

// migrate does the next migration, if another process has not, and returns the
// version then.
func migrate(ctx context.Context, db *sql.DB, migrations []string) (v int, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return 0, err
	}
	if v > len(migrations) {
		return v, &NewerError{Version: v, Known: len(migrations)}
	}
	if v < len(migrations) {
		_, err = tx.ExecContext(ctx, migrations[v])
		v++
		if err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", v))
		}
		if err != nil {
			return v, fmt.Errorf("bringing the schema to version %d: %w", v, err)
		}
	}
	return v, tx.Commit()
}

// SQLite's primary result codes that something is decided by.
const (
	Busy         = 5
	Locked       = 6
	NoMemory     = 7
	ReadOnlyFile = 8
	IOError      = 10
	Corrupt      = 11
	Full         = 13
	CantOpen     = 14
	Auth         = 23
	NotADB       = 26
)

// Code is SQLite's primary result code; 0: the error is none of SQLite's.
func Code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// Advice is what an error of SQLite's means for the user, who has waited as long
// as wait for a lock.
func Advice(err error, wait time.Duration) string {
	switch Code(err) {
	case Full:
		return "the disk is full"
	case ReadOnlyFile, CantOpen, Auth:
		return fmt.Sprintf("the file or its directory cannot be written (%s)", err)
	case Busy, Locked:
		return fmt.Sprintf("another program has kept it locked for %s", wait)
	}
	return err.Error()
}
