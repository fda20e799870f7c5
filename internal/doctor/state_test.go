package doctor

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/dbfile"
	"github.com/tandem-llm/tandem/internal/store"
)

// stored makes a database as a run leaves it, and changes it.
func stored(t *testing.T, dir, change string) {
	t.Helper()
	s := store.New(dir)
	if err := os.WriteFile(s.Path(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Examine(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if change == "" {
		return
	}
	db, err := dbfile.Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(change); err != nil {
		t.Fatal(err)
	}
}

func TestStateFolder(t *testing.T) {
	for name, tc := range map[string]struct {
		make   func(t *testing.T, dir string) string // the state folder
		want   []string
		remedy string
	}{
		"none yet": {
			func(_ *testing.T, dir string) string { return filepath.Join(dir, "a", "b") },
			[]string{"ok state folder: ", "a/b, which is made when it is needed, ", " free"},
			"",
		},
		"sound": {
			func(t *testing.T, dir string) string { stored(t, dir, ""); return dir },
			[]string{"ok state folder: ", "ok database: ", "tandem.db"},
			"",
		},
		"a file": {func(t *testing.T, dir string) string {
			file := filepath.Join(dir, "tandem")
			write(t, file, "")
			return file
		}, []string{"warn state folder: ", "is not a folder"}, "set XDG_STATE_HOME to another folder"},
		"below a file": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), "")
			return filepath.Join(dir, "file", "tandem")
		}, []string{"warn state folder: ", "is not a folder"}, "set XDG_STATE_HOME to another folder"},
		"open to others": {func(t *testing.T, dir string) string {
			stored(t, dir, "")
			chmod(t, dir, 0o755)
			chmod(t, filepath.Join(dir, store.FileName), 0o644)
			return dir
		}, []string{"warn state folder: other users of this machine can read ", "tandem.db"}, "chmod go-rwx "},
		"a database of a newer tandem": {
			func(t *testing.T, dir string) string { stored(t, dir, "PRAGMA user_version = 9999"); return dir },
			[]string{"ok state folder: ", "warn database: ", "a newer tandem wrote it (schema 9999, "},
			"use that one, or move the file away",
		},
		"no database": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, store.FileName), strings.Repeat("this is no database\n", 400))
			return dir
		}, []string{"warn database: ", "the file is damaged ("}, "tandem cost --reset"},
		"a folder in its place": {func(t *testing.T, dir string) string {
			if err := os.Mkdir(filepath.Join(dir, store.FileName), 0o700); err != nil {
				t.Fatal(err)
			}
			return dir
		}, []string{"warn database: ", "is a directory"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if windows && name == "open to others" {
				return // there are no such modes
			}
			top := t.TempDir()
			chmod(t, top, 0o700)
			dir := tc.make(t, top)
			before := listed(t, top)
			text, remedies := "", ""
			for _, c := range stateChecks(t.Context(), dir) {
				text += string(c.Status) + " " + c.Name + ": " + filepath.ToSlash(c.Detail) + "\n"
				remedies += c.Remedy + "\n"
			}
			for _, want := range tc.want {
				if !strings.Contains(text, want) {
					t.Errorf("got %s, want %q", text, want)
				}
			}
			if !strings.Contains(remedies, tc.remedy) || tc.remedy == "" && strings.TrimSpace(remedies) != "" {
				t.Errorf("got the remedies %q, want %q", remedies, tc.remedy)
			}
			if after := listed(t, top); after != before {
				t.Errorf("it left %s of %s", after, before)
			}
		})
	}
}

// Who holds the database is waited for as long as a check takes, and then it is said.
func TestALockedDatabase(t *testing.T) {
	dir := t.TempDir()
	stored(t, dir, "")
	db, err := dbfile.Open(filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	c, ok := databaseCheck(t.Context(), dir)
	if !ok || c.Status != Warn || !strings.Contains(c.Detail, "another program has kept ") || !strings.Contains(c.Remedy, "end it") {
		t.Errorf("got %+v", c)
	}
	rollback(t, conn)
	if c, ok := databaseCheck(t.Context(), dir); !ok || c.Status != OK {
		t.Errorf("unlocked: %+v", c)
	}
}

func rollback(t *testing.T, conn *sql.Conn) {
	t.Helper()
	if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// listed are the names below a folder, without those that SQLite makes and removes.
func listed(t *testing.T, dir string) (names string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if !strings.HasSuffix(path, "-wal") && !strings.HasSuffix(path, "-shm") {
			names += path + "\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
