package catalog

import (
	"net/url"
	"regexp"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/compat"
)

func TestServers(t *testing.T) {
	variable, seen := regexp.MustCompile(`^[A-Z_]+_API_KEY$`), map[string]bool{}
	for _, s := range Servers() {
		base := s.BaseURL + s.Example
		u, err := url.Parse(base)
		preset, known := compat.Named(s.Compat)
		found, ok := FindServer(s.Name)
		switch {
		case !config.ValidName(s.Name), seen[s.Name], s.Title == "", !ok, found != s:
			t.Errorf("%+v", s)
		case err != nil, s.BaseURL != "" && s.Example != "", u.Host == "":
			t.Errorf("%s: the address %q: %v", s.Name, base, err)
		case !known:
			t.Errorf("%s: no compat %q", s.Name, s.Compat)
		case s.Local && (u.Hostname() != "127.0.0.1" || s.Key != "" || s.Model != ""):
			t.Errorf("%s is not on this machine, or wants a key: %+v", s.Name, s)
		case !s.Local && (u.Scheme != "https" || !variable.MatchString(s.Key) || s.KeyPage == ""):
			t.Errorf("%s: no https, or no key: %+v", s.Name, s)
		case !s.Local && compat.ForHost(u.Hostname()).Name != preset.Name:
			t.Errorf("%s: %s is not known as the host of %s", s.Name, u.Hostname(), preset.Name)
		}
		seen[s.Name] = true
	}
}

func TestChats(t *testing.T) {
	for name, want := range map[string]bool{
		"qwen3.5:9b": true, "gpt-4o-mini": true, "openai/gpt-oss-20b": true, "bigmodel.gguf": true, "LFM2-8B": true, "": true,
		"text-embedding-nomic-embed-text-v1.5": false, "nomic-embed-text": false, "all-minilm:latest": false, "BAAI/bge-m3": false, "intfloat/e5-large-v2": false,
		"mxbai-embed-large": false, "snowflake-arctic-embed2": false, "Qwen/Qwen3-Embedding-0.6B": false, "embeddinggemma": false, "jina-reranker-v2": false,
		"thenlper/gte-large": false, "whisper-1": false, "paraphrase-multilingual": false, "sentence-transformers/all-MiniLM-L6-v2": false, "granite-embedding:30m": false,
		"hello-rerank": false, "/models/bge-small-en.gguf": false, "badge:7b": true, "page5-chat": true,
	} {
		if Chats(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
