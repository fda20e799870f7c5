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

// A server fetches what an image's URL names, and the URL can carry the prompt:
// where nothing may leave, only the picture itself is taken.
func TestImageURLs(t *testing.T) {
	const data = "data:image/png;base64,iVBORw0KGgo="
	for _, url := range []string{
		"https://example.org/x.png?d=SECRET", "http://example.org/SECRET", "HTTPS://EXAMPLE.ORG/SECRET", "//example.org/SECRET", "file:///SECRET", "ftp://example.org/SECRET",
		"ws://example.org/SECRET", "http://127.0.0.1/SECRET", "SECRET.png", "/SECRET.png", " " + data, "xdata:SECRET", "data", "javascript:SECRET", ":SECRET", "s3://bucket/SECRET", "blob:https://example.org/SECRET",
	} {
		image := provider.Message{Role: provider.RoleUser, Text: "look", Images: []provider.Image{{URL: data}, {URL: url}}}
		for what, messages := range map[string][]provider.Message{
			"alone":      {image},
			"in history": {image, provider.Assistant("I see."), provider.User("And now?")},
		} {
			r := provider.Request{Messages: messages}
			if err := r.Validate(); err != nil {
				t.Errorf("%s, %s: %v, where privacy is not local", url, what, err)
			}
			if err := r.NoImageURLs(); !errors.Is(err, provider.Unsupported) {
				t.Errorf("%s, %s: %v, want Unsupported", url, what, err)
			}
			r.Privacy = provider.PrivacyLocal
			err := r.Validate()
			if !errors.Is(err, provider.Unsupported) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%s, %s: %v, want Unsupported, and nothing of the URL", url, what, err)
			}
		}
	}
	for _, im := range []provider.Image{{URL: data}, {URL: "DATA:image/png;base64,iVBORw0KGgo="}, {Data: []byte("\x89PNG")}} {
		r := provider.Request{Privacy: provider.PrivacyLocal, Messages: []provider.Message{{Role: provider.RoleUser, Images: []provider.Image{im}}}}
		if err := r.Validate(); err != nil {
			t.Errorf("%.20s: %v", im.URL, err)
		}
	}
}
