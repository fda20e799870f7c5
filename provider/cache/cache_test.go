package cache_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(text string) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(text)}, Temperature: provider.Ptr(0.0)}
}

func collect(t *testing.T, p provider.Provider, req provider.Request) provider.Response {
	t.Helper()
	r, err := provider.Collect(p.Chat(context.Background(), req))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func isHit(r provider.Response) bool {
	return strings.HasPrefix(r.Route.Reason, "from the cache") && cache.Hit(r.Route)
}

func TestACacheIsWell(t *testing.T) {
	store := &cache.Memory{}
	providertest.TestLive(t, providertest.Live{
		Model: "m", Endpoint: "fake://fake", Seed: true, Lists: true,
		New: func(t *testing.T) provider.Provider {
			return cache.New(&providertest.Fake{
				List:    []provider.Model{{Name: "m"}},
				Answers: []providertest.Answer{providertest.Text("red", " orange", " yellow", " green", " blue")},
			}, cache.Config{Store: store, Warn: func(err error) { t.Error(err) }})
		},
	})
	s, err := store.Stats(context.Background())
	if err != nil || s.Hits == 0 || s.Misses == 0 || s.Entries == 0 || s.Bytes == 0 || s.Oldest.IsZero() {
		t.Errorf("after the suite: %+v, %v", s, err)
	}
}

func TestAHitSaysSo(t *testing.T) {
	fake := &providertest.Fake{ProviderName: "openai", Answers: []providertest.Answer{{Thinking: "Hm.", Text: []string{"Hello", " wörld"}}}}
	costs := withCost{fake}
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.Local)
	c := cache.New(costs, cache.Config{Store: &cache.Memory{}, Now: func() time.Time { now = now.Add(time.Hour); return now }})
	first := collect(t, c, ask("hi"))
	again := collect(t, c, ask("hi"))
	if n := len(fake.Calls()); n != 1 || isHit(first) || !isHit(again) {
		t.Fatalf("%d calls; %q, then %q", n, first.Route.Reason, again.Route.Reason)
	}
	if again.Text != first.Text || again.Thinking != "Hm." || again.Finish != first.Finish || !reflect.DeepEqual(again.Usage, first.Usage) {
		t.Errorf("%+v became %+v", first, again)
	}
	rt := again.Route
	if rt.Reason != "from the cache, answered by openai on 2026-11-25" || rt.Provider != "openai" || rt.Endpoint != first.Route.Endpoint ||
		*rt.Cost.USD != 0 || *rt.Cost.Saved != 0.25 || rt.Cost.Basis != "cache" || rt.Total != time.Hour || rt.Load != 0 || rt.Attempts != nil {
		t.Errorf("route %+v, cost %+v", rt, rt.Cost)
	}
	if *first.Route.Cost.USD != 0.25 {
		t.Errorf("the first answer's cost became %+v", first.Route.Cost)
	}
	// Streamed, and left at once.
	for chunk, err := range c.Chat(context.Background(), ask("hi")) {
		if chunk.Thinking != "Hm." || chunk.Finish != "" || err != nil {
			t.Errorf("first came %+v, %v", chunk, err)
		}
		break
	}
}

// withCost is a provider with a ledger.
type withCost struct{ provider.Provider }

func (w withCost) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for c, err := range w.Provider.Chat(ctx, req) {
			if c.Route != nil {
				c.Route.Load, c.Route.Cost = time.Second, &provider.Cost{USD: provider.Ptr(0.25), Basis: "list"}
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// Which questions are one, and which are two.
func TestWhatIsTheSameQuestion(t *testing.T) {
	endpoint := "http://here"
	targets := func(r *provider.Request) []provider.Candidate {
		return []provider.Candidate{{Name: "local", Model: "m", Endpoint: endpoint}}
	}
	for name, tc := range map[string]struct {
		change func(*provider.Request)
		hit    bool
	}{
		"itself":      {func(*provider.Request) {}, true},
		"whole":       {func(r *provider.Request) { r.NoStream = true }, true},
		"private":     {func(r *provider.Request) { r.Privacy = provider.PrivacyLocal }, true},
		"text":        {func(r *provider.Request) { r.Messages[0].Text = "ho" }, false},
		"model":       {func(r *provider.Request) { r.Model = "n" }, false},
		"seed":        {func(r *provider.Request) { r.Seed = provider.Ptr(int64(1)) }, false},
		"max tokens":  {func(r *provider.Request) { r.MaxTokens = provider.Ptr(100) }, false},
		"options":     {func(r *provider.Request) { r.Options = map[string]any{"top_k": 1} }, false},
		"schema":      {func(r *provider.Request) { r.Schema = &provider.Schema{JSON: []byte(`{}`)} }, false},
		"tools":       {func(r *provider.Request) { r.Tools = []provider.Tool{{Name: "f", Parameters: []byte(`{}`)}} }, false},
		"the targets": {func(*provider.Request) { endpoint = "http://there" }, false},
	} {
		endpoint = "http://here"
		fake := &providertest.Fake{}
		c := cache.New(fake, cache.Config{Store: &cache.Memory{}, Targets: targets})
		collect(t, c, ask("hi"))
		req := ask("hi")
		tc.change(&req)
		if r := collect(t, c, req); isHit(r) != tc.hit || len(fake.Calls()) == 1 != tc.hit {
			t.Errorf("%s: hit %v, want %v", name, isHit(r), tc.hit)
		}
	}
}

func TestWhatIsKept(t *testing.T) {
	usual := providertest.Text("yes")
	for name, tc := range map[string]struct {
		answer  providertest.Answer
		request func(*provider.Request)
		insist  bool
		kept    bool
	}{
		"temperature 0":     {usual, func(*provider.Request) {}, false, true},
		"a seed":            {usual, func(r *provider.Request) { r.Temperature, r.Seed = provider.Ptr(1.0), provider.Ptr(int64(7)) }, false, true},
		"chance":            {usual, func(r *provider.Request) { r.Temperature = provider.Ptr(0.5) }, false, false},
		"nobody said":       {usual, func(r *provider.Request) { r.Temperature = nil }, false, false},
		"chance, insisted":  {usual, func(r *provider.Request) { r.Temperature = nil }, true, true},
		"cut":               {providertest.Answer{Text: []string{"ye"}, Finish: provider.FinishLength}, func(*provider.Request) {}, true, false},
		"tool calls":        {providertest.Answer{Text: []string{"ye"}, Finish: provider.FinishToolCalls}, func(*provider.Request) {}, true, false},
		"blank":             {providertest.Text(" ", "\n"), func(*provider.Request) {}, true, false},
		"longer than 1 MiB": {providertest.Text(strings.Repeat("x", 1<<20), "y"), func(*provider.Request) {}, true, false},
	} {
		store := &cache.Memory{}
		fake := &providertest.Fake{Answers: []providertest.Answer{tc.answer}}
		c := cache.New(fake, cache.Config{Store: store, Insist: tc.insist})
		for range 2 {
			req := ask("hi")
			tc.request(&req)
			collect(t, c, req)
		}
		s, _ := store.Stats(context.Background())
		if (s.Entries == 1) != tc.kept || (len(fake.Calls()) == 1) != tc.kept {
			t.Errorf("%s: %d entries, %d calls; kept: want %v", name, s.Entries, len(fake.Calls()), tc.kept)
		}
	}
}

func TestFailuresAndWhatIsLeftAreNotKept(t *testing.T) {
	store := &cache.Memory{}
	fake := &providertest.Fake{Answers: []providertest.Answer{
		{Text: []string{"Hel"}, Err: provider.Errorf(provider.Truncated, "", "", "cut")}, providertest.Text("Hello", " wörld"),
	}}
	c := cache.New(fake, cache.Config{Store: store})
	if r, err := provider.Collect(c.Chat(context.Background(), ask("hi"))); r.Text != "Hel" || !errors.Is(err, provider.Truncated) {
		t.Errorf("%+v, %v", r, err)
	}
	for range c.Chat(context.Background(), ask("hi")) {
		break
	}
	if _, err := provider.Collect(c.Chat(context.Background(), provider.Request{})); !errors.Is(err, provider.Invalid) {
		t.Errorf("no messages: %v", err)
	}
	if s, _ := store.Stats(context.Background()); s.Entries != 0 {
		t.Errorf("kept: %+v", s)
	}
	// Who leaves at the very end has had it all.
	for chunk := range c.Chat(context.Background(), ask("hi")) {
		if chunk.Finish != "" {
			break
		}
	}
	if s, _ := store.Stats(context.Background()); s.Entries != 1 {
		t.Errorf("kept: %+v", s)
	}
	if err := store.Clear(context.Background()); err != nil || isHit(collect(t, c, ask("hi"))) {
		t.Errorf("a hit after Clear (%v)", err)
	}
}

// An answer of the stand-in is asked again, so that the first one has its turn
// when it is back.
func TestAStandInsAnswerIsNotKept(t *testing.T) {
	local := &providertest.Fake{ProviderName: "local", Answers: []providertest.Answer{providertest.Fails(provider.Unavailable), providertest.Text("local")}}
	hosted := &providertest.Fake{ProviderName: "openai", Answers: []providertest.Answer{providertest.Text("hosted")}}
	r, err := router.New(router.Config{Use: []string{"local", "openai"}, Targets: []router.Target{{Provider: local}, {Provider: hosted}}})
	if err != nil {
		t.Fatal(err)
	}
	c := cache.New(r, cache.Config{Store: &cache.Memory{}})
	answers := []provider.Response{collect(t, c, ask("hi")), collect(t, c, ask("hi")), collect(t, c, ask("hi"))}
	if answers[0].Text != "hosted" || answers[1].Text != "local" || isHit(answers[1]) || answers[2].Text != "local" || !isHit(answers[2]) {
		t.Errorf("%+v", answers)
	}
}

// routed answers with a route.
type routed struct {
	providertest.Fake
	route provider.Route
	asked int
}

func (w *routed) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	w.asked++
	return func(yield func(provider.Chunk, error) bool) {
		rt := w.route
		yield(provider.Chunk{Text: "good", Finish: provider.FinishStop, Route: &rt}, nil)
	}
}

func TestAnswersThatAreNotKeptForTheirRoute(t *testing.T) {
	for name, tc := range map[string]struct {
		route provider.Route
		asked int
	}{
		"ordinary":                     {provider.Route{Provider: "w"}, 1},
		"a warning":                    {provider.Route{Provider: "w", Warnings: []string{"the server cut the prompt"}}, 2},
		"the default model is missing": {provider.Route{Provider: "w", Model: "b", Missing: "a"}, 2},
	} {
		w := &routed{route: tc.route}
		c := cache.New(w, cache.Config{Store: &cache.Memory{}})
		for range 2 {
			if r := collect(t, c, ask("hi")); r.Text != "good" {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if w.asked != tc.asked {
			t.Errorf("%s: asked %d times, want %d", name, w.asked, tc.asked)
		}
	}
}

// restarting begins its answer again.
type restarting struct {
	providertest.Fake
	thought bool
}

func (r *restarting) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		_ = yield(provider.Chunk{Text: "void"}, nil) && yield(provider.Chunk{Restart: true, Thought: r.thought, Text: "good"}, nil) &&
			yield(provider.Chunk{Finish: provider.FinishStop, Route: &provider.Route{Provider: "r"}}, nil)
	}
}

func TestOnlyTheAnswerThatCountsIsKept(t *testing.T) {
	c := cache.New(&restarting{}, cache.Config{Store: &cache.Memory{}})
	collect(t, c, ask("hi"))
	if r := collect(t, c, ask("hi")); !isHit(r) || r.Text != "good" || r.Thinking != "" {
		t.Errorf("%+v", r)
	}
	c = cache.New(&restarting{thought: true}, cache.Config{Store: &cache.Memory{}})
	collect(t, c, ask("hi"))
	if r := collect(t, c, ask("hi")); !isHit(r) || r.Text != "good" || r.Thinking != "void" {
		t.Errorf("%+v", r)
	}
}

// broken is a store that fails, or holds nonsense.
type broken struct {
	cache.Memory
	get, put error
	value    string
}

func (b *broken) Get(ctx context.Context, key string) ([]byte, time.Time, bool, error) {
	return []byte(b.value), time.Now(), b.value != "", b.get
}
func (b *broken) Put(context.Context, string, []byte) error { return b.put }

// The store's failure is told once and costs no answer.
func TestAFailingStoreCostsNoAnswer(t *testing.T) {
	full := errors.New("the disk is full")
	for name, b := range map[string]*broken{
		"get": {get: full}, "put": {put: full}, "both": {get: full, put: full},
		"nonsense": {value: "gremlins"}, "another version": {value: `{"version":2,"text":"no"}`},
	} {
		var mu sync.Mutex
		warned := 0
		c := cache.New(&providertest.Fake{}, cache.Config{Store: b, Warn: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if warned++; !errors.Is(err, full) {
				t.Errorf("%s: %v", name, err)
			}
		}})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if r, err := provider.Collect(c.Chat(context.Background(), ask("hi"))); err != nil || r.Text != "ok" {
					t.Errorf("%s: %+v, %v", name, r, err)
				}
			})
		}
		all.Wait()
		if want := map[bool]int{true: 0, false: 1}[b.value != ""]; warned != want {
			t.Errorf("%s: %d warnings, want %d", name, warned, want)
		}
	}
}

func TestTheCallersContextIsNoWarning(t *testing.T) {
	c := cache.New(&providertest.Fake{}, cache.Config{Store: &cache.Memory{}, Warn: func(err error) { t.Error(err) }})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := provider.Collect(c.Chat(ctx, ask("hi"))); err != context.Canceled { //nolint:errorlint // the contract says unchanged
		t.Errorf("%v", err)
	}
	if _, ok := provider.As[*providertest.Fake](c); !ok {
		t.Error("what is inside cannot be found")
	}
}
