// Package ollama is the provider for models that Ollama runs, through its
// native API and github.com/ollama/ollama/api. The OpenAI-compatible door of
// Ollama is not used: it drops num_ctx, truncate and more without a word.
//
// What the client reports as success is checked again here: only done:true is
// one. Prompts that do not fit the window are refused by the server
// (truncate:false, shift:false), never cut.
package ollama

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// Config says which server, which model, and how it is loaded.
type Config struct {
	Name  string // what routes call the provider; empty: "local"
	Host  string // as OLLAMA_HOST; empty: 127.0.0.1:11434
	Model string // asked for when a request names none

	// NumCtx pins the context window, in tokens: a change of it between two
	// calls reloads the model. 0: the server's default.
	NumCtx int
	// Window chooses the window, in tokens, of a call that needs room for need
	// tokens (0: not known), where neither NumCtx nor an option says one. It
	// should give the same answer again as long as it can, for a change loads
	// the model anew. 0 leaves it to the server. Nil: the server's default.
	Window func(ctx context.Context, model string, need int) (int, error)
	// KeepAlive is how long the model stays loaded after a call; negative:
	// for ever. Nil: the server's default.
	KeepAlive *time.Duration
	// Options are defaults under a request's own Options.
	Options map[string]any
	// RoundTripper carries the calls: an *http.Transport with proxies, client
	// certificates or authorities of your own, say. Nil: a transport of the
	// provider's, with the proxies of the environment. A transport around it
	// checks what comes back and follows no redirect. What has to stay on this
	// machine goes by a dialer that refuses other addresses and by no proxy; with
	// a RoundTripper that is no *http.Transport it is refused.
	RoundTripper http.RoundTripper
	// Header is sent with each call, over what the provider sends itself.
	Header http.Header
	// LocalOnly refuses models that the server has run elsewhere, whatever a
	// request says: it is set where the whole program is offline.
	LocalOnly bool
	// Privacy PrivacyLocal refuses them, too, for every call: those that come
	// without a request's own privacy, such as a load, are held to it.
	Privacy provider.Privacy
}

// Provider is one Ollama server. Make one with [New].
type Provider struct {
	cfg      Config
	client   *api.Client
	base     *url.URL
	endpoint string // scheme://host:port, for routes
	schemas  schema.Cache
	header   http.Header
	secrets  redact.Redactor // what servers may echo

	transport *httpx.Transport

	general bool // for tests: all lines are decoded in the general way

	mu     sync.Mutex
	facts  map[string]modelFacts // what /api/show said, by model
	server version               // what /api/version said
}

var (
	_ provider.Provider  = (*Provider)(nil)
	_ provider.Embedder  = (*Provider)(nil)
	_ provider.Puller    = (*Provider)(nil)
	_ provider.Inspector = (*Provider)(nil)
	_ provider.Runner    = (*Provider)(nil)
	_ provider.Loader    = (*Provider)(nil)
	_ provider.Unloader  = (*Provider)(nil)
	_ provider.Counter   = (*Provider)(nil)
	_ provider.Versioner = (*Provider)(nil)
	_ provider.Localer   = (*Provider)(nil)
)

// New returns a provider. It makes no call. Errors: Invalid, for a host that
// is none, or an option that Ollama does not have.
func New(cfg Config) (*Provider, error) {
	if cfg.Name == "" {
		cfg.Name = "local"
	}
	if err := httpx.CheckHeader(cfg.Header); err != nil {
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "%w", err)
	}
	base, err := ParseHost(cfg.Host)
	if err != nil {
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "%w", err)
	}
	p := &Provider{cfg: cfg, base: base, endpoint: base.Scheme + "://" + base.Host, header: http.Header{}, facts: map[string]modelFacts{}}
	if err := p.checkOptions(cfg.Options, ""); err != nil {
		return nil, err
	}
	p.transport = httpx.Around(cfg.RoundTripper)
	p.client = api.NewClient(base, p.transport.Client())
	for name, values := range cfg.Header {
		p.header[http.CanonicalHeaderKey(name)] = values
		for _, v := range values {
			p.secrets.AddHeader(v)
		}
	}
	return p, nil
}

// Name is the configured name.
func (p *Provider) Name() string { return p.cfg.Name }

// Local reports whether the server is on this machine. A model that Ollama has
// run elsewhere is refused by its name or its answer.
func (p *Provider) Local(ctx context.Context) bool { return p.transport.LocalEndpoint(ctx, p.endpoint) }

// Endpoint is where prompts go, scheme://host:port.
func (p *Provider) Endpoint() string { return p.endpoint }

func (p *Provider) model(asked string) string {
	if asked != "" {
		return asked
	}
	return p.cfg.Model
}

func (p *Provider) keepAlive() *api.Duration {
	if p.cfg.KeepAlive == nil {
		return nil
	}
	return &api.Duration{Duration: *p.cfg.KeepAlive}
}

// call prepares one HTTP call; form is that of its answer.
func (p *Provider) call(d httpx.Dialect, form *normalize.Form, privacy provider.Privacy) *httpx.Call {
	return &httpx.Call{Dialect: d, Form: form, LocalOnly: privacy == provider.PrivacyLocal, Header: p.header}
}
