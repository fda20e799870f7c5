package stack

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/stacktest"
)

// Local engines are shared, whatever they are called; hosted APIs are not.
func TestWhichEnginesAreShared(t *testing.T) {
	cfg := stacktest.Load(t, `use: a
providers:
  - {name: a, kind: ollama, host: "http://127.0.0.1:11434", model: m}
  - {name: b, kind: openai, base_url: "http://localhost:11434/v1", model: m}
  - {name: c, kind: ollama, host: "http://gpu.example:11434", model: m}
  - {name: d, kind: ollama, host: "https://ollama.com", model: m}
  - {name: e, kind: openai, base_url: "https://api.openai.com/v1", model: m}
  - {name: f, kind: openai, base_url: "https://box.example/v1", model: m, local: true}
  - {name: g, kind: openai, base_url: "http://10.1.2.3:8000/v1", model: m}
local_networks: [10.1.0.0/16]
`, nil, nil)
	s, err := Open(cfg, Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, shared := range map[string]bool{"a": true, "b": true, "c": true, "d": false, "e": false, "f": true, "g": true, "none": false} {
		if got := s.Engine(name) != nil; got != shared {
			t.Errorf("%s: shared %v", name, got)
		}
	}
	if s.Engine("a") != s.Engine("b") || s.Engine("a") == s.Engine("c") {
		t.Error("one engine is two, or two are one")
	}
}
