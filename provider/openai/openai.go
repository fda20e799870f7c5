// Package openai is the provider for OpenAI's API and every server that speaks
// it: vLLM, llama.cpp, SGLang, Ray Serve, a gateway. It stands on
// github.com/sashabaranov/go-openai and mends, in the transport below it, what
// that client gets wrong: see internal/httpx.
package openai

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/provider"
)

// Config says which server, as whom, and with what defaults.
type Config struct {
	Name    string // what routes call the provider; empty: "openai"
	BaseURL string // empty: https://api.openai.com/v1; its query goes with each call
	Key     string // empty: none is sent
	// KeyHeader is the header that Key is sent in, as it is. Empty: api-key for
	// a host or a path of Azure OpenAI, else "Authorization: Bearer".
	KeyHeader string
	Model     string // asked for when a request names none

	// Local says that the server runs its models itself, on this machine. Only
	// such a server is asked under [provider.PrivacyLocal], if its address is
	// this machine's, too: another may pass prompts on, as gateways do.
	Local bool
	// LocalOnly holds every request to that, whatever its privacy: for offline
	// mode, whose RoundTripper dials this machine only.
	LocalOnly bool

	Organization string // sent as OpenAI-Organization
	Project      string // sent as OpenAI-Project

	// MaxTokensField is "max_tokens" or "max_completion_tokens"; empty: what
	// the model's name suggests (o-series and gpt-5 want the latter).
	MaxTokensField string
	// Compat says how the server differs from OpenAI in what it takes.
	Compat Compat
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
}

// Provider is one OpenAI-compatible server. Make one with [New].
type Provider struct {
	cfg      Config
	secrets  redact.Redactor // the key: servers echo it
	client   *goopenai.Client
	header   http.Header
	bearer   string // the key, where no header of its own has it
	query    string // sent with each call
	endpoint string // scheme://host[:port], for routes

	transport *httpx.Transport
	wire      wire // before the server refuses anything
	refused   refusals
	batches   batches // of texts to embed

	general bool // for tests: all answers are decoded in the general way

	schemas schema.Cache
	counter atomic.Int32 // counterUnknown, …: whether the server counts tokens
	through atomic.Pointer[string]
	// thinking is the member that the server had the thinking of its latest tool
	// calls in; nil: it has had none.
	thinking atomic.Pointer[string]
}

var (
	_ provider.Provider  = (*Provider)(nil)
	_ provider.Embedder  = (*Provider)(nil)
	_ provider.Inspector = (*Provider)(nil)
)

// DefaultBaseURL is where OpenAI itself serves its API.
const DefaultBaseURL = "https://api.openai.com/v1"

// New returns a provider. It makes no call. Errors: Invalid, for a base URL
// that is none, or that carries credentials.
func New(cfg Config) (*Provider, error) {
	if cfg.Name == "" {
		cfg.Name = "openai"
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	u, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil:
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "base_url is not a URL; expected something like %s", DefaultBaseURL)
	case u.User != nil:
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "base_url contains credentials; remove them and use api_key")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "base_url %q has no http:// or https:// and host; expected something like %s", cfg.BaseURL, DefaultBaseURL)
	case u.Fragment != "":
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "base_url has a fragment; expected something like %s", DefaultBaseURL)
	}
	for name := range u.Query() {
		if redact.SoundsSecret(name) {
			return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "base_url contains a key in its query; remove it and use api_key or headers")
		}
	}
	if err := httpx.CheckHeader(cfg.Header); err != nil {
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "%w", err)
	}
	if cfg.KeyHeader != "" {
		if err := httpx.CheckHeader(http.Header{cfg.KeyHeader: nil}); err != nil {
			return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "KeyHeader: %w", err)
		}
	}
	query := u.RawQuery
	u.RawQuery, u.ForceQuery = "", false
	cfg.BaseURL = strings.TrimRight(u.String(), "/")
	p := &Provider{cfg: cfg, endpoint: u.Scheme + "://" + u.Host, header: http.Header{}, query: query, transport: httpx.Around(cfg.RoundTripper)}
	if p.wire, err = newWire(cfg.Compat, u.Hostname()); err != nil {
		return nil, provider.Errorf(provider.Invalid, cfg.Name, "", "%w", err)
	}
	p.secrets.Add(cfg.Key)
	if cfg.Organization != "" {
		p.header.Set("OpenAI-Organization", cfg.Organization)
	}
	if cfg.Project != "" {
		p.header.Set("OpenAI-Project", cfg.Project)
	}
	key := cfg.Key
	if header := keyHeader(cfg, u); header != "" && key != "" {
		p.header.Set(header, key)
		key = ""
	}
	for name, values := range cfg.Header {
		p.header[http.CanonicalHeaderKey(name)] = values
		for _, v := range values {
			p.secrets.AddHeader(v)
		}
	}
	p.bearer = key
	c := goopenai.DefaultConfig(key)
	c.BaseURL = cfg.BaseURL
	c.HTTPClient = p.transport.Client()
	p.client = goopenai.NewClientWithConfig(c)
	return p, nil
}

// keyHeader is the header that the key is sent in, as it is; empty: as a bearer
// token.
func keyHeader(cfg Config, u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	for _, azure := range []string{".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"} {
		if cfg.KeyHeader == "" && (strings.HasSuffix(host, azure) || strings.Contains(u.Path, "/openai/deployments/")) {
			return "api-key"
		}
	}
	return cfg.KeyHeader
}

// Name is the configured name.
func (p *Provider) Name() string { return p.cfg.Name }

// Endpoint is where prompts go, scheme://host[:port].
func (p *Provider) Endpoint() string { return p.endpoint }

func (p *Provider) model(asked string) string {
	if asked != "" {
		return asked
	}
	return p.cfg.Model
}

// call prepares one HTTP call; form is that of its answer.
func (p *Provider) call(d httpx.Dialect, form *normalize.Form, privacy provider.Privacy) *httpx.Call {
	c := &httpx.Call{}
	p.prepare(c, d, form, privacy)
	return c
}

func (p *Provider) prepare(c *httpx.Call, d httpx.Dialect, form *normalize.Form, privacy provider.Privacy) {
	c.Dialect, c.Form, c.LocalOnly, c.Header, c.Query = d, form, privacy == provider.PrivacyLocal, p.header, p.query
}

// unsupported is the error for what this provider cannot honour.
func (p *Provider) unsupported(model, format string, args ...any) error {
	return &provider.Error{Kind: provider.Unsupported, Provider: p.cfg.Name, Model: model, Err: fmt.Errorf(format, args...)}
}

// unsupportedMember is unsupported, about a member of the request.
func (p *Provider) unsupportedMember(model, member, format string, args ...any) error {
	return p.unsupported(model, "%w", failure.About(fmt.Errorf(format, args...), member))
}
