// Package responsestore keeps responses for clients that go on with them: what was asked,
// what was answered, and by whom it may be read. It is one SQLite file of a bounded size,
// whose entries end after a time.
package responsestore

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

	"github.com/tandem-llm/tandem/internal/dbfile"
)

// FileName is the file's name in the state directory.
const FileName = "responses.db"

// The defaults of [Config].
const (
	DefaultKeep    = 30 * 24 * time.Hour
	DefaultMost    = 256 << 20
	DefaultEntries = 20000
)

// patience is how long a process waits for another one that writes.
const patience = 5 * time.Second

// Config is what a Store keeps, and for how long.
type Config struct {
	Dir     string        // the state directory
	Keep    time.Duration // 0: DefaultKeep
	Most    int64         // bytes of all entries; 0: DefaultMost
	Entries int           // 0: DefaultEntries
	Now     func() time.Time
}

// Response is a response that is kept.
type Response struct {
	ID       string
	Previous string // the response that it goes on with, or ""
	Caller   string // the name of the key that it belongs to, or ""
	Private  bool   // its conversation has to stay on this machine
	Input    []byte // a JSON list: the items of its own request
	Output   []byte // a JSON list: the items that were answered
	Object   []byte // the response as it was sent
	Created  time.Time
}

// Store keeps responses. Make one with [New]. It is safe for concurrent use.
type Store struct {
	cfg Config
	mu  sync.Mutex
	db  *sql.DB // nil: not open
}

// New returns the store in a state directory. It opens nothing.
func New(cfg Config) *Store {
	if cfg.Keep == 0 {
		cfg.Keep = DefaultKeep
	}
	if cfg.Most == 0 {
		cfg.Most = DefaultMost
	}
	if cfg.Entries == 0 {
		cfg.Entries = DefaultEntries
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg: cfg}
}

// Close closes the file if it is open.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

var migrations = []string{`
CREATE TABLE responses (
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	previous TEXT NOT NULL,
	caller TEXT NOT NULL,
	private INTEGER NOT NULL,
	input BLOB NOT NULL,
	output BLOB NOT NULL,
	object BLOB NOT NULL,
	size INTEGER NOT NULL,
	created INTEGER NOT NULL
);
CREATE INDEX responses_created ON responses(created);
`}

// open opens the file, and makes it where there is none. Removed while it is open, it
// is opened again.
func (s *Store) open(ctx context.Context, create bool) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.cfg.Dir, FileName)
	_, err := os.Stat(path)
	if s.db != nil && err == nil {
		return s.db, nil
	}
	if s.db != nil {
		_ = s.db.Close()
		s.db = nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, nil
		}
		if err := dbfile.Create(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	db, err := dbfile.Open(dbfile.Address(path, patience) + "&_pragma=secure_delete(1)") // what is dropped is overwritten
	if err != nil {
		return nil, err
	}
	if err := dbfile.Migrate(ctx, db, migrations); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.db = db
	return db, nil
}

// Put keeps a response, and drops those whose time is over, and the oldest where there
// are too many.
func (s *Store) Put(ctx context.Context, r *Response) error {
	size := int64(len(r.Input) + len(r.Output) + len(r.Object))
	if size > s.cfg.Most {
		return fmt.Errorf("the response has %d bytes, and at most %d bytes are stored", size, s.cfg.Most)
	}
	db, err := s.open(ctx, true)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, `INSERT INTO responses (id, previous, caller, private, input, output, object, size, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Previous, r.Caller, r.Private, r.Input, r.Output, r.Object, size, r.Created.Unix())
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM responses WHERE created < ?`, s.since())
	}
	if err == nil {
		err = s.bound(ctx, tx)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// expireEvery is how often [Store.Expire] drops what is over.
const expireEvery = time.Hour

// Expire drops responses whose time is over, now and from time to time until ctx ends. A
// file that cannot be changed now is tried again.
func (s *Store) Expire(ctx context.Context) {
	for {
		_ = s.expire(ctx)
		select {
		case <-time.After(expireEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) expire(ctx context.Context) error {
	db, err := s.open(ctx, false)
	if db == nil {
		return err
	}
	res, err := db.ExecContext(ctx, `DELETE FROM responses WHERE created < ?`, s.since())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return empty(ctx, db)
}

// empty has what was dropped gone from the file beside the database, too.
func empty(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// bound drops the oldest responses until the others are within the limits.
func (s *Store) bound(ctx context.Context, tx *sql.Tx) error {
	for {
		var n int
		var bytes sql.NullInt64
		if err := tx.QueryRowContext(ctx, `SELECT count(*), sum(size) FROM responses`).Scan(&n, &bytes); err != nil {
			return err
		}
		if n <= s.cfg.Entries && bytes.Int64 <= s.cfg.Most {
			return nil
		}
		drop := max(n-s.cfg.Entries, n/20, 1)
		if _, err := tx.ExecContext(ctx, `DELETE FROM responses WHERE n IN (SELECT n FROM responses ORDER BY n LIMIT ?)`, drop); err != nil {
			return err
		}
	}
}

func (s *Store) since() int64 { return s.cfg.Now().Add(-s.cfg.Keep).Unix() }

// Get returns the response of that id, if it is kept, its time is not over, and it is
// the caller's.
func (s *Store) Get(ctx context.Context, caller, id string) (*Response, bool, error) {
	db, err := s.open(ctx, false)
	if db == nil {
		return nil, false, err
	}
	r := Response{ID: id, Caller: caller}
	var created int64
	err = db.QueryRowContext(ctx, `SELECT previous, private, input, output, object, created FROM responses WHERE id = ? AND caller = ? AND created >= ?`, id, caller, s.since()).
		Scan(&r.Previous, &r.Private, &r.Input, &r.Output, &r.Object, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	r.Created = time.Unix(created, 0)
	return &r, err == nil, err
}

// Turn returns the response of that id as Get does, without its Object: what a
// conversation goes on with.
func (s *Store) Turn(ctx context.Context, caller, id string) (*Response, bool, error) {
	db, err := s.open(ctx, false)
	if db == nil {
		return nil, false, err
	}
	r := Response{ID: id, Caller: caller}
	err = db.QueryRowContext(ctx, `SELECT previous, private, input, output FROM responses WHERE id = ? AND caller = ? AND created >= ?`, id, caller, s.since()).
		Scan(&r.Previous, &r.Private, &r.Input, &r.Output)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return &r, err == nil, err
}

// Delete drops the response of that id, so that nothing of it is left in the file, and
// reports whether there was one of the caller's.
func (s *Store) Delete(ctx context.Context, caller, id string) (bool, error) {
	db, err := s.open(ctx, false)
	if db == nil {
		return false, err
	}
	res, err := db.ExecContext(ctx, `DELETE FROM responses WHERE id = ? AND caller = ?`, id, caller)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	return true, empty(ctx, db)
}
