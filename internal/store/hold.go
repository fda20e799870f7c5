package store

import (
	"context"
	"database/sql"
	"os"
	"slices"

	"github.com/tandem-llm/tandem/provider/ledger"
)

// A hold is money set aside for work that outlives the process, such as a part of a
// batch at a provider's Batch API. It has no end of its own: whoever collects the work
// lets it go. It is a line of the ledger, whose basis has the hold's key.

const holdPrefix = "under way in a Batch API: "

// Hold sets h.USD aside under a key, unless it is set aside already. Errors are those
// of [Book.Reserve].
func (b *Book) Hold(ctx context.Context, h ledger.Reservation, key string) error {
	now, need := b.now(), nano(h.USD)
	return b.w.store.begin(ctx, func(tx *sql.Tx) error {
		var held int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM ledger WHERE run = ? AND basis = ?", h.Run, holdPrefix+key).Scan(&held); err != nil || held > 0 {
			return err
		}
		if err := b.w.store.wrote(ctx, tx, now); err != nil {
			return err
		}
		if err := b.fits(ctx, tx, &h, need, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO ledger (run, began, provider, model, at_most, basis, pid, caller) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			h.Run, now.UnixMilli(), h.Provider, h.Model, need, holdPrefix+key, os.Getpid(), h.Caller.Name)
		return err
	})
}

// LetGo gives back what a run holds, but for some keys. What its calls cost, which
// takes the place of that, is written first.
func (b *Book) LetGo(ctx context.Context, run string, but ...string) error {
	if !b.w.store.Exists() {
		return nil
	}
	b.w.Flush()
	return b.w.store.begin(ctx, func(tx *sql.Tx) error {
		gone, err := heldBy(ctx, tx, run, but)
		if err != nil {
			return err
		}
		for _, id := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM ledger WHERE id = ?", id); err != nil {
				return err
			}
		}
		if len(gone) > 0 {
			b.w.store.wroteAnyway(ctx, tx, b.now())
		}
		return nil
	})
}

// heldBy are the lines of a run's holds, but for some keys.
func heldBy(ctx context.Context, tx *sql.Tx, run string, but []string) (ids []int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, substr(basis, ?) FROM ledger WHERE run = ? AND usd IS NULL AND basis LIKE ?", len(holdPrefix)+1, run, holdPrefix+"%")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var key string
		if err := rows.Scan(&id, &key); err != nil {
			return nil, err
		}
		if !slices.Contains(but, key) {
			ids = append(ids, id)
		}
	}
	return ids, rows.Err()
}
