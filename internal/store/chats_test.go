package store

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

func chats(t *testing.T) *Chats {
	s := New(t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewChats(s, func(text string) string { return strings.ReplaceAll(text, "sk-secret", "[redacted]") })
}

func newChat(title string, at time.Time) *Chat {
	return &Chat{ID: idAt(at), Title: title, Created: at, Updated: at, Settings: provider.Request{Model: "m", Temperature: provider.Ptr(0.0)}, System: "Be terse."}
}

func asks(turn int, text string) Said {
	return Said{Turn: turn, Role: provider.RoleUser, Text: text, At: time.Now()}
}

func TestChatsComeBackAsTheyWere(t *testing.T) {
	c := chats(t)
	if _, err := c.Find(t.Context(), ""); !errors.Is(err, ErrNoChat) || c.store.Exists() {
		t.Fatalf("of an empty store: %v", err)
	}
	chat := newChat("Rivers", time.Now().Add(-time.Hour))
	chat.Gist = &Gist{Text: "they spoke", Turns: 1}
	answer := Answered(0, time.Now(), provider.Response{Text: "The Ganges.", Thinking: "hm", Finish: provider.FinishStop, Usage: &provider.Usage{OutputTokens: 3}, Route: &provider.Route{Provider: "local", Model: "m"}}, nil)
	broken := Answered(1, time.Now(), provider.Response{Text: "And"}, context.Canceled)
	if err := c.Put(t.Context(), chat, asks(0, "Which river? sk-secret"), answer, asks(1, "And?"), broken); err != nil {
		t.Fatal(err)
	}
	got, err := c.Find(t.Context(), chat.ID[:9])
	if err != nil {
		t.Fatal(err)
	}
	if got.Title != "Rivers" || got.System != "Be terse." || *got.Settings.Temperature != 0 || got.Gist.Turns != 1 || len(got.Messages) != 4 {
		t.Fatalf("%+v", got)
	}
	if m := got.Messages; m[0].Text != "Which river? [redacted]" || m[1].Text != "The Ganges." || m[1].Thinking != "hm" || m[1].Usage.OutputTokens != 3 || m[1].Route.Provider != "local" || m[1].Finish != provider.FinishStop {
		t.Errorf("%+v", m[:2])
	}
	if m := got.Messages[3]; m.Broken != "interrupted" || m.Finish != "" || m.Text != "And" {
		t.Errorf("an answer that broke off came back as %+v", m)
	}
	if data, err := os.ReadFile(c.store.Path() + "-wal"); err == nil && strings.Contains(string(data), "sk-secret") {
		t.Error("the secret is in the file")
	}
}

func TestTheLastChatIsTheOneGoneOnWith(t *testing.T) {
	c := chats(t)
	old, young := newChat("old", time.Now().Add(-2*time.Hour)), newChat("young", time.Now().Add(-time.Hour))
	for _, chat := range []*Chat{old, young} {
		if err := c.Put(t.Context(), chat, asks(0, "Grüße from "+chat.Title)); err != nil {
			t.Fatal(err)
		}
	}
	old.Updated = time.Now()
	if err := c.Put(t.Context(), old, asks(1, "still there?")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Find(t.Context(), ""); err != nil || got.Title != "old" {
		t.Errorf("%q, %v", got.Title, err)
	}
	list, err := c.List(t.Context(), 0)
	if err != nil || len(list) != 2 || list[0].Title != "old" || list[0].Turns != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	for words, want := range map[string]string{"GRUSSE young": "", "grüße YOUNG": "young", "üße from yo": "young", " ": "", `"( OR`: ""} {
		found, err := c.Search(t.Context(), words, 0)
		title := ""
		if len(found) == 1 {
			title = found[0].Title
		}
		if err != nil || title != want {
			t.Errorf("search %q: %+v, %v", words, found, err)
		}
	}
	if err := c.Remove(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find(t.Context(), old.ID); !errors.Is(err, ErrNoChat) {
		t.Errorf("after its removal: %v", err)
	}
	for _, name := range []string{"", "-wal"} {
		if data, err := os.ReadFile(c.store.Path() + name); err == nil && strings.Contains(string(data), "from old") {
			t.Errorf("%s%s still holds it", FileName, name)
		}
	}
}

func TestPrivacyOfAChatIsNeverLoosened(t *testing.T) {
	c := chats(t)
	chat := newChat("mine", time.Now())
	for _, p := range []provider.Privacy{provider.PrivacyAny, provider.PrivacyLocal, provider.PrivacyAny} {
		chat.Privacy = p
		if err := c.Put(t.Context(), chat); err != nil {
			t.Fatal(err)
		}
	}
	if chat.Privacy != provider.PrivacyLocal {
		t.Error("who thought it might leave was not told that it must not")
	}
	if got, err := c.Find(t.Context(), ""); err != nil || got.Privacy != provider.PrivacyLocal {
		t.Errorf("%q, %v", got.Privacy, err)
	}
}

func TestUndoAndWhoWasFaster(t *testing.T) {
	c := chats(t)
	chat := newChat("two", time.Now())
	if err := c.Put(t.Context(), chat, asks(0, "one"), asks(1, "two")); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), chat, asks(1, "two, from elsewhere")); !errors.Is(err, ErrMovedOn) {
		t.Errorf("a place that is taken: %v", err)
	}
	if err := c.Undo(t.Context(), chat.ID, 0); !errors.Is(err, ErrMovedOn) {
		t.Errorf("a turn before the last is taken back: %v", err)
	}
	if err := c.Undo(t.Context(), chat.ID, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), chat, asks(1, "another two")); err != nil {
		t.Error(err)
	}
	got, err := c.Find(t.Context(), "")
	if err != nil || len(got.Messages) != 2 || got.Messages[1].Text != "another two" {
		t.Errorf("%+v, %v", got.Messages, err)
	}
	if found, err := c.Search(t.Context(), "elsewhere", 0); err != nil || len(found) != 0 {
		t.Errorf("what was taken back is found: %+v, %v", found, err)
	}
}

// A file that an older tandem wrote is brought up to date, and keeps its log.
func TestAnOlderFileGetsChats(t *testing.T) {
	w := writer(t)
	logOne(t, w, "an old question")
	db, err := w.Store().open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"DROP TRIGGER ledger_added_caller", "DROP TRIGGER ledger_changed_from_caller", "DROP TRIGGER ledger_changed_to_caller", "DROP TRIGGER ledger_gone_caller", "DROP TABLE spent_by_caller", "ALTER TABLE ledger DROP COLUMN caller",
		"DROP TRIGGER calls_added_size", "DROP TRIGGER calls_gone_size", "DROP TABLE log_size", "DROP TRIGGER ledger_added", "DROP TRIGGER ledger_changed_from",
		"DROP TRIGGER ledger_changed_to", "DROP TRIGGER ledger_gone", "DROP INDEX ledger_reserved", "DROP TABLE spent_by_time", "DROP TABLE spent_by_run", "DROP TRIGGER calls_gone_pieces", "DROP TABLE pieces", "DROP TABLE said_texts", "DROP TABLE said", "DROP TABLE chats", "DROP TABLE book", "PRAGMA user_version = 2",
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Store().Close(); err != nil {
		t.Fatal(err)
	}
	c := NewChats(w.Store(), nil)
	if err := c.Put(t.Context(), newChat("new", time.Now()), asks(0, "a new question")); err != nil {
		t.Fatal(err)
	}
	if found, err := linesOf(t, w.Store(), Filter{Words: "old question"}); err != nil || len(found) != 1 {
		t.Errorf("the log: %+v, %v", found, err)
	}
	if _, err := c.Find(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// What went with a message comes back in its parts, although a secret that was in
// one of them is gone, and an image's data is not kept.
func TestAttachmentsComeBack(t *testing.T) {
	c := chats(t)
	chat := newChat("Files", time.Now())
	m := asks(0, "a: sk-secret\nb: long "+strings.Repeat("x", 2<<20)+"\nWhat now? sk-secret")
	m.Attached = []Attachment{
		{Kind: AttachedFile, Name: "a", Bytes: 9, Length: len("a: sk-secret\n")},
		{Kind: AttachedImage, Name: "cat.png", Bytes: 3, MIME: "image/png", SHA256: "abc", Path: "/cat.png", Data: []byte("png")},
		{Kind: AttachedPassages, Name: "b", Bytes: 2 << 20, Length: len("b: long \n") + 2<<20},
	}
	if err := c.Put(t.Context(), chat, m); err != nil {
		t.Fatal(err)
	}
	if m.Typed() != "What now? sk-secret" || m.Attached[0].Length != len("a: sk-secret\n") {
		t.Errorf("what is in memory changed: %q, %+v", m.Typed(), m.Attached[0])
	}
	got, err := c.Find(t.Context(), chat.ID)
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	said := got.Messages[0]
	if said.Typed() != "What now? [redacted]" || said.AttachedText(0) != "a: [redacted]\n" || said.AttachedText(1) != "" || !strings.HasPrefix(said.AttachedText(2), "b: long xx") {
		t.Errorf("%q, %q", said.Typed(), said.AttachedText(0))
	}
	if im := said.Attached[1]; im.Data != nil || im.SHA256 != "abc" || im.Path != "/cat.png" || im.Bytes != 3 {
		t.Errorf("%+v", im)
	}
}

// A file that somebody else has changed does nothing worse than show another text.
func TestAttachmentsOfAnotherLength(t *testing.T) {
	m := Said{Text: "abc", Attached: []Attachment{{Length: -5}, {Length: 2}, {Length: 1 << 40}}}
	if m.Typed() != "" || m.AttachedText(0) != "" || m.AttachedText(1) != "ab" || m.AttachedText(2) != "c" {
		t.Errorf("%q, %q, %q, %q", m.Typed(), m.AttachedText(0), m.AttachedText(1), m.AttachedText(2))
	}
}

// What is taken back is gone from the file, too: a turn, the cache, a collection.
func TestWhatIsTakenBackIsGone(t *testing.T) {
	const canary = "canaryword"
	c := chats(t)
	s, ctx := c.store, t.Context()
	holds := func() bool {
		for _, end := range []string{"", "-wal"} {
			if data, err := os.ReadFile(s.Path() + end); err == nil && strings.Contains(string(data), canary) {
				return true
			}
		}
		return false
	}
	chat := newChat("mine", time.Now())
	must(t, c.Put(ctx, chat, asks(0, "the first")))
	for what, one := range map[string]struct{ put, drop func() error }{
		"a turn":      {func() error { return c.Put(ctx, chat, asks(1, "my secret is "+canary)) }, func() error { return c.Undo(ctx, chat.ID, 1) }},
		"a long turn": {func() error { return c.Put(ctx, chat, asks(1, strings.Repeat(canary+" ", 300_000))) }, func() error { return c.Undo(ctx, chat.ID, 1) }},
		"the cache": {func() error { return s.Put(ctx, []byte("k"), []byte(canary), CacheLimits{}) }, func() error {
			_, err := s.Clear(ctx)
			return err
		}},
	} {
		must(t, one.put())
		if !holds() {
			t.Fatalf("%s: this test looks in the wrong place", what)
		}
		must(t, one.drop())
		if holds() {
			t.Errorf("%s is still in the file", what)
		}
	}
	if got, err := c.Find(ctx, chat.ID); err != nil || len(got.Messages) != 1 {
		t.Errorf("the first turn: %+v, %v", got, err)
	}
}
