package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Long texts are kept in pieces, beside the row that they belong to: SQLite
// copies a value several times on its way, and takes none above 1 GB.

// Who a piece belongs to, and which of its texts it is of.
const (
	ownerCall = "call"
	ownerSaid = "said"

	partRecord   = "record"
	partAnswer   = "answer"
	partThinking = "thinking"
	partText     = "text"
)

// pieceSize is the longest text that stays in its row, and the length of a
// piece, bytes.
const pieceSize = 1 << 20

// pieces are the long texts of one row.
type pieces []longText

type longText struct{ part, text string }

// take takes a text out of its row if it is long.
func (p *pieces) take(part string, text *string) {
	if len(*text) > pieceSize {
		*p = append(*p, longText{part, *text})
		*text = ""
	}
}

// insert writes them for a row of the owner's table.
func (p pieces) insert(ctx context.Context, tx execer, owner string, id int64) error {
	buf := make([]byte, 0, pieceSize)
	for _, long := range p {
		for n, from := 0, 0; from < len(long.text); n, from = n+1, from+pieceSize {
			to := min(from+pieceSize, len(long.text))
			if _, err := tx.ExecContext(ctx, "INSERT INTO pieces (owner, row, part, n, text) VALUES (?, ?, ?, ?, ?)", owner, id, long.part, n, append(buf[:0], long.text[from:to]...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// long returns the long texts of the rows that where finds, by row and part.
func (s *Store) long(ctx context.Context, db *sql.DB, owner, where string, args ...any) (map[int64]map[string]string, error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT row, part, text FROM pieces WHERE owner = ? AND row IN (%s) ORDER BY row, part, n", where), append([]any{owner}, args...)...)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	building := map[int64]map[string]*strings.Builder{}
	for rows.Next() {
		var id int64
		var part string
		var text sql.RawBytes
		if err := rows.Scan(&id, &part, &text); err != nil {
			return nil, s.explain(err)
		}
		if building[id] == nil {
			building[id] = map[string]*strings.Builder{}
		}
		if building[id][part] == nil {
			building[id][part] = &strings.Builder{}
		}
		building[id][part].Write(text)
	}
	out := map[int64]map[string]string{}
	for id, parts := range building {
		out[id] = map[string]string{}
		for part, b := range parts {
			out[id][part] = b.String()
		}
	}
	return out, s.explain(rows.Err())
}

// piecesSchema has the long texts of calls and of what was said.
const piecesSchema = `
CREATE TABLE pieces (
	id    INTEGER PRIMARY KEY,
	owner TEXT NOT NULL,       -- call or said: the table
	row   INTEGER NOT NULL,    -- the id there
	part  TEXT NOT NULL,       -- answer, thinking, text or record
	n     INTEGER NOT NULL,    -- from 0
	text  BLOB NOT NULL,
	UNIQUE (owner, row, part, n)
);
CREATE TRIGGER calls_gone_pieces AFTER DELETE ON calls BEGIN
	DELETE FROM pieces WHERE owner = 'call' AND row = old.id;
END;
CREATE TRIGGER said_gone_pieces AFTER DELETE ON said BEGIN
	DELETE FROM pieces WHERE owner = 'said' AND row = old.id;
END;
`
