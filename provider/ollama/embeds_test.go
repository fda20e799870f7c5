package ollama_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// Ollama says of an embedding model whose file does not say how it pools, as of one that
// was made of safetensors, that it completes texts.
func TestAnEmbeddingModelIsOneByItsFamily(t *testing.T) {
	for family, want := range map[string]string{
		"bert": "[embedding]", "nomic-bert": "[embedding]", "gemma-embedding": "[embedding]", "BERT": "[embedding]", "llama": "[completion]", "": "[completion]",
	} {
		details := `"details":{"family":"` + family + `"},"capabilities":["completion"]`
		p := imitator(t, map[string]string{
			"/api/tags": `{"models":[{"name":"m:latest","model":"m:latest",` + details + `}]}`, "/api/show": `{` + details + `}`, "/api/version": `{"version":"0.33.3"}`,
			"/api/embed": `{"model":"m","embeddings":[[1,0]]}`,
		})
		models, err := p.Models(t.Context())
		if err != nil || len(models) != 1 || fmt.Sprint(models[0].Capabilities) != want {
			t.Errorf("%s: %+v, %v", family, models, err)
		}
		if can, known := p.Can(t.Context(), "m"); !known || fmt.Sprint(can) != want {
			t.Errorf("%s can %v", family, can)
		}
		_, err = p.Embed(t.Context(), provider.EmbedRequest{Input: []string{"Hi"}})
		if embeds := want == "[embedding]"; (err == nil) != embeds {
			t.Errorf("%s: %v", family, err)
		}
	}
}

// Ollama 0.33.3 loads a chat model anew when it is asked for embeddings, refuses,
// and loads it again for the next chat: such a question is not sent.
func TestAChatModelIsNotAskedForEmbeddings(t *testing.T) {
	const yes, no, vector = `["embedding"]`, `["completion"]`, `{"model":"m","embeddings":[[1,0]]}`
	for name, tc := range map[string]struct {
		version, can string // can empty: the server tells no capabilities
		status       int
		answer       string
		asked        int32
		kind         provider.Kind
		says         string
	}{
		"a chat model, 0.17.4":           {"0.17.4", no, 200, vector, 1, "", ""},
		"a chat model, 0.29":             {"0.29.1", no, 200, vector, 1, "", ""},
		"a chat model, 0.30":             {"0.30.0", no, 200, vector, 0, provider.Unsupported, "use an embedding model"},
		"a chat model, 0.33.3":           {"0.33.3", no, 200, vector, 0, provider.Unsupported, "use an embedding model"},
		"an embedding model, 0.33.3":     {"0.33.3", yes, 200, vector, 1, "", ""},
		"a development build":            {"0.0.0", no, 200, vector, 1, "", ""},
		"it tells no capabilities":       {"0.33.3", "", 200, vector, 1, "", ""},
		"it does, and then refuses":      {"0.33.3", "", 501, `{"error":"This server does not support embeddings. Start it with ` + "`--embeddings`" + `"}`, 1, provider.Unsupported, "use an embedding model"},
		"it has no version, and refuses": {"", no, 501, `{"error":"This server does not support embeddings. Start it with ` + "`--embeddings`" + `"}`, 1, provider.Unsupported, "use an embedding model"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/api/version" && tc.version != "":
					fmt.Fprintf(w, `{"version":%q}`, tc.version)
				case r.URL.Path == "/api/show" && tc.can != "":
					fmt.Fprintf(w, `{"capabilities":%s}`, tc.can)
				case r.URL.Path == "/api/show":
					_, _ = io.WriteString(w, `{}`)
				case r.URL.Path == "/api/embed":
					asked.Add(1)
					w.WriteHeader(tc.status)
					_, _ = io.WriteString(w, tc.answer)
				default:
					http.NotFound(w, r)
				}
			}))
			defer srv.Close()
			tr := httpx.NewTransport(httpx.Options{})
			defer tr.CloseIdleConnections()
			p, err := ollama.New(ollama.Config{Host: srv.URL, Model: "m", RoundTripper: tr})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Embed(t.Context(), provider.EmbedRequest{Input: []string{"Hi"}})
			if provider.KindOf(err) != tc.kind || tc.kind == "" && err != nil || tc.says != "" && !strings.Contains(err.Error(), tc.says) || asked.Load() != tc.asked {
				t.Errorf("%v, asked %d times; want Kind %q, %q, asked %d times", err, asked.Load(), tc.kind, tc.says, tc.asked)
			}
		})
	}
}
