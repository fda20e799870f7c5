package openai_test

import (
	"errors"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// An Ollama speaks this API, too, and passes prompts for a cloud model on.
func TestACloudModelOfOllamaIsNotLocal(t *testing.T) {
	for _, model := range []string{"gpt-oss:120b-cloud", "gpt-oss:120b-CLOUD", "gpt-oss:Cloud", "me/gpt-oss:20b:cloud", "gpt-oss:cloud/"} {
		r := newRelay(t, nil, "")
		ask := func(p *openai.Provider, privacy provider.Privacy) (chat, vectors error, local bool) {
			req := provider.Request{Model: model, Messages: []provider.Message{provider.User("MINE")}, Privacy: privacy}
			got, chat := provider.Collect(p.Chat(t.Context(), req))
			made, vectors := p.Embed(t.Context(), provider.EmbedRequest{Model: model, Input: []string{"MINE"}, Privacy: privacy})
			local = got.Route != nil && got.Route.Local || made.Route != nil && made.Route.Local
			return chat, vectors, local
		}
		here := r.provider(t, openai.Config{Local: true})
		chat, vectors, _ := ask(here, provider.PrivacyLocal)
		if !errors.Is(chat, provider.Private) || !errors.Is(vectors, provider.Private) {
			t.Errorf("%s, private: %v, %v", model, chat, vectors)
		}
		chat, vectors, _ = ask(r.provider(t, openai.Config{Local: true, LocalOnly: true}), provider.PrivacyAny)
		if !errors.Is(chat, provider.Offline) || !errors.Is(vectors, provider.Offline) {
			t.Errorf("%s, offline: %v, %v", model, chat, vectors)
		}
		if n := r.calls.Load(); n != 0 {
			t.Errorf("%s: %d calls", model, n)
		}
		if chat, vectors, local := ask(here, provider.PrivacyAny); chat != nil || vectors != nil || local {
			t.Errorf("%s, where it may leave: %v, %v, local %v", model, chat, vectors, local)
		}
	}
}
