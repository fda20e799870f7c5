package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNoRun is an id that no run has.
var ErrNoRun = errors.New("no such run")

// Run returns one run with its calls. id may be the beginning of one, and
// empty means the newest. Errors: [ErrNoRun]; several runs that begin so.
func (s *Store) Run(ctx context.Context, id string) (Run, error) {
	if !s.Exists() {
		return Run{}, ErrNoRun
	}
	db, err := s.open(ctx)
	if err != nil {
		return Run{}, err
	}
	full, err := s.find(ctx, db, id)
	if err != nil {
		return Run{}, err
	}
	r := Run{ID: full}
	var began int64
	if err := db.QueryRowContext(ctx, "SELECT began, command, chain, file, sha256, tandem FROM runs WHERE id = ?", full).
		Scan(&began, &r.Command, &r.Chain, &r.File, &r.SHA256, &r.Tandem); err != nil {
		return r, s.explain(err)
	}
	r.Began = time.UnixMilli(began)
	long, err := s.long(ctx, db, ownerCall, "SELECT id FROM calls WHERE run = ?", full)
	if err != nil {
		return r, err
	}
	rows, err := db.QueryContext(ctx, "SELECT id, record FROM calls WHERE run = ? ORDER BY id", full)
	if err != nil {
		return r, s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Call
		var n int64
		var text string
		if err := rows.Scan(&n, &text); err != nil {
			return r, s.explain(err)
		}
		parts := long[n]
		if all, ok := parts[partRecord]; ok {
			text = all
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return r, s.explain(fmt.Errorf("call %d cannot be read: %w", n, err))
		}
		if all, ok := parts[partAnswer]; ok {
			c.Answer = all
		}
		if all, ok := parts[partThinking]; ok {
			c.Thinking = all
		}
		c.ID = n
		r.Calls = append(r.Calls, c)
	}
	return r, s.explain(rows.Err())
}

// find completes an id.
func (s *Store) find(ctx context.Context, db *sql.DB, id string) (string, error) {
	low := strings.ToLower(id)
	rows, err := db.QueryContext(ctx, "SELECT id FROM runs WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 2", low, low+"\x7f")
	if err != nil {
		return "", s.explain(err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return "", s.explain(err)
		}
		found = append(found, one)
	}
	switch {
	case rows.Err() != nil:
		return "", s.explain(rows.Err())
	case len(found) == 0:
		return "", ErrNoRun
	case len(found) > 1 && id != "":
		return "", fmt.Errorf("several runs start with %s, such as %s and %s; give more of the id", id, found[0], found[1])
	}
	return found[0], nil
}

// Forget drops the runs that began before t, and returns how many. What they
// cost stays in the ledger, which has no content.
func (s *Store) Forget(ctx context.Context, t time.Time) (runs int64, err error) {
	if !s.Exists() {
		return 0, nil
	}
	err = s.begin(ctx, func(tx *sql.Tx) error {
		before := t.UnixMilli()
		if _, err := tx.ExecContext(ctx, "DELETE FROM calls WHERE run IN (SELECT id FROM runs WHERE began < ?)", before); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM runs WHERE began < ?", before)
		if err != nil {
			return err
		}
		runs, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, err
	}
	return runs, s.scrub(ctx)
}

// scrub takes what was deleted out of the file, and gives the space back.
func (s *Store) scrub(ctx context.Context) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	for _, q := range []string{"INSERT INTO texts (texts) VALUES ('optimize')", "INSERT INTO said_texts (said_texts) VALUES ('optimize')", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return s.explain(err)
		}
	}
	return nil
}
