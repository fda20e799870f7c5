package openai_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// serve answers everything with one document.
func serve(t *testing.T, document string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.WriteString(w, document)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// Each vector is its own text's, whatever a server says of their places.
func TestVectorsOfServersThatCountOtherwise(t *testing.T) {
	const x, y, z = "[1,0,0]", "[0,1,0]", "[0,0,1]"
	item := func(index, vector string) string {
		if index != "" {
			index = `"index":` + index + ","
		}
		return "{" + index + `"embedding":` + vector + "}"
	}
	data := func(items ...string) string {
		return `{"object":"list","model":"e","data":[` + strings.Join(items, ",") + `],"usage":{"prompt_tokens":3.0,"total_tokens":"3"}}`
	}
	for what, c := range map[string]struct{ source, document, says string }{
		"in order":                {"OpenAI", data(item("0", x), item("1", y), item("2", z)), ""},
		"in another order":        {"Infinity", data(item("2", z), item("0", x), item("1", y)), ""},
		"no index":                {"spring-ai 7020", data(item("", x), item("", y), item("", z)), ""},
		"index null":              {"gateways", data(item("null", x), item("null", y), item("null", z)), ""},
		"index 0 for all":         {"Gemini; mcp-memory-service 612", data(item("0", x), item("0", y), item("0", z)), ""},
		"index from 1":            {"gateways in Lua", data(item("3", z), item("2", y), item("1", x)), ""},
		"index as text":           {"gateways", data(item(`"1"`, y), item(`"0"`, x), item(`"2"`, z)), ""},
		"index as a fraction":     {"gateways", data(item("1.0", y), item("0.0", x), item("2.0", z)), ""},
		"in base64":               {"OpenAI", data(item("0", `"AACAPwAAAAAAAAAA"`), item("1", `"AAAAAAAAgD8AAAAA"`), item("2", `"AAAAAAAAAAAAAIA/"`)), ""},
		"within lists":            {"llama.cpp", data(item("0", "["+x+"]"), item("1", "["+y+"]"), item("2", "["+z+"]")), ""},
		"a bare list of them":     {"llama.cpp's /embeddings", "[" + item("0", x) + "," + item("1", y) + "," + item("2", z) + "]", ""},
		"a bare list of vectors":  {"TEI", "[" + x + "," + y + "," + z + "]", ""},
		"by Ollama's name":        {"Ollama's /api/embed", `{"embeddings":[` + x + "," + y + "," + z + "]}", ""},
		"two of one index":        {"made up", data(item("0", x), item("1", y), item("1", z)), "two vectors the index 1"},
		"some without an index":   {"made up", data(item("", x), item("", y), item("2", z)), "two vectors the index 0"},
		"an index beyond the end": {"made up", data(item("0", x), item("1", y), item("7", z)), "index 7"},
		"an index below none":     {"made up", data(item("-1", x), item("0", y), item("1", z)), "indexes from -1 on"},
		"one too few":             {"made up", data(item("0", x), item("1", y)), "2 vectors for 3 texts"},
		"one too many":            {"made up", data(item("0", x), item("1", y), item("2", z), item("3", z)), "4 vectors for 3 texts"},
		"of other lengths":        {"made up", data(item("0", x), item("1", y), item("2", "[1]")), "text 3 got a vector"},
		"an empty one":            {"made up", data(item("0", x), item("1", "[]"), item("2", z)), "the vector of text 2 is empty"},
		"with a null":             {"NaN of other languages", data(item("0", "[null,0,0]"), item("1", y), item("2", z)), "data[0].embedding[0] in the answer is null"},
		"a vector for each token": {"llama.cpp, pooling none", data(item("0", "["+x+","+y+"]"), item("1", y), item("2", z)), "is 2 vectors instead of one"},
		"none":                    {"made up", `{"object":"list"}`, "0 vectors for 3 texts"},
	} {
		t.Run(what, func(t *testing.T) {
			embedder, _ := provider.As[provider.Embedder](newProvider(t, serve(t, c.document)))
			r, err := embedder.Embed(t.Context(), provider.EmbedRequest{Input: []string{"x", "y", "z"}})
			if c.says != "" {
				if provider.KindOf(err) != provider.BadAnswer || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v, %v", r.Vectors, err)
				}
				return
			}
			if got := fmt.Sprint(r.Vectors); err != nil || got != "[[1 0 0] [0 1 0] [0 0 1]]" {
				t.Errorf("%s: %s, %v", c.source, got, err)
			}
			if strings.Contains(c.document, "usage") && (r.Usage == nil || r.Usage.InputTokens != 3) {
				t.Errorf("usage %+v", r.Usage)
			}
		})
	}
}

func TestModelsInEveryForm(t *testing.T) {
	for what, c := range map[string]struct{ source, document string }{
		"as OpenAI":               {"OpenAI", `{"object":"list","data":[{"id":"a","object":"model","created":1767225600,"owned_by":"x"},{"id":"b","created":1}]}`},
		"a bare list":             {"Together; odysseus 2202", `[{"id":"a","created":1767225600},{"id":"b"}]`},
		"names":                   {"made up", `{"data":["a","b"]}`},
		"bare names":              {"made up", `["a","b"]`},
		"by Ollama's name":        {"Ollama's /api/tags", `{"models":[{"name":"a","model":"a"},{"name":"b"}]}`},
		"both":                    {"llama.cpp", `{"models":[{"name":"x"}],"object":"list","data":[{"id":"a","meta":{"n":1}},{"id":"b"}]}`},
		"created as text":         {"one-api 128", `{"data":[{"id":"a","created":"2026-01-01T00:00:00Z"},{"id":"b","created":"yesterday"}]}`},
		"permission as an object": {"Fabric 1602", `{"data":[{"id":"a","permission":{"id":"p"},"created":1767225600.25},{"id":"b","permission":"all","parent":7}]}`},
		"object and owner":        {"helix 386", `{"data":[{"id":"a","object":1,"owned_by":{"name":"x"}},{"id":"b","root":[]}]}`},
	} {
		list, err := newProvider(t, serve(t, c.document)).Models(t.Context())
		if err != nil || len(list) != 2 || list[0].Name != "a" || list[1].Name != "b" {
			t.Errorf("%s (%s): %+v, %v", what, c.source, list, err)
			continue
		}
		if strings.Contains(c.document, "1767225600") && list[0].Modified.Year() != 2026 {
			t.Errorf("%s: %v", what, list[0].Modified)
		}
	}
	for _, document := range []string{`{"data":[7]}`, `{"data":[{"id":"a"},{}]}`, `{"data":"a"}`} {
		list, err := newProvider(t, serve(t, document)).Models(t.Context())
		if err == nil || strings.Contains(err.Error(), "Go ") || !strings.Contains(err.Error(), "in the answer is") {
			t.Errorf("%s: %+v, %v", document, list, err)
		}
	}
}
