package collection_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/collection"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// embeddings is a server whose every vector is the same, and counts its calls.
func embeddings(t *testing.T) (url string, calls *int) {
	calls = new(int)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*calls++
		body, _ := io.ReadAll(r.Body)
		one := `{"object":"embedding","index":%d,"embedding":[1,0]}`
		var data []string
		for i := range strings.Count(string(body), `"text`) {
			data = append(data, fmt.Sprintf(one, i))
		}
		_, _ = io.WriteString(w, `{"object":"list","model":"v","data":[`+strings.Join(data, ",")+`]}`)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/v1", calls
}

// filledCollection makes a collection of two passages.
func filledCollection(t *testing.T, s *stack.Stack, name string) {
	t.Helper()
	c, err := s.Collections.MakeCollection(t.Context(), collection.New{Name: name, Provider: "vectors"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Ingest(t.Context(), func() { t.Error("it waits for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if p, err := in.Put(t.Context(), "/f", "f", "text one\ntext two", retrieve.Splitter{Lines: true}, nil); err != nil || p.Passages != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
}

func TestRetrieverIsTheCollections(t *testing.T) {
	url, calls := embeddings(t)
	text := "use: vectors\nproviders:\n  - {name: vectors, kind: openai, base_url: " + url + ", model: v, local: true}\n"
	dir := t.TempDir()
	s := open(t, stacktest.Load(t, text, map[string]string{"privacy": "local"}, nil), stack.Options{StateDir: dir})
	filledCollection(t, s, "own")

	// Another process, whose own configuration lets prompts go anywhere.
	s = open(t, stacktest.Load(t, text, nil, nil), stack.Options{StateDir: dir})
	r, err := s.Collections.Retriever(t.Context(), "own")
	if err != nil {
		t.Fatal(err)
	}
	*calls = 0
	found, err := r.Retrieve(t.Context(), "text", 5)
	if err != nil || len(found) != 2 || found[1].Place() != "f:2" || retrieve.Privacy(found) != provider.PrivacyLocal || *calls != 1 {
		t.Errorf("%+v, %v, %d calls", found, err, *calls)
	}

	for name, c := range map[string]struct {
		text, says string
		o          stack.Options
	}{
		"nosuch": {text, "there are: own", stack.Options{StateDir: dir}},
		"own":    {strings.ReplaceAll(text, "vectors", "others"), "by the provider vectors, which is not configured", stack.Options{StateDir: dir}},
	} {
		_, err := open(t, stacktest.Load(t, c.text, nil, nil), c.o).Collections.Retriever(t.Context(), name)
		if !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// A question that is to stay here goes to no other machine, whatever may be
// done with the passages.
func TestAQuestionThatStays(t *testing.T) {
	url, _ := embeddings(t)
	text := "use: vectors\nproviders:\n  - {name: vectors, kind: openai, base_url: %s, model: v}\n"
	dir := t.TempDir()
	filledCollection(t, open(t, stacktest.Load(t, fmt.Sprintf(text, url), nil, nil), stack.Options{StateDir: dir}), "own")
	s := open(t, stacktest.Load(t, fmt.Sprintf(text, "https://192.0.2.1/v1"), nil, nil), stack.Options{StateDir: dir})
	c, err := s.Collections.Collection(t.Context(), "own")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Find(t.Context(), "text", 1, retrieve.Search{Privacy: provider.PrivacyLocal}); !errors.Is(err, provider.Private) {
		t.Errorf("%v, want a private error", err)
	}
}

func TestAReplayMakesNoVectors(t *testing.T) {
	cfg := stacktest.Load(t, "use: vectors\nproviders:\n  - {name: vectors, kind: openai, base_url: http://127.0.0.1:1/v1, model: v}\n", nil, nil)
	tapes := t.TempDir()
	_, _ = provider.Collect(openWith(t, cfg, stack.Answers{Record: tapes}).Chat(t.Context(), stacktest.Question("hi"))) // its failure is recorded
	s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir(), Answers: stack.Answers{Replay: tapes}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Collections.Retriever(t.Context(), "own"); !errors.Is(err, provider.Unsupported) {
		t.Errorf("%v", err)
	}
}

// A provider elsewhere hears nothing of a collection that is to stay here, not
// even that it is about to be made; and nothing is made.
func TestALocalCollectionAsksNobodyElsewhere(t *testing.T) {
	text := "use: far\nproviders:\n  - {name: far, kind: openai, base_url: http://192.0.2.1:9/v1, model: v}\n"
	dir := t.TempDir()
	s := open(t, stacktest.Load(t, text, map[string]string{"privacy": "local"}, nil), stack.Options{StateDir: dir})
	_, err := s.Collections.MakeCollection(t.Context(), collection.New{Name: "own", Provider: "far"})
	if !errors.Is(err, provider.Private) || !strings.Contains(err.Error(), "what the collection own holds may not leave it (privacy: local)") {
		t.Errorf("%v", err)
	}
	if _, ok, err := s.Collections.Kept(t.Context(), "own"); ok || err != nil {
		t.Errorf("it is there, %v", err)
	}

	// One that was local stays so, whatever is said now, and the error says why.
	url, _ := embeddings(t)
	near := "use: far\nproviders:\n  - {name: far, kind: openai, base_url: " + url + ", model: v, local: true}\n"
	s = open(t, stacktest.Load(t, near, map[string]string{"privacy": "local"}, nil), stack.Options{StateDir: dir})
	if _, err := s.Collections.MakeCollection(t.Context(), collection.New{Name: "own", Provider: "far"}); err != nil {
		t.Fatal(err)
	}
	s = open(t, stacktest.Load(t, text, nil, nil), stack.Options{StateDir: dir})
	_, err = s.Collections.MakeCollection(t.Context(), collection.New{Name: "own", Provider: "far"})
	if !errors.Is(err, provider.Private) || !strings.Contains(err.Error(), "it was made with privacy: local, which stays") {
		t.Errorf("%v", err)
	}
}

// What a chain's step found is recorded, and a replay finds it without the
// collection; what is to stay on this machine is still told to.
func TestWhatIsFoundIsReplayed(t *testing.T) {
	url, calls := embeddings(t)
	cfg := stacktest.Load(t, "use: vectors\nproviders:\n  - {name: vectors, kind: openai, base_url: "+url+", model: v, local: true}\n", map[string]string{"privacy": "local"}, nil)
	tapes := t.TempDir()
	s := open(t, cfg, stack.Options{StateDir: t.TempDir(), Answers: stack.Answers{Record: tapes}})
	filledCollection(t, s, "own")
	want, route, err := s.Collections.Find(t.Context(), "own", "text", 5, retrieve.Search{})
	if err != nil || len(want) != 2 || route.Provider != "vectors" {
		t.Fatalf("%+v, %+v, %v", want, route, err)
	}
	_, _, lost := s.Collections.Find(t.Context(), "nosuch", "text", 5, retrieve.Search{})

	*calls = 0
	s = open(t, cfg, stack.Options{Answers: stack.Answers{Replay: tapes}})
	got, route, err := s.Collections.Find(t.Context(), "own", "text", 5, retrieve.Search{})
	if err != nil || !slices.Equal(got, want) || retrieve.Privacy(got) != provider.PrivacyLocal {
		t.Errorf("%+v, %v", got, err)
	}
	if route.Provider != "vectors" || !strings.HasPrefix(route.Reason, "replayed from "+tapes) || *calls != 0 {
		t.Errorf("%+v, %d calls", route, *calls)
	}
	if _, _, err := s.Collections.Find(t.Context(), "nosuch", "text", 5, retrieve.Search{}); !errors.Is(err, provider.Invalid) || !errors.Is(lost, provider.Invalid) {
		t.Errorf("%v, and at first %v", err, lost)
	}
	if _, _, err := s.Collections.Find(t.Context(), "own", "else", 5, retrieve.Search{}); !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "has no recording of") {
		t.Errorf("%v", err)
	}
}

func TestVectorsNeedTheKeyThatChatsNeed(t *testing.T) {
	url, calls := embeddings(t)
	s := open(t, stacktest.Load(t, "use: vectors\nproviders:\n  - {name: vectors, kind: openai, base_url: "+url+", model: v, api_key: env:NO_SUCH_KEY}\n", nil, nil), stack.Options{})
	c, err := s.Collections.MakeCollection(t.Context(), collection.New{Name: "a", Provider: "vectors"})
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Ingest(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := in.Put(t.Context(), "/f", "f", "text", retrieve.Splitter{}, nil); !errors.Is(err, provider.Denied) || *calls != 0 {
		t.Errorf("%v, %d calls", err, *calls)
	}
}
