package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// anyCall is a call of which all that must stay is set.
func anyCall(run string) *Call {
	return &Call{
		RunID: run, Step: "s", Began: time.UnixMilli(1000), Took: 7, Content: true, Finish: provider.FinishStop,
		Asked: &provider.Request{Model: "m", Messages: []provider.Message{{Role: provider.RoleUser, Text: "question of " + run}}}, Answer: "answer of " + run,
		Usage: &provider.Usage{InputTokens: 3, OutputTokens: 4},
		Route: &provider.Route{Provider: "p", Model: "m", Cost: &provider.Cost{USD: provider.Ptr(0.25), Basis: "b"}},
	}
}

// unencodable is what a value in a library's Options may be.
type unencodable struct{}

func (unencodable) MarshalJSON() ([]byte, error) { panic("no") }

// bad are calls that cannot be written as they are.
func bad() map[string]func(*Call, *record) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	return map[string]func(*Call, *record){
		"not a number in the options": func(c *Call, _ *record) { c.Asked.Options = map[string]any{"x": math.NaN()} },
		"an infinite temperature":     func(c *Call, _ *record) { c.Asked.Temperature = provider.Ptr(math.Inf(1)) },
		"a cost that is not a number": func(c *Call, _ *record) { c.Route.Cost.Saved = provider.Ptr(math.NaN()) },
		"options that hold themselves": func(c *Call, _ *record) {
			c.Asked.Options = cycle
		},
		"a channel":             func(c *Call, _ *record) { c.Asked.Options = map[string]any{"x": make(chan int)} },
		"a value that panics":   func(c *Call, _ *record) { c.Asked.Options = map[string]any{"x": unencodable{}} },
		"redaction that panics": func(_ *Call, r *record) { r.redact = func(string) string { panic("no") } },
		"a manifest with no numbers": func(_ *Call, r *record) {
			r.after = func(_ context.Context, c *Call) { c.Manifest = &Manifest{Options: map[string]any{"x": math.NaN()}} }
		},
	}
}

// One call that cannot be written down as it is costs neither the others of its
// batch, nor what it cost itself, and the writer says once what is missing.
func TestOneBadRecordTakesNoOthers(t *testing.T) {
	for name, spoil := range bad() {
		t.Run(name, func(t *testing.T) {
			w := NewWriter(New(t.TempDir()))
			w.mu.Lock() // so that all of it is one batch
			w.busy = true
			w.mu.Unlock()
			for _, id := range []string{"1", "2", "3"} {
				c := anyCall(id)
				r := record{call: c, run: Run{ID: id, Began: c.Began, Command: "ask"}}
				if id == "2" {
					spoil(c, &r)
				}
				w.add(r)
				w.entry(ledger.Entry{Run: id, Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.25)}})
			}
			w.write()
			err := w.Close()
			var lost *Lost
			if !errors.As(err, &lost) || lost.Calls != 0 || lost.Costs != 0 || lost.Texts != 1 || !strings.Contains(err.Error(), "1 call is in the log without its text") {
				t.Errorf("the writer says %v", err)
			}
			for _, id := range []string{"1", "2", "3"} {
				r, err := w.Store().Run(t.Context(), id)
				if err != nil || len(r.Calls) != 1 {
					t.Fatalf("run %s: %+v, %v", id, r, err)
				}
				c := r.Calls[0]
				if id != "2" {
					if c.Answer != "answer of "+id || c.Unkept != "" {
						t.Errorf("run %s: %+v", id, c)
					}
					continue
				}
				if name == "redaction that panics" { // what it would have cleaned is not there
					c.RunID, c.Step, c.Finish, c.Asked.Model, c.Route.Provider = "2", "s", "stop", "m", "p"
				}
				if c.Unkept == "" || c.Answer != "" || c.RunID != "2" || c.Step != "s" || c.Finish != "stop" || c.Took != 7 || c.Asked.Model != "m" ||
					c.Usage == nil || c.Usage.OutputTokens != 4 || c.Route.Provider != "p" || *c.Route.Cost.USD != 0.25 {
					t.Errorf("what is left of it: %+v, %+v", c, c.Route)
				}
			}
			spent, err := w.Store().Spent(t.Context(), Midnight())
			if err != nil || len(spent) != 1 || spent[0].Calls != 3 || spent[0].USD != 0.75 {
				t.Errorf("spent: %+v, %v", spent, err)
			}
			must(t, w.Store().Close())
		})
	}
}

// A row that the database refuses is its own affair.
func TestARowThatTheDatabaseRefuses(t *testing.T) {
	w := NewWriter(New(t.TempDir()))
	db, err := w.Store().open(t.Context())
	must(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER refuse BEFORE INSERT ON calls WHEN new.answer LIKE '%of 2%' OR new.run = '4' BEGIN SELECT RAISE(ABORT, 'refused'); END`)
	must(t, err)
	for i := range 5 {
		c := anyCall(fmt.Sprint(i))
		w.add(record{call: c, run: Run{ID: c.RunID}})
	}
	err = w.Close()
	var lost *Lost
	if !errors.As(err, &lost) || lost.Texts != 1 || lost.Calls != 1 || !strings.Contains(err.Error(), "refused") {
		t.Errorf("the writer says %v", err)
	}
	runs, err := linesOf(t, w.Store(), Filter{})
	if err != nil || len(runs) != 4 || runs[1].Answer != "" || runs[0].Answer != "answer of 3" {
		t.Errorf("%+v, %v", runs, err)
	}
	must(t, w.Store().Close())
}

// What does not fit on a full disk is said; what is short may still fit, and
// costs come first.
func TestALongTextOnAFullDisk(t *testing.T) {
	w := NewWriter(New(t.TempDir()))
	db, err := w.Store().open(t.Context())
	must(t, err)
	var pages int
	must(t, db.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	_, err = db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages+40))
	must(t, err)
	for _, id := range []string{"1", "2", "3"} {
		c := anyCall(id)
		if id == "2" {
			c.Answer = strings.Repeat("long ", 1_000_000)
		}
		w.add(record{call: c, run: Run{ID: id}})
		w.entry(ledger.Entry{Run: id, Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(1.0)}})
	}
	err = w.Close()
	var lost *Lost
	if !errors.As(err, &lost) || lost.Calls != 0 || lost.Costs != 0 || lost.Texts != 1 || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the writer says %v", err)
	}
	for id, want := range map[string]string{"1": "answer of 1", "2": "", "3": "answer of 3"} {
		if r, err := w.Store().Run(t.Context(), id); err != nil || r.Calls[0].Answer != want || (r.Calls[0].Unkept == "") != (want != "") {
			t.Errorf("run %s: %+v, %v", id, r, err)
		}
	}
	if spent, err := w.Store().Spent(t.Context(), Midnight()); err != nil || len(spent) != 1 || spent[0].USD != 3 {
		t.Errorf("spent: %+v, %v", spent, err)
	}
	must(t, w.Store().Close())
}

// lock takes the file's write lock, as another program does, until release is
// called.
func lock(t *testing.T, s *Store) (release func()) {
	t.Helper()
	if _, err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", s.address())
	must(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	return func() {
		must(t, errors.Join(tx.Rollback(), db.Close()))
	}
}

// While another program keeps the file locked, nobody waits for it, and what
// was to be written is written when it is free.
func TestALockedFileLosesNothing(t *testing.T) {
	w := writer(t)
	release := lock(t, w.Store())
	began := time.Now()
	const calls, size = 300, 1 << 20
	for i := range calls {
		c := anyCall(fmt.Sprintf("%04d", i))
		w.add(record{call: c, run: Run{ID: c.RunID}, size: size})
		w.entry(ledger.Entry{Run: c.RunID, Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.5)}})
	}
	if took := time.Since(began); took > 10*room {
		t.Errorf("those who were answered waited %s for the log", took)
	}
	release()
	w.Flush()
	runs, err := linesOf(t, w.Store(), Filter{})
	if err != nil || len(runs) != calls {
		t.Errorf("%d runs are in the log, %v; want %d", len(runs), err, calls)
	}
	if spent, err := w.Store().Spent(t.Context(), Midnight()); err != nil || len(spent) != 1 || spent[0].Calls != calls {
		t.Errorf("spent: %+v, %v", spent, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if lost := w.losses.rest(); lost.Texts != calls-maxQueued/size || lost.Calls != 0 || lost.Costs != 0 {
		t.Errorf("it says %+v of more than the %d that wait with their texts", lost, maxQueued/size)
	}
}

// A text keeps every byte, however long it is, and search finds its beginning.
func TestALongTextIsKeptWhole(t *testing.T) {
	w := writer(t)
	long := strings.Repeat("ü", pieceSize) + " end" // pieces that end within a letter
	c := anyCall("1")
	c.Answer, c.Thinking, c.Asked.Messages[0].Text = "findme "+long, "hm "+long, "ask "+long
	w.add(record{call: c, run: Run{ID: "1"}})
	w.Flush()
	r, err := w.Store().Run(t.Context(), "1")
	must(t, err)
	if got := r.Calls[0]; got.Answer != c.Answer || got.Thinking != c.Thinking || got.Asked.Messages[0].Text != c.Asked.Messages[0].Text {
		t.Error("it is not what was written down")
	}
	if found, err := linesOf(t, w.Store(), Filter{Words: "findme"}); err != nil || len(found) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	chats := NewChats(w.Store(), nil)
	chat := Chat{ID: "1", Created: time.Now(), Updated: time.Now()}
	must(t, chats.Put(t.Context(), &chat, Said{Role: provider.RoleUser, Text: "hi"}, Said{Role: provider.RoleAssistant, Text: long, Thinking: "hm " + long}))
	if got, err := chats.Find(t.Context(), "1"); err != nil || got.Messages[1].Text != long || got.Messages[1].Thinking != "hm "+long {
		t.Errorf("the conversation: %v", err)
	}
	must(t, chats.Remove(t.Context(), "1"))
	_, err = w.Store().Forget(t.Context(), time.Now())
	must(t, err)
	db, err := w.Store().open(t.Context())
	must(t, err)
	var left int
	must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM pieces").Scan(&left))
	if left != 0 {
		t.Errorf("%d pieces are left of what was dropped", left)
	}
}

// What a model wrote as arguments is kept as it was, JSON or not, and asked
// again as it was.
func TestArgumentsAreKeptAsWritten(t *testing.T) {
	for _, args := range []string{
		`{"a":1}`, `{"page":{"url":"https://example.com"},"to":"bob@example.org"}`, `{"a":`, `{'a': 1}`, "", "\"text\xff", `{"a":1}}`, `nul`, "\x00",
		strings.Repeat(`{"a":`, 100),
	} {
		w := writer(t)
		c := anyCall("1")
		c.ToolCalls = []provider.ToolCall{{ID: "c1", Name: "t", Arguments: json.RawMessage(args)}}
		c.Asked.Messages = append(c.Asked.Messages, provider.Message{Role: provider.RoleAssistant, ToolCalls: c.ToolCalls})
		c.Asked.Tools = []provider.Tool{{Name: "t", Parameters: json.RawMessage(args)}}
		c.Asked.Schema = &provider.Schema{JSON: json.RawMessage(args)}
		w.add(record{call: c, run: Run{ID: "1"}, redact: secretless})
		r := newest(t, w)
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		req, _ := r.Calls[0].Request()
		want := strings.ToValidUTF8(args, "\uFFFD")
		if got := string(req.Messages[1].ToolCalls[0].Arguments); got != want && !(want == "" && got == "null") {
			t.Errorf("%q is asked again as %q", args, got)
		}
	}
}

// A file that nobody can write to says so, with a count.
func TestAFileThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	must(t, os.WriteFile(dir, nil, 0o600))
	w := NewWriter(New(dir))
	for i := range 3 {
		c := anyCall(fmt.Sprint(i))
		w.add(record{call: c, run: Run{ID: c.RunID}})
		w.entry(ledger.Entry{})
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "3 calls are not in the log; the costs of 3 calls are not recorded") {
		t.Errorf("it says %v", err)
	}
}

// A long answer is written down in about its own size, however many copies of
// it SQLite would make.
func TestALongAnswerTakesLittleMemory(t *testing.T) {
	const size, piece = 32 << 20, 16 << 10
	chunks := make([]string, size/piece)
	for i := range chunks {
		chunks[i] = strings.Repeat("word ", piece/5)
	}
	w := writer(t)
	logOne(t, w, "hi") // the file is there
	l := NewLog(&providertest.Fake{Answers: []providertest.Answer{{Text: chunks}}}, LogConfig{Writer: w, Content: true})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, err := range l.Chat(t.Context(), question("hi")) {
		must(t, err)
	}
	w.Flush()
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 2*size {
		t.Errorf("an answer of %d MiB took %d MiB in all", size>>20, got>>20)
	}
	if r := newest(t, w); len(r.Calls[0].Answer) != size/piece*len(chunks[0]) {
		t.Error("it is not whole")
	}
}
