package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/tandem-llm/tandem/internal/vec"
)

// Nearest returns the k passages of a collection whose vectors are nearest to
// query, the best first. It looks at every vector and holds k. Errors:
// [DifferentError] when query has other dimensions than they.
func (s *Store) Nearest(ctx context.Context, collection int64, query []float32, k int) ([]Found, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // both queries see the same passages
	if err != nil {
		return nil, s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has changed nothing
	best, err := nearest(ctx, tx, collection, query, k)
	if err != nil {
		return nil, s.explain(err)
	}
	found := make([]Found, len(best))
	for i, b := range best {
		f := &found[i]
		f.Score, f.Vector = b.Score, b.Value.vector
		err := tx.QueryRowContext(ctx, `SELECT p.line, p.offset, p.text, d.source, c.privacy FROM passages p
			JOIN documents d ON d.id = p.document JOIN collections c ON c.id = d.collection WHERE p.id = ?`, b.Value.id).
			Scan(&f.Line, &f.Offset, &f.Text, &f.Source, &f.Privacy)
		if err != nil {
			return nil, s.explain(err)
		}
	}
	return found, nil
}

type candidate struct {
	id     int64
	vector []float32
}

func nearest(ctx context.Context, tx *sql.Tx, collection int64, query []float32, k int) ([]vec.Scored[candidate], error) {
	rows, err := tx.QueryContext(ctx, "SELECT p.id, p.vector FROM documents d JOIN passages p ON p.document = d.id WHERE d.collection = ? AND d.done = 1", collection)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	best, v := vec.NewBest[candidate](k), make([]float32, len(query))
	to := vec.NewQuery(query)
	for rows.Next() {
		var id int64
		var blob sql.RawBytes
		if err := rows.Scan(&id, &blob); err != nil {
			return nil, err
		}
		if len(blob) != 4*len(query) {
			return nil, &DifferentError{fmt.Sprintf("the question's vector has %d dimensions, and those of the collection %d: another model made them", len(query), len(blob)/4)}
		}
		fromBlob(v, blob)
		if score := to.Cosine(v); best.Wants(score) {
			best.Add(score, candidate{id, slices.Clone(v)})
		}
	}
	return best.Found(), rows.Err()
}

func toBlob(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// fromBlob fills v, which is as long as b.
func fromBlob(v []float32, b []byte) {
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}
