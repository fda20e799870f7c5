package store

import (
	"context"
	"database/sql"
)

// Examine tries to write to the file, as a command does that runs, and writes nothing.
// It waits for who is writing until ctx ends. Where there is no file, it makes none.
func (s *Store) Examine(ctx context.Context) error {
	if !s.Exists() {
		return nil
	}
	return s.begin(ctx, func(*sql.Tx) error { return nil })
}

// Writable is Examine where the file is about to be written: it makes one where there
// is none.
func (s *Store) Writable(ctx context.Context) error {
	return s.begin(ctx, func(*sql.Tx) error { return nil })
}
