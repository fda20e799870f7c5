package store

import (
	"context"
	"time"
)

// A budget is checked before every call, and so what was spent is kept as sums:
// settled amounts by the quarter of an hour in which their call began, and by
// run. Triggers change the sums in the transaction that changes the ledger, so
// that they hold after a crash and for any number of processes. Reservations
// are few, and are added up each time.

// bucket is the span of one sum. Midnight falls between two buckets in every
// time zone in use; what lies before the first whole bucket is added up row by
// row.
const bucket = 15 * time.Minute

// sumsSchema has the sums.
const sumsSchema = `
CREATE TABLE spent_by_time (
	began INTEGER PRIMARY KEY, -- of the bucket of 900000 ms
	nano  INTEGER NOT NULL
);
CREATE TABLE spent_by_run (
	run  TEXT PRIMARY KEY,
	nano INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX ledger_reserved ON ledger (expires) WHERE expires IS NOT NULL;
INSERT INTO spent_by_time SELECT began / 900000 * 900000, sum(coalesce(usd, at_most, 0)) FROM ledger WHERE expires IS NULL GROUP BY 1;
INSERT INTO spent_by_run SELECT run, sum(coalesce(usd, at_most, 0)) FROM ledger WHERE expires IS NULL AND run <> '' GROUP BY 1;
CREATE TRIGGER ledger_added AFTER INSERT ON ledger WHEN new.expires IS NULL AND coalesce(new.usd, new.at_most, 0) <> 0 BEGIN
	INSERT INTO spent_by_time VALUES (new.began / 900000 * 900000, coalesce(new.usd, new.at_most))
		ON CONFLICT (began) DO UPDATE SET nano = nano + excluded.nano;
	INSERT INTO spent_by_run SELECT new.run, coalesce(new.usd, new.at_most) WHERE new.run <> ''
		ON CONFLICT (run) DO UPDATE SET nano = nano + excluded.nano;
END;
CREATE TRIGGER ledger_changed_from AFTER UPDATE ON ledger WHEN old.expires IS NULL BEGIN
	UPDATE spent_by_time SET nano = nano - coalesce(old.usd, old.at_most, 0) WHERE began = old.began / 900000 * 900000;
	UPDATE spent_by_run SET nano = nano - coalesce(old.usd, old.at_most, 0) WHERE run = old.run;
END;
CREATE TRIGGER ledger_changed_to AFTER UPDATE ON ledger WHEN new.expires IS NULL AND coalesce(new.usd, new.at_most, 0) <> 0 BEGIN
	INSERT INTO spent_by_time VALUES (new.began / 900000 * 900000, coalesce(new.usd, new.at_most))
		ON CONFLICT (began) DO UPDATE SET nano = nano + excluded.nano;
	INSERT INTO spent_by_run SELECT new.run, coalesce(new.usd, new.at_most) WHERE new.run <> ''
		ON CONFLICT (run) DO UPDATE SET nano = nano + excluded.nano;
END;
CREATE TRIGGER ledger_gone AFTER DELETE ON ledger WHEN old.expires IS NULL BEGIN
	UPDATE spent_by_time SET nano = nano - coalesce(old.usd, old.at_most, 0) WHERE began = old.began / 900000 * 900000;
	UPDATE spent_by_run SET nano = nano - coalesce(old.usd, old.at_most, 0) WHERE run = old.run;
END;
`

// What counts against a budget. Each is one statement: its parts are of one
// moment.
const (
	usedSinceSQL = `SELECT
	(SELECT coalesce(sum(nano), 0) FROM spent_by_time WHERE began >= ?3) +
	(SELECT coalesce(sum(coalesce(usd, at_most, 0)), 0) FROM ledger INDEXED BY ledger_began WHERE began >= ?2 AND began < ?3 AND expires IS NULL) +
	(SELECT coalesce(sum(at_most), 0) FROM ledger INDEXED BY ledger_reserved WHERE expires > ?1 AND began >= ?2)`
	reservedSinceSQL = `SELECT coalesce(sum(at_most), 0) FROM ledger INDEXED BY ledger_reserved WHERE expires > ?1 AND began >= ?2`
	usedByRunSQL     = `SELECT
	(SELECT coalesce(sum(nano), 0) FROM spent_by_run WHERE run = ?2) +
	(SELECT coalesce(sum(at_most), 0) FROM ledger INDEXED BY ledger_reserved WHERE expires > ?1 AND run = ?2)`
)

// usedSince is what calls that began at t or later have spent or reserved, in
// billionths of a dollar.
func usedSince(ctx context.Context, q querier, t, now time.Time) (int64, error) {
	from, span := t.UnixMilli(), bucket.Milliseconds()
	return sum(ctx, q, usedSinceSQL, now.UnixMilli(), from, (from+span-1)/span*span)
}

// reservedSince is the part of usedSince that is only reserved.
func reservedSince(ctx context.Context, q querier, t, now time.Time) (int64, error) {
	return sum(ctx, q, reservedSinceSQL, now.UnixMilli(), t.UnixMilli())
}

// usedByRun is what a run has spent or reserved. Calls without a run have no
// budget in common.
func usedByRun(ctx context.Context, q querier, run string, now time.Time) (int64, error) {
	if run == "" {
		return 0, nil
	}
	return sum(ctx, q, usedByRunSQL, now.UnixMilli(), run)
}

func sum(ctx context.Context, q querier, query string, args ...any) (n int64, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}
