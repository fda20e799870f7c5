package stack

import (
	"net/http"
	"sync"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// headers are what a provider's configuration has sent with each call. They are
// looked up when the provider is first asked, as keys are.
type headers struct {
	provider config.Provider
	secrets  *redact.Redactor
	invalid  error // why the provider is never asked, such as a certificate that cannot be read

	mu     sync.Mutex
	cfg    *config.Loaded
	looked bool
	header http.Header
	err    error
}

// get returns the headers. Errors: Denied.
func (h *headers) get() (http.Header, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.looked {
		h.header, h.err = h.lookUp()
		h.looked = true
	}
	return h.header, h.err
}

func (h *headers) lookUp() (http.Header, error) {
	err := h.invalid
	var header http.Header
	if err == nil && len(h.provider.Headers) > 0 {
		header, err = h.cfg.Header(h.provider.Name)
	}
	if err != nil {
		return nil, &provider.Error{Kind: provider.Denied, Provider: h.provider.Name, Err: err}
	}
	for name, text := range h.provider.Headers {
		if config.IsRef(text) {
			h.secrets.AddHeader(header.Get(name))
		}
	}
	return header, nil
}

// needed reports whether there is anything to look up.
func (h *headers) needed() bool { return h.invalid != nil || len(h.provider.Headers) > 0 }

// renew has the headers looked up again when they are next needed.
func (h *headers) renew(cfg *config.Loaded) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cfg, h.looked = cfg, false
}
