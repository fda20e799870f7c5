package ollama_test

import (
	"testing"

	"github.com/tandem-llm/tandem/provider/ollama"
)

func TestSameModel(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"small", "small:latest", true},
		{"Small:135M", "small:135m", true},
		{"library/small", "registry.ollama.ai/library/small:latest", true},
		{"hf.co/a/b", "hf.co/a/b:latest", true},
		{"host:5000/small", "host:5000/small:latest", true},
		{"small", "small:135m", false},
		{"small", "me/small", false},
	} {
		if got := ollama.SameModel(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
