package ollamahost_test

import (
	"strings"
	"testing"

	"github.com/ollama/ollama/envconfig"

	"github.com/tandem-llm/tandem/internal/ollamahost"
)

// TestParseReadsAsOllamaDoes pins Parse on Ollama's own reading: the same
// text, in the same variable, must lead to the same place.
func TestParseReadsAsOllamaDoes(t *testing.T) {
	for _, text := range []string{
		"", " ", "1.2.3.4", "1.2.3.4:1234", "example.com", "example.com:1234", "EXAMPLE.com", "localhost",
		"[::1]", "[::]", "::1", "::", "[::1]:1337", "[::]:9", "fe80::1", "0.0.0.0", "0.0.0.0:1234",
		" 1.2.3.4 ", `"1.2.3.4"`, ` " 1.2.3.4 " `, "'1.2.3.4'", "'1.2.3.4:5'",
		"http://1.2.3.4", "http://1.2.3.4:4321", "https://1.2.3.4", "https://1.2.3.4:4321", "https://0.0.0.0:4321",
		"https://example.com/ollama", "http://example.com:8080/a/b", "ollama.com", "my_host", "my-host.lan:80",
	} {
		t.Setenv("OLLAMA_HOST", text)
		want := envconfig.ConnectableHost()
		got, err := ollamahost.Parse(text)
		if err != nil || got.String() != strings.ToLower(want.String()) {
			t.Errorf("%q: got %v, %v, and Ollama's client connects to %s", text, got, err, want)
		}
	}
}

func TestParseWhereOllamaHasNoHost(t *testing.T) {
	for in, want := range map[string]string{
		":1234":                   "http://127.0.0.1:1234", // Ollama leaves the host empty, and dials this machine
		"http://":                 "http://127.0.0.1:80",
		"https://h/path/":         "https://h:443/path",
		"[::ffff:127.0.0.1]:1":    "http://[::ffff:127.0.0.1]:1",
		"[fe80::1%eth0]:11434":    "http://[fe80::1%25eth0]:11434",
		"[0:0:0:0:0:0:0:1]:11434": "http://[::1]:11434",
	} {
		if got, err := ollamahost.Parse(in); err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const secret = "hunter2"
	for in, want := range map[string]string{
		"host:port":                        `"port" is not a port`,
		"host:":                            `"" is not a port`,
		"1.2.3.4:0":                        `"0" is not a port`,
		"1.2.3.4:99999":                    `"99999" is not a port`,
		"1.2.3.4:-1":                       `"-1" is not a port`,
		"ftp://x":                          "the scheme is neither http nor https",
		"HTTP://x":                         "the scheme is neither http nor https",
		"not a host":                       `"not a host" is not a host`,
		"a:b:c":                            `"a:b:c" is not a host`,
		"host!":                            `"host!" is not a host`,
		"[[::1]]":                          `"[::1]" is not a host`,
		"exämple.org":                      `"exämple.org" is not a host`,
		"127.0.0.1\x00.example.org":        `"127.0.0.1\x00.example.org" is not a host`,
		strings.Repeat("a", 254):           `"` + strings.Repeat("a", 64) + `…" is not a host`,
		"http://user:" + secret + "@host":  "a host has no credentials and no query",
		"http://host/?key=" + secret:       "a host has no credentials and no query",
		"127.0.0.1:11434#@example.org":     "a host has no credentials and no query",
		"http://127.0.0.1:80@example.org/": "a host has no credentials and no query",
	} {
		got, err := ollamahost.Parse(in)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, %v, want %s", in, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error shows credentials: %v", in, err)
		}
	}
}
