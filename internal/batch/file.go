package batch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
	"github.com/tandem-llm/tandem/internal/held"
)

// writeTimeout is how long is waited for another process that writes: one that cancels
// the batch, or copies its file.
const writeTimeout = 15 * time.Second

// File is a batch in a file, which this process alone runs. Make one with [Create]
// or [Open]. It is a [Queue].
type File struct {
	path string
	spec Spec
	lock *held.Lock
	db   *sql.DB
	conn *sql.Conn // the only one
	q    statements
	ran  time.Time // since when what Ran counts has not been stored

	asked  int // see File.bound
	waits  int // of processes before this one; see [File.SetWaits]
	waited time.Duration
}

var _ Queue = (*File)(nil)

// Path is where the batch of an id is, in a state directory.
func Path(dir, id string) string { return filepath.Join(dir, "batches", id+".db") }

// Create makes the file of a new batch and holds it. Its rows are added next, and
// [File.Ready] says that they all were. After an error nothing is left of it.
func Create(ctx context.Context, dir string, spec Spec) (_ *File, err error) {
	f := &File{path: Path(dir, spec.ID), spec: spec}
	if err := dbfile.Create(f.path); err != nil {
		return nil, f.explain(err)
	}
	if f.lock, err = take(spec.ID, f.path); err != nil {
		return nil, f.explain(errors.Join(err, dbfile.Remove(f.path)))
	}
	err = f.connect(ctx)
	if err == nil {
		err = f.write(ctx, func() error { return f.putSpec(ctx) })
	}
	if err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

// Open holds a batch that nobody runs: *[HeldError] says who does, fs.ErrNotExist
// that there is none. What was running when its process ended is pending again.
func Open(ctx context.Context, dir, id string) (_ *File, err error) {
	f := &File{path: Path(dir, id)}
	if _, err := os.Stat(f.path); err != nil {
		return nil, err
	}
	if f.lock, err = take(id, f.path); err != nil {
		return nil, f.explain(err)
	}
	if _, err := os.Stat(f.path); err != nil { // it was removed meanwhile
		f.lock.Release()
		return nil, err
	}
	if err := f.reopen(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// reopen checks the file, and takes back what its last process had claimed.
func (f *File) reopen(ctx context.Context) error {
	if err := f.connect(ctx); err != nil {
		return err
	}
	if err := f.undamaged(ctx); err != nil {
		return err
	}
	spec, err := readSpec(ctx, f.conn)
	if err != nil {
		return f.explain(err)
	}
	f.spec = spec
	return f.write(ctx, func() error {
		res, err := f.conn.ExecContext(ctx, "UPDATE items SET state = 0 WHERE state = 1")
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if err = f.conn.QueryRowContext(ctx, `UPDATE batch SET repeated = repeated + CASE WHEN asked > 0 THEN min(asked, ?1) ELSE ?1 END, asked = 0, waiting = 0, away = 0
			RETURNING waits, waited`, n).Scan(&f.waits, &f.waited); err != nil {
			return err
		}
		return f.mergeCounts(ctx, itemRunning)
	})
}

// connect opens the database and brings its schema up to date.
func (f *File) connect(ctx context.Context) (err error) {
	if f.db, err = dbfile.Open(dbfile.Address(f.path, writeTimeout)); err != nil {
		return f.explain(err)
	}
	err = dbfile.Migrate(ctx, f.db, migrations)
	if err == nil {
		f.conn, err = f.db.Conn(ctx)
	}
	if err == nil {
		err = f.q.prepare(ctx, f.conn)
	}
	f.ran = time.Now()
	return f.explain(err)
}

// undamaged looks through the whole file.
func (f *File) undamaged(ctx context.Context) error {
	var found string
	if err := f.conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return f.explain(err)
	}
	if found != "ok" {
		return &FileError{Path: f.path, Damaged: true, Err: errors.New(found)}
	}
	return nil
}

// Spec is what the batch is.
func (f *File) Spec() Spec { return f.spec }

// SetSpec stores another spec: one that its chain or settings have been changed in.
func (f *File) SetSpec(ctx context.Context, spec Spec) error {
	f.spec = spec
	return f.write(ctx, func() error { return f.putSpec(ctx) })
}

func (f *File) putSpec(ctx context.Context) error {
	data, err := json.Marshal(f.spec)
	if err != nil {
		return err
	}
	_, err = f.conn.ExecContext(ctx, "INSERT INTO batch (one, spec) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET spec = excluded.spec", string(data))
	return err
}

// Finish says that what the answers were for is done, such as writing them to the
// output. A batch whose items have all ended is [Finished] only then.
func (f *File) Finish(ctx context.Context) error {
	return f.write(ctx, func() error {
		_, err := f.conn.ExecContext(ctx, "UPDATE batch SET closed = 1")
		return err
	})
}

// Cancelled reports whether somebody has stopped the batch. It may be called while
// [Work] has it.
func (f *File) Cancelled(ctx context.Context) (is bool, err error) {
	err = f.conn.QueryRowContext(ctx, "SELECT cancelled FROM batch").Scan(&is)
	return is, f.explain(err)
}

// SetWaits says how often and how long rows have waited in this process because
// interactive calls went first, and whether they do now. It may be called while [Work]
// has the batch.
func (f *File) SetWaits(ctx context.Context, waits int, waited time.Duration, now bool) error {
	_, err := f.conn.ExecContext(ctx, "UPDATE batch SET waits = ?, waited = ?, waiting = ?", f.waits+waits, (f.waited + waited).Nanoseconds(), now)
	return f.explain(err)
}

// SetAway says whether rows wait because no provider answers. It may be called while
// [Work] has the batch.
func (f *File) SetAway(ctx context.Context, away bool) error {
	_, err := f.conn.ExecContext(ctx, "UPDATE batch SET away = ?", away)
	return f.explain(err)
}

// bound says how many items may be asked and not kept after the next exchange: so many
// are asked twice, at most, if the process ends then.
func (f *File) bound(asked int) { f.asked = asked }

// write runs f in one transaction: all of it is stored, durably, or nothing.
func (f *File) write(ctx context.Context, do func() error) error {
	if _, err := f.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return f.explain(err)
	}
	err := do()
	if err == nil {
		_, err = f.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = f.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // SQLite may have done it already
		return f.explain(err)
	}
	return nil
}

// Close lets go of the batch.
func (f *File) Close() error {
	var err error
	f.q.close()
	if f.conn != nil {
		err = f.conn.Close()
	}
	if f.db != nil {
		err = errors.Join(err, f.db.Close())
	}
	if f.lock != nil {
		f.lock.Release()
	}
	return f.explain(err)
}

// Discard closes the batch and removes its files.
func (f *File) Discard() error {
	f.q.close()
	if f.conn != nil {
		_ = f.conn.Close()
	}
	if f.db != nil {
		_ = f.db.Close() // it is removed
	}
	return f.explain(remove(f.path, f.lock))
}

// remove removes a batch's files and gives its lock back. The lock's own file is the
// last: Windows removes no file that is open. Whoever takes the lock before that finds
// no batch, and on Windows keeps the empty file.
func remove(path string, l *held.Lock) error {
	_ = os.Remove(spoolPath(path)) // usually it does not exist
	err := dbfile.Remove(path)
	l.Release()
	if err == nil {
		_ = os.Remove(path + ".lock")
	}
	return err
}

// FileError is a batch's file that cannot be read or written.
type FileError struct {
	Path    string
	Damaged bool
	Err     error
}

// Error names the file.
func (e *FileError) Error() string {
	if e.Damaged {
		return fmt.Sprintf("%s: the file is damaged (%v)", e.Path, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Path, dbfile.Advice(e.Err, writeTimeout))
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

func (f *File) explain(err error) error { return explain(f.path, err) }

func explain(path string, err error) error {
	var done *FileError
	var held *HeldError
	switch {
	case err == nil, errors.As(err, &done), errors.As(err, &held), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	var in *fs.PathError
	if errors.As(err, &in) {
		return &FileError{Path: path, Err: in.Err}
	}
	code := dbfile.Code(err)
	return &FileError{Path: path, Damaged: code == dbfile.Corrupt || code == dbfile.NotADB, Err: err}
}
