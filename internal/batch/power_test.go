package batch

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// onDisk is a batch's database, and what SQLite keeps beside it.
type onDisk struct{ db, wal []byte }

func readDisk(t *testing.T, dir string) onDisk {
	t.Helper()
	db, err := os.ReadFile(Path(dir, "b1"))
	wal, walErr := os.ReadFile(Path(dir, "b1") + "-wal")
	if err := errors.Join(err, walErr); err != nil {
		t.Fatal(err)
	}
	return onDisk{db, wal}
}

// A power cut loses what was not synced. After each commit the file beside the
// database is synced up to there, so that it alone has to be whole: the database may
// be as it was before pages were copied into it, wholly or in part, and what comes
// after the last commit may be there in part, or be nonsense.
func TestAPowerCutLosesNothingThatWasKept(t *testing.T) {
	const n, at = 300, 8
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, n, Spec{})
	// Pages are copied into the database every few commits.
	if _, err := f.conn.ExecContext(t.Context(), "PRAGMA wal_autocheckpoint = 30"); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	kept, checked, copied := 0, 0, 0
	last := readDisk(t, dir)
	check := func(d onDisk, least int) {
		t.Helper()
		checked++
		to := t.TempDir()
		err := os.MkdirAll(filepath.Dir(Path(to, "b1")), 0o700)
		err = errors.Join(err, os.WriteFile(Path(to, "b1"), d.db, 0o600), os.WriteFile(Path(to, "b1")+"-wal", d.wal, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(t.Context(), to, "b1")
		if err != nil {
			t.Fatalf("after %d rows: %v", kept, err)
		}
		s, err := f.Status(t.Context())
		if err := errors.Join(err, f.Close()); err != nil || s.Done < least || s.Total != n {
			t.Errorf("%d rows were kept, and then there are %d: %v", least, s.Done, err)
		}
	}
	look := func() {
		now := readDisk(t, dir)
		before := last
		last = now
		// What comes after the last commit.
		torn := append(bytes.Clone(now.wal), make([]byte, 4096+random.IntN(4096))...)
		for i := len(now.wal); i < len(torn); i++ {
			torn[i] = byte(random.Uint32())
		}
		check(onDisk{now.db, torn}, kept)
		// The database without the pages that were copied into it since, or with some of
		// them: as long as the file beside it has them, which its head tells.
		if bytes.Equal(before.db, now.db) || len(before.wal) < 32 || !bytes.Equal(before.wal[:32], now.wal[:32]) {
			return
		}
		copied++
		check(onDisk{before.db, now.wal}, kept)
		mixed := bytes.Clone(now.db)
		for page := 0; page+4096 <= min(len(before.db), len(mixed)); page += 4096 {
			if random.IntN(2) == 0 {
				copy(mixed[page:page+4096], before.db[page:page+4096])
			}
		}
		check(onDisk{mixed, now.wal}, kept)
	}
	var outcomes []Outcome
	for kept < n {
		items, _, err := f.Exchange(t.Context(), outcomes, at)
		if err != nil {
			t.Fatal(err)
		}
		kept += len(outcomes)
		look()
		outcomes = outcomes[:0]
		for _, item := range items {
			outcomes = append(outcomes, Outcome{Item: item, Reply: jobRun(j)(t.Context(), item)})
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if checked < 30 || copied < 5 {
		t.Errorf("only %d power cuts, %d with another database", checked, copied)
	}
	t.Logf("%d power cuts, %d with another database", checked, 2*copied)
}

// Each commit is synced.
func TestCommitsAreSynced(t *testing.T) {
	f := started(t, t.TempDir(), job(t, echo), 1, Spec{})
	defer f.Close()
	var mode string
	var synchronous int
	err := errors.Join(f.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode), f.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
	if err != nil || mode != "wal" || synchronous != 2 {
		t.Errorf("%q, synchronous %d, %v", mode, synchronous, err)
	}
}
