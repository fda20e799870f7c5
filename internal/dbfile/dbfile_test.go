package dbfile

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// made makes a database of a directory's.
func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.db")
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := Open(Address(path, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A file that was removed is not made anew: the new one would be empty, and SQLite
// would let others read it.
func TestARemovedFileIsNotMadeAnew(t *testing.T) {
	path := made(t)
	db := opened(t, path)
	if err := Migrate(t.Context(), db, []string{"CREATE TABLE t (a)"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), Remove(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := opened(t, path).ExecContext(t.Context(), "CREATE TABLE u (a)"); Code(err) != CantOpen {
		t.Errorf("writing to it: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there again: %v", err)
	}
}

// Processes that bring a database up to date at the same time do each migration once,
// whichever version they saw before.
func TestMigrationsAreDoneOnce(t *testing.T) {
	path := made(t)
	all := []string{"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)", "CREATE TABLE u (a)"}
	if err := Migrate(t.Context(), opened(t, path), all[:1]); err != nil {
		t.Fatal(err)
	}
	var doing sync.WaitGroup
	for range 8 {
		db := opened(t, path)
		doing.Go(func() {
			if err := Migrate(t.Context(), db, all); err != nil {
				t.Error(err)
			}
		})
	}
	doing.Wait()
	rows := 0
	if err := opened(t, path).QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
	var newer *NewerError
	if err := Migrate(t.Context(), opened(t, path), all[:2]); !errors.As(err, &newer) || newer.Version != 4 || newer.Known != 2 {
		t.Errorf("a file of a later version: %v", err)
	}
}

// A migration that fails leaves the version before it, and none of its changes.
func TestAFailedMigrationChangesNothing(t *testing.T) {
	path := made(t)
	if err := Migrate(t.Context(), opened(t, path), []string{"CREATE TABLE t (a)", "CREATE TABLE u (a); CREATE TABLE t (a)"}); err == nil {
		t.Fatal("no error")
	}
	v, err := Version(t.Context(), opened(t, path))
	if err != nil || v != 1 {
		t.Errorf("version %d, %v", v, err)
	}
	if err := Migrate(t.Context(), opened(t, path), []string{"CREATE TABLE t (a)", "CREATE TABLE u (a)"}); err != nil {
		t.Error(err)
	}
}
