package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/vec"
	"github.com/tandem-llm/tandem/provider"
)

func made(t testing.TB, s *Store, c Collection) Collection {
	t.Helper()
	c, err := s.MakeCollection(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// embedded puts a whole document into a collection.
func embedded(t testing.TB, s *Store, collection int64, d Document, passages ...Passage) {
	t.Helper()
	id, _, err := s.StageDocument(t.Context(), collection, d)
	if err == nil {
		err = s.AddPassages(t.Context(), collection, id, "m", passages)
	}
	if err == nil {
		err = s.FinishDocument(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func texts(found []Found) (out []string) {
	for _, f := range found {
		out = append(out, f.Source+":"+f.Text)
	}
	return out
}

func near(t testing.TB, s *Store, collection int64, query []float32, k int) []Found {
	t.Helper()
	found, err := s.Nearest(t.Context(), collection, query, k)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNearestIsASearchOfOneCollection(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	a, b := made(t, s, Collection{Name: "a", Provider: "local", Model: "m"}), made(t, s, Collection{Name: "b", Privacy: provider.PrivacyLocal})
	embedded(t, s, a.ID, Document{Path: "/x", Source: "x", SHA256: "1", Split: "lines"},
		Passage{Line: 1, Text: "east", Vector: []float32{1, 0}}, Passage{Line: 2, Offset: 5, Text: "north", Vector: []float32{0, 1}})
	embedded(t, s, b.ID, Document{Path: "/x", Source: "x", SHA256: "1", Split: "lines"}, Passage{Line: 1, Text: "other", Vector: []float32{1, 0, 0}})

	found := near(t, s, a.ID, []float32{1, 2}, 5)
	if got := texts(found); !slices.Equal(got, []string{"x:north", "x:east"}) {
		t.Fatalf("found %q", got)
	}
	if f := found[0]; f.Line != 2 || f.Offset != 5 || f.Score != vec.Cosine([]float32{1, 2}, []float32{0, 1}) || !slices.Equal(f.Vector, []float32{0, 1}) {
		t.Errorf("%+v", f)
	}
	if got := near(t, s, b.ID, []float32{1, 0, 0}, 5); len(got) != 1 || got[0].Privacy != provider.PrivacyLocal {
		t.Errorf("of the private collection: %+v", got)
	}
	var differs *DifferentError
	if _, err := s.Nearest(t.Context(), b.ID, []float32{1, 0}, 5); !errors.As(err, &differs) {
		t.Errorf("a question of 2 dimensions among vectors of 3: %v", err)
	}
	all, err := s.Collections(t.Context())
	if err != nil || len(all) != 2 || all[0].Documents != 1 || all[0].Passages != 2 || all[0].Served != "m" || all[0].Dimensions != 2 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestACollectionKeepsToItsModelAndItsPrivacy(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	c := made(t, s, Collection{Name: "a", Provider: "local", Model: "m", Digest: "d"})
	id, _, err := s.StageDocument(t.Context(), c.ID, Document{Path: "/x"})
	if err == nil {
		err = s.AddPassages(t.Context(), c.ID, id, "m", []Passage{{Vector: []float32{1, 0}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	again := made(t, s, Collection{Name: "a", Provider: "other", Model: "n", Privacy: provider.PrivacyLocal})
	if again.ID != c.ID || again.Provider != "local" || again.Model != "m" || again.Digest != "d" || again.Privacy != provider.PrivacyLocal {
		t.Errorf("made again: %+v", again)
	}
	if loose := made(t, s, Collection{Name: "a"}); loose.Privacy != provider.PrivacyLocal {
		t.Errorf("the privacy was loosened: %+v", loose)
	}
	made(t, s, Collection{Name: "empty", Provider: "local", Model: "typo"})
	if c := made(t, s, Collection{Name: "empty", Provider: "local", Model: "m"}); c.Model != "m" {
		t.Errorf("without a vector it keeps to %q", c.Model)
	}
	var differs *DifferentError
	for served, v := range map[string][]float32{"m": {1, 0, 0}, "n": {1, 0}} {
		if err := s.AddPassages(t.Context(), c.ID, id, served, []Passage{{Vector: []float32{1, 0}}, {Vector: v}}); !errors.As(err, &differs) {
			t.Errorf("a vector of %d dimensions by %s: %v", len(v), served, err)
		}
	}
	if _, have, err := s.StageDocument(t.Context(), c.ID, Document{Path: "/x"}); err != nil || have != 1 {
		t.Errorf("of what was refused %d passages are there, %v; want 1", have, err)
	}
}

func TestAChangedDocumentIsTheOldOneUntilItIsWhole(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	c := made(t, s, Collection{Name: "a"})
	embedded(t, s, c.ID, Document{Path: "/x", Source: "x", SHA256: "old"}, Passage{Text: "old", Vector: []float32{1}})
	next := Document{Path: "/x", Source: "x", SHA256: "new"}
	id, have, err := s.StageDocument(t.Context(), c.ID, next)
	if err == nil {
		err = s.AddPassages(t.Context(), c.ID, id, "m", []Passage{{Text: "new", Vector: []float32{1}}})
	}
	if err != nil || have != 0 {
		t.Fatal(have, err)
	}
	if got := texts(near(t, s, c.ID, []float32{1}, 9)); !slices.Equal(got, []string{"x:old"}) {
		t.Errorf("in between it finds %q", got)
	}
	// What was begun is gone on with, as long as it is the same.
	if again, have, err := s.StageDocument(t.Context(), c.ID, next); again != id || have != 1 || err != nil {
		t.Errorf("begun again: %d with %d passages, %v; want %d with 1", again, have, err, id)
	}
	if err := s.FinishDocument(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := texts(near(t, s, c.ID, []float32{1}, 9)); !slices.Equal(got, []string{"x:new"}) {
		t.Errorf("after it, it finds %q", got)
	}
	_, _, err = s.StageDocument(t.Context(), c.ID, Document{Path: "/x", SHA256: "third"})
	if err == nil {
		_, have, err = s.StageDocument(t.Context(), c.ID, Document{Path: "/x", SHA256: "fourth"})
	}
	if err != nil || have != 0 {
		t.Errorf("another text goes on where one was: %d passages, %v", have, err)
	}
	if dropped, err := s.DropCollection(t.Context(), "a"); !dropped || err != nil {
		t.Errorf("dropped: %v, %v", dropped, err)
	}
	db, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"collections", "documents", "passages"} {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows are left in %s, %v", n, table, err)
		}
	}
}

func TestAFileOfTheFirstSchemaIsBroughtUpToDate(t *testing.T) {
	s := New(t.TempDir())
	if _, err := s.makeFile(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", s.address())
	if err == nil {
		_, err = db.ExecContext(t.Context(), migrations[0]+"PRAGMA user_version = 1;")
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), "INSERT INTO cache (key, value, size, put, used) VALUES (x'01', x'02', 2, ?, 0)", time.Now().UnixMilli())
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	made(t, s, Collection{Name: "a"})
	if v, ok, err := s.Get(t.Context(), []byte{1}, CacheLimits{}); !ok || err != nil || !slices.Equal(v, []byte{2}) {
		t.Errorf("what it held: %v, %v, %v", v, ok, err)
	}
}

func TestOneProcessAtATimeChangesCollections(t *testing.T) {
	dir := t.TempDir()
	a, b := New(dir), New(dir)
	defer a.Close()
	defer b.Close()
	unlock, err := a.LockCollections(t.Context(), func() { t.Error("it waits for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := b.LockCollections(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("the second one got the lock: %v", err)
	}
	_, err = b.LockCollections(t.Context(), unlock)
	if err != nil {
		t.Errorf("after the first one was done: %v", err)
	}
}

// TestRacingProcessesLoseNoPassage: each adds its own documents to one
// collection, and all search it meanwhile.
func TestRacingProcessesLoseNoPassage(t *testing.T) {
	dir := t.TempDir()
	processes(t, 4, "embed", dir)
	s := New(dir)
	defer s.Close()
	c, ok, err := s.Collection(t.Context(), "shared")
	if err != nil || !ok || c.Documents != 4*embedDocuments || c.Passages != 4*embedDocuments*2 {
		t.Errorf("%+v, %v, %v", c, ok, err)
	}
}

const embedDocuments = 5

// embedAsProcess is one of the racing processes.
func embedAsProcess(s *Store) error {
	ctx := context.Background()
	defer s.Close()
	c, err := s.MakeCollection(ctx, Collection{Name: "shared"})
	for i := range embedDocuments {
		if err != nil {
			return err
		}
		var id int64
		id, _, err = s.StageDocument(ctx, c.ID, Document{Path: fmt.Sprintf("/%d/%d", os.Getpid(), i)})
		if err == nil {
			err = s.AddPassages(ctx, c.ID, id, "m", []Passage{{Vector: []float32{1, 2}}, {Vector: []float32{2, 1}}})
		}
		if err == nil {
			err = s.FinishDocument(ctx, id)
		}
		var found []Found
		if err == nil {
			found, err = s.Nearest(ctx, c.ID, []float32{1, 0}, 3)
		}
		if err == nil && len(found) < 2 {
			err = fmt.Errorf("found %d passages", len(found))
		}
	}
	return err
}

// BenchmarkNearest searches 100,000 passages of 384 dimensions and 800 bytes.
func BenchmarkNearest(b *testing.B) {
	s := New(b.TempDir())
	defer s.Close()
	c := made(b, s, Collection{Name: "a"})
	r := rand.New(rand.NewPCG(1, 2))
	text := string(slices.Repeat([]byte("word "), 160))
	for d := range 100 {
		passages := make([]Passage, 1000)
		for i := range passages {
			v := make([]float32, 384)
			for j := range v {
				v[j] = r.Float32() - 0.5
			}
			passages[i] = Passage{Line: i, Text: text, Vector: v}
		}
		embedded(b, s, c.ID, Document{Path: fmt.Sprint(d)}, passages...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if found := near(b, s, c.ID, make([]float32, 384), 5); len(found) != 5 {
			b.Fatal(len(found))
		}
	}
}
