package batch

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"

	"github.com/tandem-llm/tandem/internal/dbfile"
)

// Scores are what checks said of a batch's answers, where saying it again would
// take a call. They are stored with the batch, whoever runs it.
type Scores struct {
	path string
	db   *sql.DB
}

// ItemID names an item of a batch.
type ItemID struct{ Row, Variant, Repeat int }

// OpenScores opens the scores of a batch; fs.ErrNotExist: there is none.
func OpenScores(ctx context.Context, dir, id string) (*Scores, error) {
	path := Path(dir, id)
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := dbfile.Open(dbfile.Address(path, writeTimeout))
	if err != nil {
		return nil, explain(path, err)
	}
	if err := dbfile.Migrate(ctx, db, migrations); err != nil {
		_ = db.Close()
		return nil, explain(path, err)
	}
	return &Scores{path, db}, nil
}

// Close lets go of them.
func (s *Scores) Close() error { return s.db.Close() }

// All are those of a name, as [Scores.Put] was given them, and what they cost, with what
// [Scores.Spend] was given.
func (s *Scores) All(ctx context.Context, name string) (scores map[ItemID]json.RawMessage, usd float64, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, row, variant, repeat, score, usd FROM scores WHERE name IN (?, ?)", name, name+spent)
	if err != nil {
		return nil, 0, explain(s.path, err)
	}
	defer rows.Close()
	scores = map[ItemID]json.RawMessage{}
	for rows.Next() {
		var id ItemID
		var of, text string
		var cost float64
		if err := rows.Scan(&of, &id.Row, &id.Variant, &id.Repeat, &text, &cost); err != nil {
			return nil, 0, explain(s.path, err)
		}
		if of == name {
			scores[id] = json.RawMessage(text)
		}
		usd += cost
	}
	return scores, usd, explain(s.path, rows.Err())
}

// Put stores a score durably. The first one of an item stays.
func (s *Scores) Put(ctx context.Context, name string, id ItemID, score json.RawMessage, usd float64) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO scores (name, row, variant, repeat, score, usd) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		name, id.Row, id.Variant, id.Repeat, string(score), usd)
	return explain(s.path, err)
}

// spent ends the name under which it is stored what calls cost that brought no score.
const spent = " (no score)"

// Spend stores durably what calls cost that brought no score; it adds up.
func (s *Scores) Spend(ctx context.Context, name string, id ItemID, usd float64) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO scores (name, row, variant, repeat, score, usd) VALUES (?, ?, ?, ?, 'null', ?) ON CONFLICT DO UPDATE SET usd = usd + excluded.usd",
		name+spent, id.Row, id.Variant, id.Repeat, usd)
	return explain(s.path, err)
}
