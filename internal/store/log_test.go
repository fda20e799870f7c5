package store

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// newest is the newest run, once everything is written.
func newest(t *testing.T, w *Writer) Run {
	t.Helper()
	w.Flush()
	r, err := w.Store().Run(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARunIsKeptWhole(t *testing.T) {
	w := writer(t)
	began := time.Now().Add(-time.Second).Truncate(time.Millisecond)
	l := NewLog(&providertest.Fake{ProviderName: "p", Answers: []providertest.Answer{{Thinking: "Hm.", Text: []string{"Hello", " wörld"}}}}, LogConfig{
		Writer: w, Content: true, Tandem: "v9",
		Manifest: func(ctx context.Context, rt *provider.Route, req *provider.Request) *Manifest {
			if d, ok := ctx.Deadline(); !ok || time.Until(d) > completeOne {
				t.Error("gathering the manifest is not bounded")
			}
			return &Manifest{Engine: "fake", Model: rt.Model, Options: req.Options}
		},
	})
	of := WithRun(t.Context(), Run{ID: "1m88aaaaaaaaaa", Began: began, Command: "run", Chain: "c", File: "/c.yaml", SHA256: "abc"})
	req := question("Who?")
	req.Seed, req.Temperature, req.Options = provider.Ptr(int64(7)), provider.Ptr(0.0), map[string]any{"top_k": 3.0, "user": int64(9007199254740993)}
	req.Messages[0].Images = []provider.Image{{Data: []byte("picture"), MIME: "image/png"}}
	for i, step := range []string{"one", "two"} {
		ctx := provider.WithRun(WithRow(of, 40+i), provider.Run{ID: "1m88aaaaaaaaaa", Chain: "c", Step: step, Index: i})
		if _, err := provider.Collect(l.Chat(ctx, req)); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	r, err := w.Store().Run(t.Context(), "1M88AA")
	if err != nil || r.Command != "run" || r.Chain != "c" || r.File != "/c.yaml" || r.Tandem != "v9" || !r.Began.Equal(began) || len(r.Calls) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	c := r.Calls[1]
	if c.Step != "two" || c.Index != 1 || c.Row != 41 || c.Answer != "Hello wörld" || c.Thinking != "Hm." || c.Finish != provider.FinishStop || c.Usage.OutputTokens != 2 || c.Route.Provider != "p" || c.Error != nil {
		t.Errorf("%+v", c)
	}
	if m := c.Manifest; m == nil || m.Engine != "fake" || m.Tandem != "v9" || m.SHA256 != "abc" || m.Options["top_k"] != 3.0 || m.Options["user"] != json.Number("9007199254740993") {
		t.Errorf("manifest %+v", m)
	}
	again, whole := c.Request()
	if whole || again.Messages[0].Text != "Who?" || *again.Seed != 7 || *again.Temperature != 0 || again.Options["top_k"] != 3.0 || again.Options["user"] != json.Number("9007199254740993") {
		t.Errorf("asked again: %+v, whole %v; its picture was not kept", again, whole)
	}
	if im := c.Asked.Messages[0].Images[0]; im.Bytes != 7 || len(im.SHA256) != 64 {
		t.Errorf("picture %+v", im)
	}
}

func TestMetaKeepsNoWords(t *testing.T) {
	w := writer(t)
	p := &providertest.Fake{Answers: []providertest.Answer{
		providertest.Text("canary-answer"),
		{Text: []string{"canary-answer"}, Err: provider.Errorf(provider.Invalid, "", "", "you said canary-prompt")},
	}}
	l := NewLog(p, LogConfig{Writer: w})
	req := question("canary-prompt")
	req.Stop, req.Schema = []string{"canary-stop"}, &provider.Schema{JSON: []byte(`{"title":"canary-schema"}`)}
	for range 2 {
		_, _ = provider.Collect(l.Chat(t.Context(), req))
	}
	w.Flush()
	db, err := w.Store().open(t.Context())
	must(t, err)
	var all string
	must(t, db.QueryRowContext(t.Context(), "SELECT group_concat(prompt || answer || record) FROM calls").Scan(&all))
	if strings.Contains(all, "canary") || !strings.Contains(all, `"kind":"invalid"`) || !strings.Contains(all, `"output_tokens":1`) {
		t.Errorf("it has %s", all)
	}
}

// How a call ended that gave no whole answer.
func TestWhatDidNotEndWell(t *testing.T) {
	first := &providertest.Fake{ProviderName: "first", Answers: []providertest.Answer{providertest.Fails(provider.Unavailable)}}
	second := &providertest.Fake{ProviderName: "second", Answers: []providertest.Answer{providertest.Fails(provider.Unavailable)}}
	both, err := router.New(router.Config{Use: []string{"first", "second"}, Targets: []router.Target{{Provider: first}, {Provider: second}}})
	must(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name     string
		p        provider.Provider
		ctx      context.Context
		kind     string
		answer   string
		attempts int
	}{
		{"nobody answered", both, t.Context(), "unavailable", "", 2},
		{"cut", &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"par"}, Err: provider.Errorf(provider.Truncated, "", "", "cut")}}}, t.Context(), "truncated", "par", 0},
		{"interrupted", &providertest.Fake{}, gone, "interrupted", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := writer(t)
			_, want := provider.Collect(NewLog(c.p, LogConfig{Writer: w, Content: true}).Chat(c.ctx, question("hi")))
			call := newest(t, w).Calls[0]
			if want == nil || call.Error == nil || call.Error.Kind != c.kind || call.Error.Message != want.Error() || call.Answer != c.answer || len(call.Error.Attempts) != c.attempts || call.Finish != "" {
				t.Errorf("%+v, error %+v; the caller saw %v", call, call.Error, want)
			}
		})
	}
	t.Run("the reader left", func(t *testing.T) {
		w := writer(t)
		for range NewLog(&providertest.Fake{Answers: []providertest.Answer{providertest.Text("a", "b")}}, LogConfig{Writer: w, Content: true}).Chat(t.Context(), question("hi")) {
			break
		}
		if call := newest(t, w).Calls[0]; call.Error == nil || call.Error.Kind != "interrupted" || call.Answer != "a" {
			t.Errorf("%+v, %+v", call, call.Error)
		}
	})
}

func TestIDsNeedNotBeWhole(t *testing.T) {
	w := writer(t)
	l := NewLog(&providertest.Fake{}, LogConfig{Writer: w, Content: true})
	for _, id := range []string{"1abc", "1abd"} {
		_, err := provider.Collect(l.Chat(provider.WithRun(t.Context(), provider.Run{ID: id}), question("hi")))
		must(t, err)
	}
	w.Flush()
	for id, want := range map[string]string{"1abc": "1abc", "1abd": "1abd", "": "1abd", "1ab": "several", "2": "no such run", "1abcd": "no such run", "%": "no such run"} {
		r, err := w.Store().Run(t.Context(), id)
		if r.ID != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q is %q, %v; want %s", id, r.ID, err, want)
		}
	}
}

// Whatever is looked for, it is words and no query language.
func TestSearchTakesAnyText(t *testing.T) {
	w := writer(t)
	logOne(t, w, "Wo fließt die Donau? 多瑙河在哪里 C++ \"quoted\" a-b")
	for text, found := range map[string]int{
		"donau": 1, "DONAU wo": 1, "Fliesst": 0, "fließt": 1, "多瑙河": 1, "瑙河": 1, "c++": 1, `"quoted"`: 1, "a-b": 1, "ona": 1, "elbe": 0,
		`"`: 1, "AND OR NOT": 0, "prompt:donau": 0, "don*": 0, "^wo": 1, "(": 0, "NEAR(wo donau)": 0, "%": 0, "_": 0, "\x00": 0, " ": 0,
	} {
		lines, err := linesOf(t, w.Store(), Filter{Words: text})
		if err != nil || len(lines) != found {
			t.Errorf("%q: found %d, %v; want %d", text, len(lines), err, found)
		}
	}
}

// The log is not part of the contract: what stands on it sees the provider.
func TestLogIsAProvider(t *testing.T) {
	providertest.TestLive(t, providertest.Live{
		New: func(t *testing.T) provider.Provider {
			return NewLog(&providertest.Fake{Answers: []providertest.Answer{providertest.Text("a", "b", "c")}}, LogConfig{Writer: writer(t), Content: true})
		},
		Model: "scripted", Endpoint: "fake://fake", Answers: "fake",
	})
}

// Many calls at once: none is lost.
func TestManyCallsAtOnce(t *testing.T) {
	w := writer(t)
	l := NewLog(&providertest.Fake{}, LogConfig{Writer: w, Content: true})
	const calls = 4000
	done := make(chan error, calls)
	for range calls {
		go func() {
			_, err := provider.Collect(l.Chat(context.Background(), question("hi")))
			done <- err
		}()
	}
	for range calls {
		must(t, <-done)
	}
	w.Flush()
	runs, err := linesOf(t, w.Store(), Filter{})
	logged := 0 // of 4000 ids in some milliseconds, two may be the same
	for _, l := range runs {
		logged += l.Calls
	}
	if err != nil || logged != calls {
		t.Errorf("%d calls are in the log, %v; want %d", logged, err, calls)
	}
}

// during is a provider that is told when a call is under way.
type during struct {
	provider.Provider
	call func()
}

func (d during) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	d.call()
	return d.Provider.Chat(ctx, req)
}

// A short command ends with writing its log: the file is open by then.
func TestTheFileIsOpenedWhileACallIsUnderWay(t *testing.T) {
	w := writer(t)
	open := false
	l := NewLog(during{&providertest.Fake{ProviderName: "p", Answers: []providertest.Answer{{Text: []string{"hello"}}}}, func() {
		w.Flush()
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		open = w.store.db != nil
	}}, LogConfig{Writer: w})
	if w.store.Exists() {
		t.Error("there is a file before there is a call")
	}
	if _, err := provider.Collect(l.Chat(t.Context(), question("Who?"))); err != nil {
		t.Fatal(err)
	}
	if !open {
		t.Error("the file is opened after the call")
	}
}

// An answer that its reader left is that of the provider which gave it, and what was
// there before is still told of the request.
func TestWhoBeganToAnswerIsLogged(t *testing.T) {
	for name, cancels := range map[string]bool{"the reader left": false, "it was cancelled": true} {
		t.Run(name, func(t *testing.T) {
			w := writer(t)
			down := &providertest.Fake{ProviderName: "down", Answers: []providertest.Answer{providertest.Fails(provider.Unavailable)}}
			up := &providertest.Fake{ProviderName: "up", Answers: []providertest.Answer{providertest.Text("The Ganges", " and", " more")}}
			r, err := router.New(router.Config{Use: []string{"down", "up"}, Targets: []router.Target{{Provider: down, Model: "a"}, {Provider: up, Model: "b"}}})
			must(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			told := 0
			ctx = router.WithObserver(ctx, func(e router.Event) {
				if e.Type == router.Asking {
					told++
				}
			})
			for range NewLog(r, LogConfig{Writer: w, Content: true}).Chat(ctx, question("Which river?")) {
				if !cancels {
					break
				}
				cancel()
			}
			w.Flush()
			found, err := linesOf(t, w.Store(), Filter{})
			must(t, err)
			if len(found) != 1 || found[0].Provider != "up" || found[0].Model != "b" || found[0].Finish != "" || found[0].Failed != "interrupted" {
				t.Errorf("%+v", found)
			}
			if told == 0 {
				t.Error("the observer of the request was told nothing")
			}
		})
	}
}
