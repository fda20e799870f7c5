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

// Line is one run as a list has it.
type Line struct {
	ID       string        `json:"id"`
	Began    time.Time     `json:"began"`
	Command  string        `json:"command,omitempty"`
	Chain    string        `json:"chain,omitempty"`
	Calls    int           `json:"calls"`
	Failed   string        `json:"error_kind,omitempty"` // of the last call that failed
	Finish   string        `json:"finish,omitempty"`     // of the last call
	Provider string        `json:"provider,omitempty"`   // who answered last
	Model    string        `json:"model,omitempty"`
	Took     time.Duration `json:"took_ns"` // all calls
	Prompt   string        `json:"prompt,omitempty"`
	Answer   string        `json:"answer,omitempty"` // the last call's
}

const lines = `
SELECT r.id, r.began, r.command, r.chain, count(c.id), coalesce(max(nullif(c.kind, '')), ''), coalesce(sum(c.took), 0),
	coalesce((SELECT prompt FROM calls WHERE run = r.id ORDER BY id LIMIT 1), ''),
	coalesce((SELECT json_array(finish, provider, model, answer) FROM calls WHERE run = r.id ORDER BY id DESC LIMIT 1), '["","","",""]')
FROM runs r JOIN calls c ON c.run = r.id
%s GROUP BY r.id ORDER BY r.id DESC LIMIT ?`

// Runs returns the newest n runs, newest first.
func (s *Store) Runs(ctx context.Context, n int) ([]Line, error) {
	return s.lines(ctx, "", n)
}

// Search returns the newest n runs in which a prompt or an answer has every
// word of text, newest first. Words are found whole, whatever their case and
// accents; a text that no word matches is looked for as it is, inside words.
func (s *Store) Search(ctx context.Context, text string, n int) ([]Line, error) {
	match := matching(text)
	if match == "" {
		return nil, nil
	}
	found, err := s.lines(ctx, "WHERE r.id IN (SELECT run FROM calls WHERE id IN (SELECT rowid FROM texts WHERE texts MATCH ?))", n, match)
	if err != nil || len(found) > 0 {
		return found, err
	}
	return s.lines(ctx, "WHERE r.id IN (SELECT run FROM calls WHERE instr(lower(prompt), lower(?1)) OR instr(lower(answer), lower(?1)))", n, text)
}

// matching is the query for texts that have every word of text; empty: it has
// none.
func matching(text string) string {
	text = strings.ReplaceAll(text, "\x00", " ") // which would end the query
	var words []string
	for w := range strings.FieldsSeq(text) {
		words = append(words, `"`+strings.ReplaceAll(w, `"`, `""`)+`"`)
	}
	return strings.Join(words, " ")
}

func (s *Store) lines(ctx context.Context, where string, n int, args ...any) ([]Line, error) {
	if !s.Exists() {
		return nil, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if n <= 0 {
		n = -1
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf(lines, where), append(args, n)...)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	var out []Line
	for rows.Next() {
		var l Line
		var began, took int64
		var last string
		if err := rows.Scan(&l.ID, &began, &l.Command, &l.Chain, &l.Calls, &l.Failed, &took, &l.Prompt, &last); err != nil {
			return nil, s.explain(err)
		}
		var four [4]string
		if err := json.Unmarshal([]byte(last), &four); err != nil {
			return nil, s.explain(err)
		}
		l.Began, l.Took = time.UnixMilli(began), time.Duration(took)
		l.Finish, l.Provider, l.Model, l.Answer = four[0], four[1], four[2], four[3]
		out = append(out, l)
	}
	return out, s.explain(rows.Err())
}

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
