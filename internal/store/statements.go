package store

import (
	"context"
	"database/sql"
)

// execer is a transaction, or its statements.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

var (
	_ execer = (*sql.Tx)(nil)
	_ execer = (*statements)(nil)
)

// statements has each text of SQL of a transaction prepared once: of short statements,
// most of the time would go into reading them.
type statements struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt // until the transaction ends
}

// ExecContext does what the query says.
func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt := s.prepared[query]
	if stmt == nil {
		var err error
		if stmt, err = s.tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		if s.prepared == nil {
			s.prepared = map[string]*sql.Stmt{}
		}
		s.prepared[query] = stmt
	}
	return stmt.ExecContext(ctx, args...)
}
