package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// Document is one text of a collection.
type Document struct {
	ID     int64
	Path   string // what it is known by: an absolute path, or "-"
	Source string // what readers are told
	SHA256 string // of its text
	Split  string // how it is cut into passages
	Done   bool   // it is whole; else begun, and not searched
}

// Documents lists a collection's documents by their paths, those begun too.
func (s *Store) Documents(ctx context.Context, collection int64) (all []Document, err error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT id, path, source, sha256, split, done FROM documents WHERE collection = ? ORDER BY path, done", collection)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var d Document
		if err := rows.Scan(&d.ID, &d.Path, &d.Source, &d.SHA256, &d.Split, &d.Done); err != nil {
			return nil, s.explain(err)
		}
		all = append(all, d)
	}
	return all, s.explain(rows.Err())
}

// StageDocument begins a document, or continues one that was begun and is
// the same, and tells how many of its passages are there already. What else was
// begun under its path is dropped. It is not searched before FinishDocument.
// The caller holds the lock.
func (s *Store) StageDocument(ctx context.Context, collection int64, d Document) (id int64, have int, err error) {
	err = s.begin(ctx, func(tx *sql.Tx) error {
		var old Document
		err := tx.QueryRowContext(ctx, "SELECT id, sha256, split FROM documents WHERE collection = ? AND path = ? AND done = 0", collection, d.Path).
			Scan(&old.ID, &old.SHA256, &old.Split)
		switch {
		case err == nil && old.SHA256 == d.SHA256 && old.Split == d.Split:
			id = old.ID
			return tx.QueryRowContext(ctx, "SELECT count(*) FROM passages WHERE document = ?", id).Scan(&have)
		case err == nil:
			err = dropDocument(ctx, tx, old.ID)
		case errors.Is(err, sql.ErrNoRows):
			err = nil
		}
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO documents (collection, path, source, sha256, split, done) VALUES (?, ?, ?, ?, ?, 0)",
			collection, d.Path, d.Source, d.SHA256, d.Split)
		if err != nil {
			return err
		}
		id, err = res.LastInsertId()
		return err
	})
	return id, have, err
}

// Passage is a piece of a document with its vector.
type Passage struct {
	Line, Offset int
	Text         string
	Vector       []float32
}

// AddPassages adds passages to a document that was staged; served is the model
// that made the vectors, as the engine names it. Errors: [DifferentError] when
// other vectors of the collection are by another model.
func (s *Store) AddPassages(ctx context.Context, collection, document int64, served string, passages []Passage) error {
	return s.begin(ctx, func(tx *sql.Tx) error {
		for _, p := range passages {
			if err := sameKind(ctx, tx, collection, served, len(p.Vector)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO passages (document, line, offset, vector, text) VALUES (?, ?, ?, ?, ?)",
				document, p.Line, p.Offset, toBlob(p.Vector), p.Text); err != nil {
				return err
			}
		}
		return nil
	})
}

// DifferentError is a vector that does not belong into its collection.
type DifferentError struct{ text string }

func (e *DifferentError) Error() string { return e.text }

// sameKind notes what the first vector is like, and refuses one that differs.
func sameKind(ctx context.Context, tx *sql.Tx, collection int64, served string, dimensions int) error {
	var c Collection
	if err := tx.QueryRowContext(ctx, "SELECT name, served, dimensions FROM collections WHERE id = ?", collection).Scan(&c.Name, &c.Served, &c.Dimensions); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return &DifferentError{"the collection was removed meanwhile"}
		}
		return err
	}
	switch {
	case c.Dimensions == 0:
		_, err := tx.ExecContext(ctx, "UPDATE collections SET served = ?, dimensions = ? WHERE id = ?", served, dimensions, collection)
		return err
	case c.Served != served || c.Dimensions != dimensions:
		return &DifferentError{fmt.Sprintf("the vectors of the collection %s are by %s and have %d dimensions, and this one by %s has %d: they cannot be compared",
			c.Name, c.Served, c.Dimensions, served, dimensions)}
	}
	return nil
}

// FinishDocument puts a staged document into the place of the one of its path.
func (s *Store) FinishDocument(ctx context.Context, id int64) error {
	return s.begin(ctx, func(tx *sql.Tx) error {
		var old int64
		err := tx.QueryRowContext(ctx, `SELECT old.id FROM documents new JOIN documents old
			ON old.collection = new.collection AND old.path = new.path AND old.done = 1 WHERE new.id = ?`, id).Scan(&old)
		if err == nil {
			err = dropDocument(ctx, tx, old)
		} else if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE documents SET done = 1 WHERE id = ?", id)
		}
		return err
	})
}

// RenameDocument changes what readers are told about where a document comes from.
func (s *Store) RenameDocument(ctx context.Context, id int64, source string) error {
	return s.begin(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE documents SET source = ? WHERE id = ?", source, id)
		return err
	})
}

// DropDocument removes a document and its passages.
func (s *Store) DropDocument(ctx context.Context, id int64) error {
	return s.begin(ctx, func(tx *sql.Tx) error { return dropDocument(ctx, tx, id) })
}

func dropDocument(ctx context.Context, tx *sql.Tx, id int64) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM passages WHERE document = ?", id)
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM documents WHERE id = ?", id)
	}
	return err
}

// Found is a passage that a search found.
type Found struct {
	Passage
	Source  string
	Score   float64
	Privacy provider.Privacy // the collection's, when it was read
}
