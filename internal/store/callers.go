package store

import (
	"context"
	"time"
)

// callersSchema has on whose behalf a call was made, and what each caller has spent, as
// sums like those of all; see sumsSchema.
const callersSchema = `
ALTER TABLE ledger ADD COLUMN caller TEXT NOT NULL DEFAULT ''; -- empty: nobody said
CREATE TABLE spent_by_caller (
	caller TEXT NOT NULL,
	began  INTEGER NOT NULL, -- of the bucket of 900000 ms
	nano   INTEGER NOT NULL,
	PRIMARY KEY (caller, began)
) WITHOUT ROWID;
CREATE TRIGGER ledger_added_caller AFTER INSERT ON ledger WHEN new.caller <> '' AND new.expires IS NULL AND coalesce(new.usd, new.at_most, 0) <> 0 BEGIN
	INSERT INTO spent_by_caller VALUES (new.caller, new.began / 900000 * 900000, coalesce(new.usd, new.at_most))
		ON CONFLICT (caller, began) DO UPDATE SET nano = nano + excluded.nano;
END;
CREATE TRIGGER ledger_changed_from_caller AFTER UPDATE ON ledger WHEN old.caller <> '' AND old.expires IS NULL BEGIN
	UPDATE spent_by_caller SET nano = nano - coalesce(old.usd, old.at_most, 0) WHERE caller = old.caller AND began = old.began / 900000 * 900000;
END;
CREATE TRIGGER ledger_changed_to_caller AFTER UPDATE ON ledger WHEN new.caller <> '' AND new.expires IS NULL AND coalesce(new.usd, new.at_most, 0) <> 0 BEGIN
	INSERT INTO spent_by_caller VALUES (new.caller, new.began / 900000 * 900000, coalesce(new.usd, new.at_most))
		ON CONFLICT (caller, began) DO UPDATE SET nano = nano + excluded.nano;
END;
CREATE TRIGGER ledger_gone_caller AFTER DELETE ON ledger WHEN old.caller <> '' AND old.expires IS NULL BEGIN
	UPDATE spent_by_caller SET nano = nano - coalesce(old.usd, old.at_most, 0) WHERE caller = old.caller AND began = old.began / 900000 * 900000;
END;
`

const usedByCallerSQL = `SELECT
	(SELECT coalesce(sum(nano), 0) FROM spent_by_caller WHERE caller = ?4 AND began >= ?3) +
	(SELECT coalesce(sum(coalesce(usd, at_most, 0)), 0) FROM ledger INDEXED BY ledger_began WHERE began >= ?2 AND began < ?3 AND expires IS NULL AND caller = ?4) +
	(SELECT coalesce(sum(at_most), 0) FROM ledger INDEXED BY ledger_reserved WHERE expires > ?1 AND began >= ?2 AND caller = ?4)`

// usedByCaller is what a caller's calls that began at t or later have spent or reserved,
// in billionths of a dollar.
func usedByCaller(ctx context.Context, q querier, caller string, t, now time.Time) (int64, error) {
	from, span := t.UnixMilli(), bucket.Milliseconds()
	return sum(ctx, q, usedByCallerSQL, now.UnixMilli(), from, (from+span-1)/span*span, caller)
}

// CountedFor returns what counts against a caller's budget today, in US dollars.
func (s *Store) CountedFor(ctx context.Context, caller string) (usd float64, err error) {
	if !s.Exists() {
		return 0, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	used, err := usedByCaller(ctx, db, caller, midnight(now), now)
	return dollars(used), s.explain(err)
}
