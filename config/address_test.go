package config_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

// An address that is wrong is one line that says so, and what it says to do works.
func TestBaseURLs(t *testing.T) {
	for _, tt := range []struct{ address, want, mended string }{
		{"http://127.0.0.1:8000/v1", "", "http://127.0.0.1:8000/v1"},
		{"  http://127.0.0.1:8000/v1  ", "", "http://127.0.0.1:8000/v1"},
		{"'http://127.0.0.1:8000/v1'", "", "http://127.0.0.1:8000/v1"},
		{`\"http://127.0.0.1:8000/v1/\"`, "", "http://127.0.0.1:8000/v1"},
		{"HTTP://127.0.0.1:8000/v1", "", "HTTP://127.0.0.1:8000/v1"},
		{"https://x.openai.azure.com/openai/v1?api-version=2024-10-21", "", "https://x.openai.azure.com/openai/v1?api-version=2024-10-21"},
		{"https://x.services.ai.azure.com/models", "", "https://x.services.ai.azure.com/models"},
		{"127.0.0.1:8000/v1", "this address does not say http:// or https://; write it before the address", "http://127.0.0.1:8000/v1"},
		{"localhost:8000", "this address does not say http:// or https://", "http://localhost:8000"},
		{"api.example.com/v1", "this address does not say http:// or https://", "https://api.example.com/v1"},
		{"[::1]:8000/v1", "this address does not say http:// or https://", "http://[::1]:8000/v1"},
		{"http://https://api.example.com/v1", "this address begins twice, as in http://https://; remove one", "https://api.example.com/v1"},
		{"http://http://127.0.0.1:8000", "this address begins twice", "http://127.0.0.1:8000"},
		{"http:/127.0.0.1:8000/v1", "this is not an http:// or https:// address; expected something like", "http://127.0.0.1:8000/v1"},
		{"htp://127.0.0.1:8000/v1", "this is not an http:// or https:// address", "http://127.0.0.1:8000/v1"},
		{"//127.0.0.1:8000/v1", "this is not an http:// or https:// address", "http://127.0.0.1:8000/v1"},
		{"http://127.0.0.1:8000/v1/chat/completions", "base_url ends in /chat/completions, which Tandem adds itself; remove /chat/completions", "http://127.0.0.1:8000/v1"},
		{"http://127.0.0.1:8000/v1/chat/completions/", "base_url ends in /chat/completions", "http://127.0.0.1:8000/v1"},
		{"http://127.0.0.1:8000/v1/completions?a=b", "base_url ends in /completions", "http://127.0.0.1:8000/v1?a=b"},
		{"http://127.0.0.1:8000/v1/embeddings", "base_url ends in /embeddings", "http://127.0.0.1:8000/v1"},
		{"http://127.0.0.1:8000 /v1", "there is white space in the address", "http://127.0.0.1:8000/v1"},
		{"http://127.0.0.1:80000/v1", "the port of this address is invalid", "http://127.0.0.1:8000/v1"},
	} {
		load := func(address string) (*config.Loaded, error) {
			return newSandbox(t).user("providers:\n  - name: x\n    kind: openai\n    base_url: \"" + address + "\"\n    model: m\n").load()
		}
		l, err := load(tt.address)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), "config.yaml:4:15: "+tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want one line with %s", tt.address, err, tt.want)
			}
			l, err = load(tt.mended)
		}
		if err != nil {
			t.Errorf("%s: %v", tt.address, err)
		} else if p, _ := l.Provider("x"); p.BaseURL != tt.mended {
			t.Errorf("%s is %s, want %s", tt.address, p.BaseURL, tt.mended)
		}
	}
}

// `docker run --env-file` keeps quotation marks, and Windows puts a byte order mark
// before a file's text: neither is a part of a key or an address.
func TestQuotesAroundVariables(t *testing.T) {
	const key, address = "sk-canary-DO-NOT-LEAK-7f3a", "http://127.0.0.1:8000/v1"
	for _, q := range []string{"", `"`, "'", " "} {
		l, err := newSandbox(t).with(map[string]string{
			"OPENAI_API_KEY": q + key + q, "OPENAI_BASE_URL": q + address + q, "OLLAMA_HOST": q + "127.0.0.1:4000" + q, "TANDEM_USE": q + "openai" + q, "TANDEM_OFFLINE": q + "true" + q,
		}).load()
		if err != nil {
			t.Errorf("%q: %v", q, err)
			continue
		}
		got, err := l.Key("openai")
		if want := len(strings.TrimSpace(q)) * 5; len(l.Quoted) != want {
			t.Errorf("%q: noted %v", q, l.Quoted)
		}
		if p, _ := l.Provider("openai"); err != nil || got.Reveal() != key || p.BaseURL != address || !l.Offline || len(l.Use) != 1 {
			t.Errorf("%q: the key is right: %v, %v; %s, %v", q, got.Reveal() == key, err, p.BaseURL, l.Use)
		}
	}
	for _, value := range []string{`"` + key, key + `"`, `'` + key + `"`} {
		if _, err := config.NewSecret(value); err == nil || !strings.Contains(err.Error(), "quotation mark") || strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	}
	if s, err := config.NewSecret("\ufeff" + key + "\r\n"); err != nil || s.Reveal() != key {
		t.Errorf("a byte order mark: %v", err)
	}
}

// A key for what stands before an Ollama is a header: the remedy, word for word.
func TestKeyOfAnOllama(t *testing.T) {
	const key = "tok-canary-12345678"
	s := newSandbox(t).with(map[string]string{"TOKEN": `"` + key + `"`})
	_, err := s.user("providers:\n  - {name: local, api_key: env:TOKEN}\n").load()
	if err == nil || !strings.Contains(err.Error(), "write `headers: {Authorization: env:TOKEN}` instead") {
		t.Fatal(err)
	}
	l, err := s.user("providers:\n  - {name: local, headers: {Authorization: env:TOKEN}}\n").load()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := l.Provider("local")
	values, err := l.Values(p.Headers)
	if err != nil || config.Credential("Authorization", p.Headers["Authorization"], values["Authorization"]) != "Bearer "+key {
		t.Errorf("%v, %v", values, err)
	}
}
