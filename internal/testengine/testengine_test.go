package testengine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/testengine"
)

var ollamaEnv = map[string]string{
	"TANDEM_TEST_OLLAMA": "http://127.0.0.1:1/", "TANDEM_TEST_MODEL": "m", "TANDEM_TEST_EMBED_MODEL": "e",
	"TANDEM_TEST_OLLAMA_BIN": "/b", "TANDEM_TEST_OLLAMA_MODELS": "/d",
}

var openAIEnv = map[string]string{
	"TANDEM_TEST_OPENAI_URL": "http://127.0.0.1:1/v1/", "TANDEM_TEST_OPENAI_KEY": "k", "TANDEM_TEST_OPENAI_MODEL": "m",
}

var (
	newestEnv  = map[string]string{"TANDEM_TEST_NEWEST_OLLAMA_BIN": "/n"}
	clientsEnv = map[string]string{"TANDEM_TEST_CLIENTS": "/c"}
)

// outcome is a testing.TB that keeps what was said of the test instead of ending it.
type outcome struct {
	testing.TB
	failed, skipped bool
	text            string
}

func (o *outcome) Helper() {}

func (o *outcome) Fatalf(format string, args ...any) {
	o.failed, o.text = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (o *outcome) Skipf(format string, args ...any) {
	o.skipped, o.text = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func try(t *testing.T, f func(testing.TB)) *outcome {
	o := &outcome{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(o)
	}()
	<-done
	return o
}

func setAll(t *testing.T, require string, set map[string]string) {
	for _, env := range []map[string]string{ollamaEnv, openAIEnv, newestEnv, clientsEnv} {
		for name := range env {
			t.Setenv(name, "")
		}
	}
	t.Setenv("TANDEM_REQUIRE_ENGINES", require)
	for name, value := range set {
		t.Setenv(name, value)
	}
}

func TestAnEngineThatIsThereIsReturned(t *testing.T) {
	setAll(t, "1", ollamaEnv)
	want := testengine.OllamaEngine{URL: "http://127.0.0.1:1", Model: "m", EmbedModel: "e", Bin: "/b", ModelsDir: "/d"}
	if got := testengine.Ollama(t); got != want {
		t.Errorf("Ollama = %+v, want %+v", got, want)
	}
	if got := testengine.EmbeddingOllama(t); got != want {
		t.Errorf("EmbeddingOllama = %+v, want %+v", got, want)
	}
	setAll(t, "1", openAIEnv)
	if got, want := testengine.OpenAI(t), (testengine.OpenAIEngine{BaseURL: "http://127.0.0.1:1/v1", Key: "k", Model: "m"}); got != want {
		t.Errorf("OpenAI = %+v, want %+v", got, want)
	}
	setAll(t, "1", newestEnv)
	if got := testengine.NewestOllama(t); got != "/n" {
		t.Errorf("NewestOllama = %q, want /n", got)
	}
	setAll(t, "1", clientsEnv)
	if got := testengine.ClientPackages(t); got != "/c" {
		t.Errorf("ClientPackages = %q, want /c", got)
	}
}

// A run under `make test` must never pass because its engine was missing.
func TestAMissingEngineFailsWhereRequiredAndSkipsElsewhere(t *testing.T) {
	doors := map[string]func(testing.TB){
		"Ollama":     func(tb testing.TB) { testengine.Ollama(tb) },
		"embeddings": func(tb testing.TB) { testengine.EmbeddingOllama(tb) },
		"OpenAI":     func(tb testing.TB) { testengine.OpenAI(tb) },
		"newest":     func(tb testing.TB) { testengine.NewestOllama(tb) },
		"clients":    func(tb testing.TB) { testengine.ClientPackages(tb) },
	}
	for name, door := range doors {
		setAll(t, "1", nil)
		if o := try(t, door); !o.failed || !strings.Contains(o.text, "make test") {
			t.Errorf("%s required and missing: %+v, want a failure that names make test", name, o)
		}
		setAll(t, "", nil)
		if o := try(t, door); !o.skipped || !strings.Contains(o.text, "make test") {
			t.Errorf("%s missing: %+v, want a skip that names make test", name, o)
		}
	}
}

func TestNeedBinSkipsWithoutOne(t *testing.T) {
	if o := try(t, func(tb testing.TB) { testengine.OllamaEngine{URL: "u"}.NeedBin(tb) }); !o.skipped {
		t.Errorf("NeedBin without a binary: %+v, want a skip", o)
	}
	if o := try(t, func(tb testing.TB) { testengine.OllamaEngine{Bin: "/b", ModelsDir: "/d"}.NeedBin(tb) }); o.skipped {
		t.Errorf("NeedBin with a binary skipped: %s", o.text)
	}
}
