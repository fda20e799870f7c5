package record_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(text string) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(text)}, Temperature: provider.Ptr(0.0)}
}

func recorder(t *testing.T, inner provider.Provider, o record.Config) *record.Recorder {
	t.Helper()
	o.Warn = func(err error) { t.Error(err) }
	r, err := record.New(inner, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func replay(t *testing.T, o record.PlayerConfig) *record.Player {
	t.Helper()
	p, err := record.Replay("replay", o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// drain returns all that a stream yields.
func drain(p provider.Provider, req provider.Request) (chunks []provider.Chunk, failed error) {
	for c, err := range p.Chat(context.Background(), req) {
		if err != nil {
			return chunks, err
		}
		chunks = append(chunks, c)
	}
	return chunks, nil
}

func recordings(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// everything sets every field of every chunk.
type everything struct{ providertest.Fake }

func (e *everything) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		_ = yield(provider.Chunk{Thinking: "Hm. "}, nil) &&
			yield(provider.Chunk{Text: "Hello"}, nil) &&
			yield(provider.Chunk{Restart: true, Thought: true, Text: "wörld <&>"}, nil) &&
			yield(provider.Chunk{
				ToolCalls: []provider.ToolCall{{ID: "1", Name: "f", Arguments: json.RawMessage(`{ "b":1,"a" : 2 }`), Extra: json.RawMessage(`{"google":{"thought_signature":"c2ln"}}`)}},
				Finish:    provider.FinishToolCalls,
				Usage:     &provider.Usage{InputTokens: 1, CachedTokens: 2, OutputTokens: 3, ThinkingTokens: 4},
				Route: &provider.Route{
					Provider: "openai", Host: "h:1", Model: "m", Endpoint: "https://h", Local: true, Gateway: "litellm (http://127.0.0.1:1)", Reason: "fallback", Request: "r-1", Warnings: []string{"cut"}, Missing: "d", MaxTokens: 9,
					FirstToken: 1, Total: 2, Load: 3, Working: 4, Repairs: 1, Cost: &provider.Cost{USD: provider.Ptr(0.5), Saved: provider.Ptr(0.0), Basis: "list"},
					Attempts: []provider.Attempt{
						{Provider: "local", Host: "g:1", Model: "n", Outcome: provider.OutcomeFailed, Reason: "no", Kind: provider.Timeout, Took: 4, Tries: 2, SentTo: "http://h", Local: true, MayBeCharged: true, PromptTokens: 5, Estimated: true},
						{Provider: "openai", Outcome: provider.OutcomeAnswered},
					},
				},
			}, nil)
	}
}

// unset names fields that are zero, all the way down.
func unset(v reflect.Value, path string) (names []string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return unset(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			names = append(names, unset(v.Index(i), path)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := path + "." + v.Type().Field(i).Name
			if v.Field(i).IsZero() {
				names = append(names, name)
			}
			names = append(names, unset(v.Field(i), name)...)
		}
	}
	return names
}

// A replay gives what was recorded, but for the route's reason and cost.
func TestAReplayIsTheAnswer(t *testing.T) {
	dir := t.TempDir()
	inner := &everything{}
	want, _ := drain(inner, ask("hi"))
	last := want[len(want)-1]
	if names := unset(reflect.ValueOf(last), "Chunk"); !reflect.DeepEqual(names, []string{
		"Chunk.Text", "Chunk.Thinking", "Chunk.Restart", "Chunk.Thought",
		"Chunk.Route.Attempts.Host", "Chunk.Route.Attempts.Model", "Chunk.Route.Attempts.Reason", "Chunk.Route.Attempts.Kind", "Chunk.Route.Attempts.Took",
		"Chunk.Route.Attempts.Tries", "Chunk.Route.Attempts.SentTo", "Chunk.Route.Attempts.Local", "Chunk.Route.Attempts.MayBeCharged", "Chunk.Route.Attempts.PromptTokens", "Chunk.Route.Attempts.Estimated",
	}) {
		t.Fatalf("this test sets too little: %q", names)
	}
	r := recorder(t, inner, record.Config{Dir: dir, Now: func() time.Time { return time.Date(2026, 11, 25, 1, 2, 3, 4, time.UTC) }})
	passed, err := drain(r, ask("hi"))
	if err != nil || !reflect.DeepEqual(passed, want) {
		t.Errorf("recorded, the answer is %+v, %v", passed, err)
	}
	got, err := drain(replay(t, record.PlayerConfig{Dir: dir}), ask("hi"))
	if err != nil {
		t.Fatal(err)
	}
	rt := got[len(got)-1].Route
	if rt.Reason != "replayed from "+dir+", recorded 2026-11-25: fallback" || *rt.Cost.USD != 0 || rt.Cost.Saved != nil || rt.Cost.Basis != "replayed" {
		t.Errorf("reason %q, cost %+v", rt.Reason, rt.Cost)
	}
	rt.Reason, rt.Cost = last.Route.Reason, last.Route.Cost
	if !reflect.DeepEqual(got, want) {
		t.Errorf("replayed:\n%+v\nwas:\n%+v", got, want)
	}
}

// The files in testdata/v1 were written by the program of 2026-11-28.
func TestRecordingsOfEarlierProgramsAreReplayed(t *testing.T) {
	p := replay(t, record.PlayerConfig{Dir: "testdata/v1", Targets: func(*provider.Request) []provider.Candidate {
		return []provider.Candidate{{Name: "local", Model: "m", NumCtx: 4096, Options: map[string]any{"k": 1}}, {Name: "openai"}}
	}})
	question := func(text string) provider.Request {
		return provider.Request{
			Model: "m", Use: []string{"local"},
			Messages: []provider.Message{
				{Role: provider.RoleUser, Text: text, Images: []provider.Image{{Data: []byte("png"), MIME: "image/png"}, {URL: "https://pictures.example/1"}}},
				{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{{ID: "1", Name: "f", Arguments: json.RawMessage(`{"a": 1}`)}}},
				{Role: provider.RoleTool, Text: "4", ToolCallID: "1", ToolName: "f"},
			},
			Temperature: provider.Ptr(0.5), TopP: provider.Ptr(0.9), Seed: provider.Ptr(int64(7)), MaxTokens: provider.Ptr(9), Stop: []string{"\n"},
			Schema: &provider.Schema{Name: "s", JSON: json.RawMessage(`{"type":"object"}`), Strict: true},
			Tools:  []provider.Tool{{Name: "f", Description: "does", Parameters: json.RawMessage(`{"type":"object"}`)}}, ToolChoice: "auto",
			Think: provider.ThinkOn, Privacy: provider.PrivacyLocal, Options: map[string]any{"top_k": 20, "a": true}, NoStream: true,
		}
	}
	r, err := provider.Collect(p.Chat(t.Context(), question("look")))
	call := provider.ToolCall{ID: "c1", Name: "f", Arguments: json.RawMessage(`{"b": 1,"a":2}`)}
	usage := &provider.Usage{InputTokens: 4, CachedTokens: 1, OutputTokens: 3, ThinkingTokens: 2}
	if err != nil || r.Text != "b" || !reflect.DeepEqual(r.ToolCalls, []provider.ToolCall{call}) || !reflect.DeepEqual(r.Usage, usage) || r.Route.Request != "r2" {
		t.Errorf("replayed: %+v, %v", r, err)
	}
	_, err = provider.Collect(p.Chat(t.Context(), question("fail")))
	var e *provider.Error
	if !errors.As(err, &e) || e.Kind != provider.RateLimited || e.RetryAfter != time.Second || e.RequestID != "r1" {
		t.Errorf("replayed: %v", err)
	}
}

// Twice the same call makes the same bytes, with keys in order.
func TestFilesAreForPeople(t *testing.T) {
	var texts [2][]byte
	for i := range texts {
		dir := t.TempDir()
		now := time.Date(2026, 11, 25, 1, 2, 3, 0, time.UTC)
		r := recorder(t, &everything{}, record.Config{Dir: dir, Now: func() time.Time { now = now.Add(1500 * time.Microsecond); return now }})
		req := ask("Who <is> it?")
		req.Options = map[string]any{"b": 1, "a": 2}
		if _, err := drain(r, req); err != nil {
			t.Fatal(err)
		}
		all := recordings(t, dir)
		if len(all) != 1 || !strings.HasSuffix(all[0], "-001.json") {
			t.Fatalf("files %q", all)
		}
		info, err := os.Stat(all[0])
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if texts[i], err = os.ReadFile(all[0]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Errorf("two recordings of one call differ:\n%s\n%s", texts[0], texts[1])
	}
	text := string(texts[0])
	for _, part := range []string{`"text": "Who <is> it?"`, `"at_ms": 3,`, `"version": 1`, `"recorded": "2026-11-25T01:02:03Z"`, `"arguments": "{ \"b\":1,\"a\" : 2 }"`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in\n%s", part, text)
		}
	}
	inOrder(t, text, "chunks", "key", "recorded", "request", "version")
}

func inOrder(t *testing.T, text string, names ...string) {
	t.Helper()
	for _, n := range names {
		_, after, ok := strings.Cut(text, "\n  \""+n+"\":")
		if !ok {
			t.Fatalf("%s does not come in its order", n)
		}
		text = after
	}
}

// The recorder and the replay of what it recorded both pass the suite for
// providers that are well.
func TestRecordedAndReplayedAreWell(t *testing.T) {
	dir := t.TempDir()
	live := providertest.Live{
		Model: "m", Endpoint: "fake://fake", Seed: true, Lists: true, Answers: "fake",
		New: func(t *testing.T) provider.Provider {
			return recorder(t, &providertest.Fake{
				List:    []provider.Model{{Name: "m"}},
				Answers: []providertest.Answer{providertest.Text("red", " orange", " yellow", " green", " blue")},
			}, record.Config{Dir: dir})
		},
	}
	t.Run("recorded", func(t *testing.T) { providertest.TestLive(t, live) })
	for _, n := range []int{400, 800} { // the suite leaves these before their end
		req := ask("Tell me the colours of the rainbow, one after the other.")
		req.Model, req.Seed, req.MaxTokens = "m", provider.Ptr(int64(7)), &n
		if _, err := drain(live.New(t), req); err != nil {
			t.Fatal(err)
		}
	}
	live.New = func(t *testing.T) provider.Provider { return replay(t, record.PlayerConfig{Dir: dir}) }
	t.Run("replayed", func(t *testing.T) { providertest.TestLive(t, live) })
}

// Around an adapter the recorder changes nothing of the contract: see also
// the suite's run in internal/stack.
func TestErrorsAreReplayed(t *testing.T) {
	dir := t.TempDir()
	attempts := []provider.Attempt{{Provider: "local", Outcome: provider.OutcomeFailed, Reason: "no"}}
	was := &provider.Error{
		Kind: provider.RateLimited, Provider: "fake", Model: "m", Status: 429, RetryAfter: 7 * time.Second, RequestID: "r-1",
		Sent: true, Final: true, Err: errors.New("slow down"),
	}
	if names := unset(reflect.ValueOf(*was), "Error"); len(names) > 1 { // errors.New's own
		t.Fatalf("this test sets too little: %q", names)
	}
	fake := &providertest.Fake{Answers: []providertest.Answer{{Text: []string{"Hel"}, Err: was}, {Err: errors.New("no provider says so")}}}
	r := recorder(t, fake, record.Config{Dir: dir, Attempts: func(error) []provider.Attempt { return attempts }})
	req := ask("hi")
	req.Model = "m"
	for range 2 {
		if _, err := drain(r, req); err == nil {
			t.Fatal("no error")
		}
	}
	var told []provider.Attempt
	p := replay(t, record.PlayerConfig{Dir: dir, Cause: func(text string, a []provider.Attempt) error { told = a; return errors.New(text) }})
	chunks, err := drain(p, req)
	var e *provider.Error
	if !errors.As(err, &e) || e.Err.Error() != "replayed from "+dir+": slow down" {
		t.Fatalf("%+v is replayed as %+v", was, err)
	}
	e.Err = was.Err
	if !reflect.DeepEqual(e, was) {
		t.Errorf("%+v is replayed as %+v", was, e)
	}
	if len(chunks) != 1 || chunks[0].Text != "Hel" || !reflect.DeepEqual(told, attempts) {
		t.Errorf("before it came %+v; attempts %+v", chunks, told)
	}
	if _, err := drain(p, req); errors.As(err, &e) || err.Error() != "replayed from "+dir+": no provider says so" {
		t.Errorf("replayed as %v", err)
	}
}

// What the caller leaves or cancels has no end to record.
func TestWhatIsLeftIsNotRecorded(t *testing.T) {
	dir := t.TempDir()
	r := recorder(t, &providertest.Fake{Answers: []providertest.Answer{providertest.Text("a", "b")}}, record.Config{Dir: dir})
	for range r.Chat(context.Background(), ask("hi")) {
		break
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range r.Chat(ctx, ask("hi")) {
		cancel()
		last = err
	}
	if last != context.Canceled { //nolint:errorlint // the contract says unchanged
		t.Errorf("canceled: %v", last)
	}
	if all := recordings(t, dir); len(all) != 0 {
		t.Errorf("recorded: %q", all)
	}
}

func TestARowIsReplayedInOrder(t *testing.T) {
	dir := t.TempDir()
	r := recorder(t, &providertest.Fake{Answers: []providertest.Answer{
		providertest.Text("one"), providertest.Fails(provider.Timeout), providertest.Text("three"),
	}}, record.Config{Dir: dir})
	for range 3 {
		_, _ = drain(r, ask("hi")) // the second fails
	}
	p := replay(t, record.PlayerConfig{Dir: dir})
	seq := p.Chat(context.Background(), ask("hi"))
	for i, want := range []string{"one", "", "three", "three"} {
		got, err := provider.Collect(seq)
		if got.Text != want || errors.Is(err, provider.Timeout) != (i == 1) {
			t.Errorf("range %d: %q, %v; want %q", i, got.Text, err, want)
		}
	}
}

// Many at once, as of several processes: every call has a file of its own.
func TestManyRecordAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		r := recorder(t, &providertest.Fake{}, record.Config{Dir: dir})
		all.Go(func() {
			for range 8 {
				if _, err := drain(r, ask("hi")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(recordings(t, dir)); n != 32 {
		t.Errorf("32 calls made %d files", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
	p := replay(t, record.PlayerConfig{Dir: dir})
	for range 33 {
		if _, err := drain(p, ask("hi")); err != nil {
			t.Fatal(err)
		}
	}
}

// A directory that cannot be written to costs no answer, and is told.
func TestAnAnswerIsNotLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	var warned []error
	r, err := record.New(&providertest.Fake{}, record.Config{Dir: dir, Warn: func(err error) { warned = append(warned, err) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if chunks, err := drain(r, ask("hi")); err != nil || len(chunks) != 2 {
		t.Errorf("%+v, %v", chunks, err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), dir) {
		t.Errorf("warnings: %v", warned)
	}
	if _, err := record.New(&providertest.Fake{}, record.Config{Dir: filepath.Join(os.Args[0], "d")}); err == nil {
		t.Error("a directory below a file was made")
	}
}

func TestTimesAreKeptWhenAskedFor(t *testing.T) {
	dir := t.TempDir()
	clock := time.Now()
	r := recorder(t, &providertest.Fake{Answers: []providertest.Answer{providertest.Text("a", "b")}},
		record.Config{Dir: dir, Now: func() time.Time { clock = clock.Add(20 * time.Millisecond); return clock }})
	if _, err := drain(r, ask("hi")); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := drain(replay(t, record.PlayerConfig{Dir: dir, Timing: true}), ask("hi")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("what took 60 ms is replayed in %s", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	_, err := provider.Collect(replay(t, record.PlayerConfig{Dir: dir, Timing: true}).Chat(ctx, ask("hi")))
	if err != context.Canceled { //nolint:errorlint // the contract says unchanged
		t.Errorf("canceled while waiting: %v", err)
	}
}
