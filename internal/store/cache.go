package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// CacheLimits bound what [Store.Put] keeps; zero: the defaults.
type CacheLimits struct {
	Age  time.Duration // an entry older than this is none; 0: 30 days
	Size int64         // bytes of all values; what was used longest ago goes first; 0: 256 MiB
}

func (l CacheLimits) age() time.Duration {
	if l.Age == 0 {
		return 30 * 24 * time.Hour
	}
	return l.Age
}

func (l CacheLimits) size() int64 {
	if l.Size == 0 {
		return 256 << 20
	}
	return l.Size
}

// Get returns the value that was put under key, if it is there and not too old.
func (s *Store) Get(ctx context.Context, key []byte, l CacheLimits) (value []byte, ok bool, err error) {
	if !s.Exists() {
		return nil, false, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return nil, false, err
	}
	now := time.Now()
	var used int64
	err = db.QueryRowContext(ctx, "SELECT value, used FROM cache WHERE key = ? AND put > ?", key, now.Add(-l.age()).UnixMilli()).Scan(&value, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err == nil && now.Sub(time.UnixMilli(used)) > usedEvery {
		noteUse(ctx, db, key, now)
	}
	return value, err == nil, s.explain(err)
}

// noteUse notes that an entry was used. It is a hint: where somebody else writes now, the
// answer does not wait for it.
func noteUse(ctx context.Context, db *sql.DB, key []byte, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	_, _ = db.ExecContext(ctx, "UPDATE cache SET used = ? WHERE key = ?", now.UnixMilli(), key)
}

// noteTime is how long the note of an entry's use may take.
const noteTime = 200 * time.Millisecond

// usedEvery is how exact the note of an entry's last use is: not every read
// is worth a write.
const usedEvery = time.Hour

// Put keeps value under key, in the place of what was there. A value larger
// than a quarter of all that may be kept is not.
func (s *Store) Put(ctx context.Context, key, value []byte, l CacheLimits) error {
	size := int64(len(key) + len(value))
	if size > l.size()/4 {
		return nil
	}
	return s.begin(ctx, func(tx *sql.Tx) error {
		now := time.Now().UnixMilli()
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO cache (key, value, size, put, used) VALUES (?, ?, ?, ?, ?)", key, value, size, now, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM cache WHERE put <= ?", time.Now().Add(-l.age()).UnixMilli()); err != nil {
			return err
		}
		return shrink(ctx, tx, l.size())
	})
}

// shrink drops what was used longest ago until the rest fits.
func shrink(ctx context.Context, tx *sql.Tx, size int64) error {
	var have int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(sum(size), 0) FROM cache").Scan(&have); err != nil || have <= size {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM cache WHERE rowid IN (
		SELECT rowid FROM (SELECT rowid, sum(size) OVER (ORDER BY used DESC, rowid DESC) AS upto FROM cache) WHERE upto > ?)`, size)
	return err
}

// CacheStats is what the cache holds.
type CacheStats struct {
	Entries int64     `json:"entries"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest,omitzero"`
}

// Stats counts what the cache holds.
func (s *Store) Stats(ctx context.Context) (st CacheStats, err error) {
	if !s.Exists() {
		return st, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return st, err
	}
	var oldest sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(size), 0), min(put) FROM cache").Scan(&st.Entries, &st.Bytes, &oldest)
	if oldest.Valid {
		st.Oldest = time.UnixMilli(oldest.Int64)
	}
	return st, s.explain(err)
}

// Clear drops every entry of the cache for good, and returns how many there were.
func (s *Store) Clear(ctx context.Context) (entries int64, err error) {
	if !s.Exists() {
		return 0, nil
	}
	err = s.begin(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM cache")
		if err != nil {
			return err
		}
		entries, err = res.RowsAffected()
		return err
	})
	if err != nil || entries == 0 {
		return entries, err
	}
	return entries, s.scrub(ctx)
}
