package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// boundFields are what the user says of a provider at one address only.
func boundFields() []string {
	return []string{"local", "headers", "tls.ca", "tls.cert", "tls.key"}
}

// checkBound holds what the user says of a server to that server: where the
// project's file moves the provider, it has no effect. Its errors are servers
// with `local: true` that are elsewhere by their very address.
func (l *Loaded) checkBound() (errs []error) {
	for _, name := range providerNames(l.layers) {
		now, own := endpoint(l.layers, name), l.ownEndpoint(name)
		for _, field := range boundFields() {
			k := key{name, field}
			e, ok := l.lookupKey(k)
			switch {
			case !ok || e.value == false:
			case now != own:
				l.unbind(k, e, now)
			case field == "local":
				if host, ok := l.foreignHost(name); ok {
					errs = append(errs, e.at(fmt.Sprintf("local: true says that %s is on this machine, but %s is not", name, host), "remove it, or list the network in `local_networks`"))
				}
			}
		}
	}
	return errs
}

// unbind takes the value away from a provider that the project's file has moved
// to another address.
func (l *Loaded) unbind(k key, e entry, address string) {
	e.ignored = "no effect: it was not set for " + address
	for _, layer := range l.layers {
		if _, ok := layer.values[k]; ok {
			delete(layer.values, k)
			layer.lost[k] = e
		}
	}
	l.Warnings = append(l.Warnings, e.at(k.String()+" has no effect", "the project's file gives the provider the address "+address+", for which your own file does not set it").Error())
}

// endpoint is where a provider's prompts go by these layers; empty: it has no
// address yet.
func endpoint(layers []*layer, name string) string {
	text := func(field string) string {
		e, _ := (&Loaded{layers: layers}).lookupKey(key{name, field})
		s, _ := e.value.(string)
		return s
	}
	p := Provider{Kind: text("kind"), Host: text("host"), BaseURL: text("base_url")}
	e, _ := (&Loaded{layers: layers}).lookupKey(key{name, "hosts"})
	p.Hosts, _ = e.value.([]Host)
	if p.Kind != KindOllama && p.BaseURL == "" && p.Hosts == nil {
		return ""
	}
	return p.Endpoint()
}

// ownEndpoint is the same without the project's file.
func (l *Loaded) ownEndpoint(name string) string {
	if l.own == nil {
		return endpoint(l.layers, name)
	}
	return endpoint(l.own, name)
}

// foreignHost is the host of a provider whose address, not a name for it, is
// neither loopback nor in local_networks.
func (l *Loaded) foreignHost(name string) (host string, ok bool) {
	e, _ := l.lookupKey(key{field: "local_networks"})
	networks, _ := e.value.([]netip.Prefix)
	for address := range strings.SplitSeq(endpoint(l.layers, name), ", ") {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		a, err := netip.ParseAddr(u.Hostname())
		if err != nil || a.Unmap().IsLoopback() {
			continue
		}
		if !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a.Unmap()) }) {
			return u.Hostname(), true
		}
	}
	return "", false
}

// LocalRemedy says what to write where, if the server of a provider of
// [KindOpenAI] runs its models on this machine.
func (l *Loaded) LocalRemedy(name string) string {
	file := "the user file that `tandem config path` shows"
	if i := slices.IndexFunc(l.Files, func(f File) bool { return f.Role == RoleUser }); i >= 0 {
		file = l.Files[i].Path
	}
	if now := endpoint(l.layers, name); now != l.ownEndpoint(name) {
		return fmt.Sprintf("write the provider %s with this base_url and `local: true` into %s", name, file)
	}
	return fmt.Sprintf("add `local: true` to the provider %s in %s", name, file)
}
