package bench

import (
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// The figures mean something only if each layer gives the adapter's answer,
// the second time, too.
func TestEveryLayerGivesTheAnswer(t *testing.T) {
	dir := t.TempDir()
	for i, l := range layers() {
		p, err := l.Wrap(still{}, filepath.Join(dir, l.Name))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := provider.Collect(p.Chat(t.Context(), stillRequest()))
			if err != nil || r.Text != "Hello wörld." || r.Usage.OutputTokens != 3 || r.Route.Provider != "still" {
				t.Errorf("%s: %+v, %v", l.Name, r, err)
			}
			hit := strings.HasPrefix(r.Route.Reason, "from the cache")
			if i == 0 && l.Name != "adapter alone" || hit && l.Name != "cache, hit" {
				t.Errorf("%s: %s", l.Name, r.Route.Reason)
			}
		}
		if err := free(p); err != nil {
			t.Errorf("%s: %v", l.Name, err)
		}
	}
}

func TestLayersAreMeasured(t *testing.T) {
	rows, err := Layers(t.Context(), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, r := range rows {
		names = append(names, r.Layer)
		// A layer that steps aside allocates nothing, give or take the runtime's own.
		aside := r.Layer == "structured, no schema" || r.Layer == "tool loop, no tools"
		if r.Allocs < 0 || aside && r.Allocs > 0 {
			t.Errorf("%+v", r)
		}
		if r.Files != (r.Layer == "record" || r.Layer == "replay" || r.Layer == "ledger, with a budget") {
			t.Errorf("%s: files %v", r.Layer, r.Files)
		}
	}
	var want []string
	for _, l := range layers()[1:] {
		want = append(want, l.Name)
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("measured %q, want %q", names, want)
	}
	var out strings.Builder
	r := &Report{Layers: rows}
	r.Aims = aims(r)
	if err := r.Write(&out); err != nil || !strings.Contains(out.String(), "cache, hit, allocations") || strings.Contains(out.String(), "record, allocations") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

// All streams are open at once, with both, and every one comes whole.
func TestStreamsAreHeldTogether(t *testing.T) {
	server := httptest.NewServer(Upstream())
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	for _, who := range []string{"floor", "tandem"} {
		h, err := HoldStreams(t.Context(), who, server.URL+"/v1", 300)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		// Each takes a reader and a writer of its connection, and who asked.
		if h.Streams != 300 || h.Wrong != 0 || h.Goroutines < 3 || h.Memory <= 0 {
			t.Errorf("%+v", h)
		}
		var out strings.Builder
		if err := WriteHolds(&out, []Hold{h}); err != nil || !strings.Contains(out.String(), who+"  ") {
			t.Errorf("%v:\n%s", err, out.String())
		}
	}
	if _, err := HoldStreams(t.Context(), "tandem", "http://127.0.0.1:1/v1", 3); err == nil || !strings.Contains(err.Error(), "streams") && !strings.Contains(err.Error(), "refused") {
		t.Errorf("no server: %v", err)
	}
}
