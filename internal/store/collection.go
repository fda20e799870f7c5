package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"github.com/tandem-llm/tandem/provider"
)

// collectionsSchema is a step of migrations: texts and their vectors.
//
// A document is whole, and searched, when it is done. The one that takes its
// place is put together beside it, over as many runs as it takes.
const collectionsSchema = `
CREATE TABLE collections (
	id         INTEGER PRIMARY KEY,
	name       TEXT NOT NULL UNIQUE,
	made       INTEGER NOT NULL,
	provider   TEXT NOT NULL,     -- who makes the vectors
	model      TEXT NOT NULL,     -- as it is asked for
	digest     TEXT NOT NULL,     -- of its weights; empty: not told
	served     TEXT NOT NULL,     -- the model as the engine names it; empty: not known yet
	dimensions INTEGER NOT NULL,  -- of each vector; 0: not known yet
	privacy    TEXT NOT NULL
);
CREATE TABLE documents (
	id         INTEGER PRIMARY KEY,
	collection INTEGER NOT NULL,
	path       TEXT NOT NULL,     -- what it is known by: absolute, or "-"
	source     TEXT NOT NULL,     -- what its readers are told
	sha256     TEXT NOT NULL,     -- of its text
	split      TEXT NOT NULL,     -- how it is cut
	done       INTEGER NOT NULL,
	UNIQUE (collection, path, done)
);
CREATE TABLE passages (
	id       INTEGER PRIMARY KEY,
	document INTEGER NOT NULL,
	line     INTEGER NOT NULL,
	offset   INTEGER NOT NULL,
	vector   BLOB NOT NULL,       -- float32, the lowest byte first
	text     TEXT NOT NULL        -- last: a search reads the columns before it
);
CREATE INDEX passages_document ON passages (document);
`

// Collection is a set of texts whose vectors one model has made.
type Collection struct {
	ID         int64
	Name       string
	Made       time.Time
	Provider   string // who makes the vectors
	Model      string // as it is asked for
	Digest     string // of the model; "": not told
	Served     string // the model as the engine names it; "": not known yet
	Dimensions int    // of each vector; 0: not known yet
	Privacy    provider.Privacy
	Documents  int // whole ones
	Passages   int // of theirs
}

const collectionColumns = `SELECT c.id, c.name, c.made, c.provider, c.model, c.digest, c.served, c.dimensions, c.privacy,
	(SELECT count(*) FROM documents WHERE collection = c.id AND done = 1),
	(SELECT count(*) FROM documents d JOIN passages p ON p.document = d.id WHERE d.collection = c.id AND d.done = 1)
	FROM collections c `

func (c *Collection) scan(row interface{ Scan(...any) error }) error {
	var made int64
	err := row.Scan(&c.ID, &c.Name, &made, &c.Provider, &c.Model, &c.Digest, &c.Served, &c.Dimensions, &c.Privacy, &c.Documents, &c.Passages)
	c.Made = time.UnixMilli(made)
	return err
}

// Collections lists all collections by their names.
func (s *Store) Collections(ctx context.Context) (all []Collection, err error) {
	if !s.Exists() {
		return nil, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, collectionColumns+"ORDER BY c.name")
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Collection
		if err := c.scan(rows); err != nil {
			return nil, s.explain(err)
		}
		all = append(all, c)
	}
	return all, s.explain(rows.Err())
}

// Collection returns the collection of that name, if there is one.
func (s *Store) Collection(ctx context.Context, name string) (c Collection, ok bool, err error) {
	if !s.Exists() {
		return c, false, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return c, false, err
	}
	err = c.scan(db.QueryRowContext(ctx, collectionColumns+"WHERE c.name = ?", name))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, s.explain(err)
}

// MakeCollection makes c, unless there is one of its name that holds vectors,
// and returns what there is then. Of that one only the privacy changes, and only
// to [provider.PrivacyLocal].
func (s *Store) MakeCollection(ctx context.Context, c Collection) (Collection, error) {
	err := s.begin(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO collections (name, made, provider, model, digest, served, dimensions, privacy) VALUES (?, ?, ?, ?, ?, '', 0, ?)`,
			c.Name, time.Now().UnixMilli(), c.Provider, c.Model, c.Digest, c.Privacy)
		if err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE collections SET provider = ?, model = ?, digest = ? WHERE name = ? AND dimensions = 0", c.Provider, c.Model, c.Digest, c.Name)
		}
		if err == nil && c.Privacy == provider.PrivacyLocal {
			_, err = tx.ExecContext(ctx, "UPDATE collections SET privacy = ? WHERE name = ?", c.Privacy, c.Name)
		}
		return err
	})
	if err != nil {
		return c, err
	}
	made, ok, err := s.Collection(ctx, c.Name)
	if err == nil && !ok {
		err = &FileError{Path: s.path, Err: errGone, Problem: fmt.Sprintf("the collection %s was removed meanwhile", c.Name)}
	}
	return made, err
}

var errGone = errors.New("gone")

// DropCollection removes a collection with all that is in it for good. It reports
// whether there was one.
func (s *Store) DropCollection(ctx context.Context, name string) (dropped bool, err error) {
	if !s.Exists() {
		return false, nil
	}
	err = s.begin(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM passages WHERE document IN (
			SELECT d.id FROM documents d JOIN collections c ON c.id = d.collection WHERE c.name = ?)`, name)
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM documents WHERE collection IN (SELECT id FROM collections WHERE name = ?)", name)
		}
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM collections WHERE name = ?", name)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		dropped = n > 0
		return err
	})
	if err != nil || !dropped {
		return dropped, err
	}
	return dropped, s.scrub(ctx)
}

// LockCollections keeps other processes from changing collections until unlock
// is called or the process ends. Readers are not kept. If another process has
// the lock, wait is called once, and then it is waited for.
func (s *Store) LockCollections(ctx context.Context, wait func()) (unlock func(), err error) {
	if _, err := s.open(ctx); err != nil { // makes the directory, too
		return nil, err
	}
	lock := flock.New(s.path+".collections.lock", flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err == nil && !ok {
		wait()
		_, err = lock.TryLockContext(ctx, 50*time.Millisecond)
	}
	if err != nil {
		return nil, s.explain(err)
	}
	return func() { _ = lock.Unlock() }, nil // the process's end unlocks it, too
}
