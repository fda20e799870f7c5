package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// gateway is what an answer tells of who else has had the prompt.
type gateway struct {
	name   string // such as "litellm (https://api.openai.com)"; "": nobody is told of
	remote bool   // and that is not, or may not be, this machine
}

// sign is a header that one sort of server adds to its answers.
type sign struct {
	header string // in lower case; a prefix where it ends in -
	value  string // what its value contains, in lower case; "": anything
	name   string
	// host says that an API or a network elsewhere adds it. Such a header is news
	// only in an answer of a server on this machine.
	host bool
}

// signs are the headers of gateways, and then those of hosts, as their makers
// document them or their answers have them.
var signs = []sign{
	{header: "x-litellm-", name: "litellm"}, // docs.litellm.ai/docs/proxy/response_headers
	{header: "server", value: "litellm", name: "litellm"},
	{header: "x-openrouter-", name: "openrouter"}, // openrouter.ai; see gatewayHints.Document, too
	{header: "openrouter-", name: "openrouter"},
	{header: "x-generation-id", name: "openrouter"}, // gen-…, for its /generation
	{header: "x-portkey-", name: "portkey"},         // portkey.ai/docs/api-reference/response-schema
	{header: "portkey-", name: "portkey"},
	{header: "x-helicone-", name: "helicone"}, // docs.helicone.ai
	{header: "helicone-", name: "helicone"},
	{header: "cf-aig-", name: "cloudflare ai gateway"}, // developers.cloudflare.com/ai-gateway/glossary
	{header: "x-bifrost-", name: "bifrost"},            // docs.getbifrost.ai/providers/response-headers
	{header: "ngrok-aig-", name: "ngrok ai gateway"},   // ngrok.com/changelog/ai-gateway-response-headers
	{header: "x-braintrust-", name: "braintrust"},      // braintrust.dev/docs/guides/proxy
	{header: "x-bt-", name: "braintrust"},
	{header: "x-kong-", name: "kong"}, // developer.konghq.com: latencies, a request's id, the model of its ai-proxy
	{header: "kong-", name: "kong"},

	{header: "x-envoy-", name: "envoy", host: true}, // envoyproxy.io, its router filter
	{header: "server", value: "envoy", name: "envoy", host: true},
	{header: "openai-", name: "openai", host: true},       // platform.openai.com/docs/api-reference/debugging-requests
	{header: "anthropic-", name: "anthropic", host: true}, // docs.anthropic.com/en/api/rate-limits
	{header: "x-groq-", name: "groq", host: true},         // x-groq-region
	{header: "mistral-", name: "mistral", host: true},     // mistral-correlation-id
	{header: "fireworks-", name: "fireworks", host: true}, // docs.fireworks.ai: fireworks-prompt-tokens, …
	{header: "x-ds-trace-id", name: "deepseek", host: true},
	{header: "x-ms-", name: "azure", host: true}, // learn.microsoft.com: x-ms-region, …
	{header: "apim-request-id", name: "azure", host: true},
	{header: "azureml-", name: "azure", host: true},
	{header: "x-amzn-", name: "aws", host: true}, // docs.aws.amazon.com: x-amzn-requestid, x-amzn-bedrock-…
	{header: "x-amz-", name: "aws", host: true},  // x-amz-cf-id of CloudFront
	{header: "x-goog-", name: "google", host: true},
	{header: "x-cloud-trace-context", name: "google", host: true},
	{header: "server", value: "google", name: "google", host: true}, // Google Frontend
	{header: "x-vercel-", name: "vercel", host: true},               // vercel.com/docs/headers/response-headers
	{header: "fly-request-id", name: "fly.io", host: true},
	{header: "cf-ray", name: "cloudflare", host: true}, // developers.cloudflare.com/fundamentals/reference/http-headers
	{header: "cf-cache-status", name: "cloudflare", host: true},
	{header: "server", value: "cloudflare", name: "cloudflare", host: true},
}

// details are the headers that name what is behind a gateway.
var details = map[string]string{
	"litellm": "x-litellm-model-api-base", "portkey": "x-portkey-provider", "bifrost": "x-bifrost-provider",
	"kong": "x-kong-llm-model", "ngrok ai gateway": "ngrok-aig-model",
}

// forwarded is how LiteLLM marks the headers of whoever is behind it.
const forwarded = "llm_provider-"

// gatewayHints is what the documents of an answer tell, and what is made of it.
type gatewayHints struct {
	provider string // OpenRouter's: who has answered
	groq     bool   // Groq's x_groq
	bifrost  string // Bifrost's extra_fields.provider

	gateway gateway
	current bool // gateway is up to date

	extras   []map[string]json.RawMessage // what came with each tool call that has not been taken in yet
	thinking thinkingSeen
}

// nextExtra is what came with the next tool call, or fragment of one.
func (s *gatewayHints) nextExtra() (extra map[string]json.RawMessage) {
	if len(s.extras) > 0 {
		extra, s.extras = s.extras[0], s.extras[1:]
	}
	return extra
}

// watchedCall prepares one HTTP call whose documents are looked at.
func (p *Provider) watchedCall(d httpx.Dialect, form *normalize.Form, privacy provider.Privacy) (*httpx.Call, *gatewayHints) {
	c := &struct { // one piece of memory
		httpx.Call
		hints gatewayHints
	}{}
	p.prepare(&c.Call, d, form, privacy)
	c.Inspect = &c.hints
	return &c.Call, &c.hints
}

// Document looks for the members that no server has of itself.
func (s *gatewayHints) Document(data, sent []byte) {
	s.extras = append(s.extras, httpx.CallExtras(data)...)
	s.thinking.document(sent)
	if !bytes.Contains(data, []byte(`"provider"`)) && !bytes.Contains(data, []byte(`"x_groq"`)) {
		return
	}
	var has struct {
		Provider any             `json:"provider"`
		Groq     json.RawMessage `json:"x_groq"`
		Extra    struct {
			Provider any `json:"provider"`
		} `json:"extra_fields"`
	}
	if json.Unmarshal(data, &has) != nil {
		return
	}
	before := [3]any{s.provider, s.groq, s.bifrost}
	if name, ok := has.Provider.(string); ok && name != "" {
		s.provider = name
	}
	if name, ok := has.Extra.Provider.(string); ok && name != "" {
		s.bifrost = name
	}
	s.groq = s.groq || len(has.Groq) > 0
	s.current = s.current && before == [3]any{s.provider, s.groq, s.bifrost}
}

// detectGateway reads an answer's headers and what its documents told. here says that
// who answered is on this machine, and local which addresses are.
func detectGateway(h http.Header, s *gatewayHints, here bool, local func(netip.Addr) bool) gateway {
	if s.current || h == nil {
		return s.gateway
	}
	var names []string
	add := func(name, detail string, elsewhere bool) {
		if detail != "" {
			detail = " (" + httpx.OneLine(detail) + ")"
		}
		if !slices.ContainsFunc(names, func(n string) bool { return n == name || strings.HasPrefix(n, name+" (") }) {
			names = append(names, name+detail)
		}
		s.gateway.remote = s.gateway.remote || elsewhere
	}
	s.gateway = gateway{}
	own := ownHeaders(make([]header, 0, 32), h) // on the stack: seldom are there more
	for i := range signs {
		g := &signs[i]
		if (here || !g.host) && slices.ContainsFunc(own, g.is) {
			detail, elsewhere := upstreamOf(valuesOf(own, details[g.name]), local)
			add(g.name, detail, elsewhere)
		}
	}
	for _, member := range []struct {
		name, detail string
		there, host  bool
	}{
		{"openrouter", s.provider, s.provider != "", false},
		{"bifrost", s.bifrost, s.bifrost != "", false},
		{"groq", "", s.groq, true},
	} {
		if member.there && (here || !member.host) {
			add(member.name, member.detail, true)
		}
	}
	for _, hop := range valuesOf(own, "via") {
		if name, elsewhere := viaHop(hop, local); name != "" && here {
			add(name, "", elsewhere)
		}
	}
	s.gateway.name, s.current = strings.Join(names, ", "), true
	return s.gateway
}

// header is one of an answer, by its name without LiteLLM's mark.
type header struct {
	name   string
	values []string
}

// ownHeaders appends an answer's headers to out.
func ownHeaders(out []header, h http.Header) []header {
	for name, values := range h {
		if n := len(forwarded); len(name) > n && strings.EqualFold(name[:n], forwarded) {
			name = name[n:]
		}
		if name != "" {
			out = append(out, header{name, values})
		}
	}
	return out
}

// is reports whether the sign is that header. It is asked for each sign and each
// header of every answer: it makes no copies, and looks at the first letter
// first.
func (g *sign) is(h header) bool {
	if h.name[0]|0x20 != g.header[0] {
		return false
	}
	if strings.HasSuffix(g.header, "-") {
		return len(h.name) >= len(g.header) && strings.EqualFold(h.name[:len(g.header)], g.header) && g.fits(h.values)
	}
	return strings.EqualFold(h.name, g.header) && g.fits(h.values)
}

func (g *sign) fits(values []string) bool {
	return g.value == "" || slices.ContainsFunc(values, func(v string) bool { return strings.Contains(strings.ToLower(v), g.value) })
}

// valuesOf are those of a header, the forwarded ones included.
func valuesOf(headers []header, name string) (values []string) {
	for _, h := range headers {
		if strings.EqualFold(h.name, name) {
			values = append(values, h.values...)
		}
	}
	return values
}

// upstreamOf is what a gateway says is behind it, and whether that is elsewhere:
// all but an address that is this machine's by its very text.
func upstreamOf(values []string, local func(netip.Addr) bool) (detail string, elsewhere bool) {
	elsewhere = len(values) == 0
	for _, v := range values {
		u, err := url.Parse(strings.TrimSpace(v))
		if err != nil || u.Host == "" {
			if detail == "" && err == nil {
				detail = v
			}
			elsewhere = true
			continue
		}
		if away := !isHere(u.Hostname(), local); detail == "" || away {
			detail = u.Scheme + "://" + u.Host
			elsewhere = elsewhere || away
		}
	}
	return detail, elsewhere
}

func isHere(host string, local func(netip.Addr) bool) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && local(a)
}

// viaHop reads one value of Via (RFC 9110, 7.6.3): "1.1 name". A name with a
// dot, or a port, is a host; another one is a proxy's, of which a few are known to run
// elsewhere only.
func viaHop(value string, local func(netip.Addr) bool) (name string, elsewhere bool) {
	for _, hop := range strings.Split(value, ",") {
		words := strings.Fields(hop)
		if len(words) < 2 {
			continue
		}
		by := strings.ToLower(words[1])
		host := by
		if u, err := url.Parse("//" + by); err == nil && u.Hostname() != "" {
			host = u.Hostname()
		}
		_, notAddress := netip.ParseAddr(host)
		away := (strings.Contains(host, ".") || notAddress == nil) && !isHere(host, local) ||
			slices.Contains([]string{"google", "vegur", "varnish", "cloudfront"}, by) || strings.HasPrefix(by, "kong")
		if name == "" || away && !elsewhere {
			name, elsewhere = "proxy "+httpx.OneLine(words[1]), away
		}
	}
	return name, elsewhere
}
