package provider_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// A name with odd characters is refused before any call: engines answer it
// with whatever status comes to their mind, and a terminal may obey it.
func TestModelNames(t *testing.T) {
	for _, model := range []string{"", "smollm2:135m", "meta-llama/Llama-3.1-8B", "/models/My Model.gguf", "größe", "名"} {
		r := provider.Request{Model: model, Messages: []provider.Message{provider.User("hi")}}
		if err := r.Validate(); err != nil {
			t.Errorf("%q: %v", model, err)
		}
	}
	for _, model := range []string{"a\x1b[31mb", "a\nb", " a", "a ", " ", "a\xff", "a\x00", "a\u202eb"} {
		r := provider.Request{Model: model, Messages: []provider.Message{provider.User("hi")}}
		if err := r.Validate(); !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), "model") {
			t.Errorf("%q: %v", model, err)
		}
	}
}
