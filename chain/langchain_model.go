package chain

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// model takes the settings of a chain's model over into the step.
func (r *legacyReader) model(m yamlx.Map, s *Step) {
	switch {
	case m.Has("llm") && m.Has("llm_path"):
		m.Fail("llm_path", "there is both an llm_path and an llm", "remove one of them")
	case m.Has("llm"):
		r.settings(m.Value("llm"), s)
	case m.Has("llm_path"):
		if page, root, ok := r.file(m.Value("llm_path")); ok {
			outer := r.page
			r.page = page
			r.settings(root, s)
			r.page = outer
		}
	}
	if m.Has("llm_kwargs") && m.Value("llm_kwargs").Tag != "!!null" {
		r.settings(m.Value("llm_kwargs"), s)
	}
}

// settings reads a model's keys: those that say how to answer, and those that
// are passed over.
func (r *legacyReader) settings(n *yaml.Node, s *Step) {
	m, ok, done := r.mapping(n, "a model", nil)
	defer done()
	if !ok {
		return
	}
	var unused []string
	for _, key := range m.Keys() {
		v := m.Value(key)
		switch {
		case v.Tag == "!!null" || len(v.Content) == 0 && v.Kind != yaml.ScalarNode:
		case holdsSecret(key):
			if v.Value != "" || v.Kind != yaml.ScalarNode && !isSecretName(v) {
				r.fail(keyNode(n, key), "the key "+diag.Quote(key)+" has a secret in it", "remove it, and revoke it: everybody who has the file may know it")
			}
		case key == "model_kwargs" && v.Kind == yaml.MappingNode:
			r.settings(v, s)
		case r.setting(m, key, s), neutral(key, v):
		default:
			unused = append(unused, key)
		}
	}
	if len(unused) > 0 {
		r.addNote(n, "ignored model settings: "+strings.Join(unused, ", "), "the configuration names the model, and a step can override it with `use` and `model`")
	}
}

// setting reads one key, and reports whether it is one that a step has.
func (r *legacyReader) setting(m yamlx.Map, key string, s *Step) bool {
	switch key {
	case "temperature":
		s.Temperature = m.Float(key, 0, 2)
	case "top_p":
		s.TopP = m.Float(key, 0, 1)
	case "seed":
		s.Seed = m.Int(key, -1<<63)
	case "max_tokens", "max_tokens_to_sample", "max_completion_tokens", "num_predict":
		if n := m.Int(key, -2); n != nil && *n > 0 { // below: as many as there are
			s.MaxTokens = provider.Ptr(int(*n))
		} else if n != nil && *n == 0 {
			m.Fail(key, "expected at least one token", "")
		}
	case "stop", "stop_sequences":
		s.Stop = m.Strings(key)
	default:
		return false
	}
	return true
}

// neutral reports whether a key says what is so anyway.
func neutral(key string, v *yaml.Node) bool {
	switch key {
	case "_type", "verbose", "tags", "metadata", "name", "cache", "callbacks", "streaming", "disable_streaming", "batch_size", "max_retries":
		return true
	case "n", "best_of":
		return v.Value == "1"
	case "frequency_penalty", "presence_penalty":
		return slices.Contains([]string{"0", "0.0"}, v.Value)
	}
	return false
}

// holdsSecret reports whether a key's name is that of a secret.
func holdsSecret(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"api_key", "apikey", "secret", "password", "authorization", "credential", "headers"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return strings.HasSuffix(key, "token") || strings.HasSuffix(key, "_key") || key == "key"
}

// isSecretName reports whether v is the name of a secret, as dumpd writes it.
func isSecretName(v *yaml.Node) bool {
	kind := yamlx.Value(v, "type")
	return kind != nil && kind.Value == "secret"
}

// keyNode is the key itself, and not its value.
func keyNode(n *yaml.Node, key string) *yaml.Node {
	n = yamlx.Follow(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := yamlx.Follow(n.Content[i]); k.Value == key {
			return k
		}
	}
	return n
}
