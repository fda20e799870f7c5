package guard

import (
	"net/http"
	"slices"
	"strings"
)

// origin is that of a web page: scheme, host and port, the port that of the scheme if
// there is none.
type origin struct {
	scheme string
	hostPort
}

// parseOrigin reads an Origin header or an entry of the configuration.
func parseOrigin(text string) (origin, bool) {
	scheme, rest, ok := strings.Cut(strings.ToLower(text), "://")
	host, valid := parseHost(rest)
	if !ok || !valid || scheme == "" || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return origin{}, false
	}
	return origin{scheme, withPort(host, scheme)}, true
}

func withPort(host hostPort, scheme string) hostPort {
	switch {
	case host.port != "":
	case scheme == "http":
		host.port = "80"
	case scheme == "https":
		host.port = "443"
	}
	return host
}

// checkSite refuses what a page of another site asks for: a browser sends along who
// the page is, and no page can change that. A page on another port of this machine is
// another site, too. What no browser sent has neither header.
func (g *Guard) checkSite(x *request) *Refusal {
	origins, sites := x.Header["Origin"], x.Header["Sec-Fetch-Site"]
	if len(origins) > 1 || len(sites) > 1 {
		return crossSite()
	}
	if len(origins) == 1 {
		from, ok := parseOrigin(origins[0])
		if ok && slices.Contains(g.names.Load().origins, from) {
			allowOrigin(x.w.Header(), origins[0])
			return nil
		}
		// Behind a proxy that ends TLS, our own pages are https.
		host, _ := parseHost(x.Host)
		if !ok || from.scheme != "http" && from.scheme != "https" || from.hostPort != withPort(host, from.scheme) {
			return crossSite()
		}
	}
	if len(sites) == 0 || sites[0] == "same-origin" || sites[0] == "none" {
		return nil
	}
	if len(origins) == 0 && g.isPublic(x) && x.Header.Get("Sec-Fetch-Mode") == "navigate" && x.Header.Get("Sec-Fetch-Dest") == "document" {
		return nil // a link to a page of ours
	}
	return crossSite()
}

func crossSite() *Refusal {
	return refusef(http.StatusForbidden, CodeCrossSite,
		"a web page of another origin may not use this server; if it should, add its origin to gateway.origins in the server's configuration")
}

// allowOrigin lets a configured origin's page read the answer. It never allows what a
// browser would add by itself (cookies): keys are sent by the page.
func allowOrigin(h http.Header, from string) {
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", from)
	h.Set("Access-Control-Expose-Headers", "*")
}

// isPreflight reports whether a browser asks whether a page may ask. It sends no key.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) == 1 && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowPreflight answers it for an origin that passed.
func allowPreflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE")
		if names := r.Header.Get("Access-Control-Request-Headers"); isHeaderList(names) {
			h.Set("Access-Control-Allow-Headers", names) // SDKs send dozens of their own
		}
		if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			h.Set("Access-Control-Allow-Private-Network", "true")
		}
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

func isHeaderList(names string) bool {
	return names != "" && len(names) <= 4096 && strings.Trim(strings.ToLower(names), "abcdefghijklmnopqrstuvwxyz0123456789-_, ") == ""
}
