package ollama

import (
	"fmt"
	"net/url"

	"github.com/tandem-llm/tandem/internal/ollamahost"
)

// DefaultHost is where Ollama listens unless told otherwise.
const DefaultHost = ollamahost.Default

// ParseHost reads a host as Ollama reads OLLAMA_HOST: [scheme://]host[:port][/path],
// port 11434 unless a scheme says 80 or 443, quotes and spaces around it
// ignored, and an unspecified address (0.0.0.0, ::) taken as loopback. Where
// Ollama falls back to a default without a word, ParseHost returns an error.
func ParseHost(s string) (*url.URL, error) {
	u, err := ollamahost.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("the host of Ollama: %w; expected something like %s", err, DefaultHost)
	}
	return u, nil
}
