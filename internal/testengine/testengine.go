// Package testengine is the tests' one door to the real engines: Ollama, and llama.cpp's server with an API key, which stands for the
// hosted side. `make test` starts both and says through the environment where they are; a test asks here and never looks for itself.
//
//	func TestChat(t *testing.T) {
//		e := testengine.Ollama(t) // skips under a plain `go test ./...`
//		p := ollama.New(ollama.Options{Host: e.URL, Model: e.Model})
//		…
//	}
//
// Without the engines a test is skipped and the message says how to get them. With TANDEM_REQUIRE_ENGINES=1, which `make test` sets, a
// missing engine fails the test, so a run that claims to have met the real thing has. `make test` runs the tests that ask for an Ollama on the
// newest one, too.
package testengine

import (
	"os"
	"strings"
	"testing"
)

// OllamaEngine is a running Ollama server. Tests may pull, create and delete models on it and kill its runner: under `make test` the
// server and its models are made for that one run. What a test creates it should name after itself; packages run at the same time.
type OllamaEngine struct {
	URL   string // base URL without a path or a trailing slash, as http://127.0.0.1:21434
	Model string // a small chat model that the server has, as smollm2:135m

	// EmbedModel is a small model that makes vectors, and does nothing else: all-minilm:latest, of 384 dimensions and a window of 512
	// tokens. It is empty where there is none; EmbeddingOllama asks for it.
	EmbedModel string

	// Bin is the binary that the server runs and ModelsDir its OLLAMA_MODELS, for tests that start a server of their own. Both are empty
	// when the server was there already and only its address is known; NeedBin asks for them.
	Bin, ModelsDir string
}

// OpenAIEngine is a running OpenAI-compatible server that refuses a wrong key.
type OpenAIEngine struct {
	BaseURL string // with its path and without a trailing slash, as http://127.0.0.1:21435/v1
	Key     string // the only key it takes
	Model   string // a model id as its /v1/models says it
}

// Ollama returns the running Ollama, or skips or fails the test as the package comment says. The error names what is missing.
func Ollama(t testing.TB) OllamaEngine {
	t.Helper()
	v := lookup(t, "Ollama", "TANDEM_TEST_OLLAMA", "TANDEM_TEST_MODEL")
	return OllamaEngine{
		URL:        strings.TrimRight(v[0], "/"),
		Model:      v[1],
		EmbedModel: os.Getenv("TANDEM_TEST_EMBED_MODEL"),
		Bin:        os.Getenv("TANDEM_TEST_OLLAMA_BIN"),
		ModelsDir:  os.Getenv("TANDEM_TEST_OLLAMA_MODELS"),
	}
}

// EmbeddingOllama is Ollama for a test that needs EmbedModel.
func EmbeddingOllama(t testing.TB) OllamaEngine {
	t.Helper()
	lookup(t, "Ollama with an embedding model", "TANDEM_TEST_OLLAMA", "TANDEM_TEST_EMBED_MODEL")
	return Ollama(t)
}

// NeedBin skips the test when the server's binary is not known, which is so only when an Ollama of the user's own is used.
func (e OllamaEngine) NeedBin(t testing.TB) {
	t.Helper()
	if e.Bin == "" || e.ModelsDir == "" {
		t.Skipf("the Ollama at %s was already running and its binary is not known: put `ollama` on PATH for this test", e.URL)
	}
}

// OpenAI returns the running OpenAI-compatible server, or skips or fails the test as the package comment says.
func OpenAI(t testing.TB) OpenAIEngine {
	t.Helper()
	v := lookup(t, "the OpenAI-compatible server", "TANDEM_TEST_OPENAI_URL", "TANDEM_TEST_OPENAI_KEY", "TANDEM_TEST_OPENAI_MODEL")
	return OpenAIEngine{BaseURL: strings.TrimRight(v[0], "/"), Key: v[1], Model: v[2]}
}

// NewestOllama returns the program of the newest Ollama, for tests that start it themselves, or skips or fails the test as the package
// comment says. Under `make test-newest`, and where it was run before, llama.cpp's server lies beside it, which runs its models; elsewhere it
// can list, create and pass on.
func NewestOllama(t testing.TB) (bin string) {
	t.Helper()
	return lookup(t, "the newest Ollama", "TANDEM_TEST_NEWEST_OLLAMA_BIN")[0]
}

// ClientPackages returns the directory of Python packages with real clients' libraries (scripts/clients/packages.txt), or skips or fails the
// test as the package comment says.
func ClientPackages(t testing.TB) (dir string) {
	t.Helper()
	return lookup(t, "a real client", "TANDEM_TEST_CLIENTS")[0]
}

// lookup returns the values of the named environment variables, all of which must be set.
func lookup(t testing.TB, engine string, names ...string) []string {
	t.Helper()
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = os.Getenv(name)
		if values[i] != "" {
			continue
		}
		if os.Getenv("TANDEM_REQUIRE_ENGINES") == "1" {
			t.Fatalf("%s is required (TANDEM_REQUIRE_ENGINES=1) and %s is not set: run `make test`, which starts it", engine, name)
		}
		t.Skipf("%s is not running here (%s is not set): `make test` starts it and runs this test too", engine, name)
	}
	return values
}
