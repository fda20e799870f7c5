package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
)

// checkLocal holds each `local: true` to the server that the user said it of:
// where the project's file moves the provider, it has no effect. Its errors are
// servers that are elsewhere by their very address.
func (l *Loaded) checkLocal() (errs []error) {
	for _, name := range providerNames(l.layers) {
		k := key{name, "local"}
		e, ok := l.lookupKey(k)
		if !ok || e.value != true {
			continue
		}
		if now, own := endpoint(l.layers, name), l.ownEndpoint(name); now != own {
			e.ignored = "no effect: it was not said of " + now
			for _, layer := range l.layers {
				if _, ok := layer.values[k]; ok {
					delete(layer.values, k)
					layer.lost[k] = e
				}
			}
			l.Warnings = append(l.Warnings, e.at(k.String()+" has no effect", "the project's file gives the provider the address "+now+", of which your own file does not say it").Error())
			continue
		}
		if host, ok := l.foreignHost(name); ok {
			errs = append(errs, e.at(fmt.Sprintf("local: true says that %s is on this machine, and %s is not", name, host), "remove it, or list the network in `local_networks`"))
		}
	}
	return errs
}

// endpoint is where a provider's prompts go by these layers.
func endpoint(layers []*layer, name string) string {
	e, ok := (&Loaded{layers: layers}).lookupKey(key{name, "base_url"})
	if !ok {
		return ""
	}
	return Provider{Kind: KindOpenAI, BaseURL: e.value.(string)}.Endpoint()
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
	u, err := url.Parse(endpoint(l.layers, name))
	if err != nil {
		return "", false
	}
	a, err := netip.ParseAddr(u.Hostname())
	if err != nil || a.Unmap().IsLoopback() {
		return "", false
	}
	e, _ := l.lookupKey(key{field: "local_networks"})
	networks, _ := e.value.([]netip.Prefix)
	return u.Hostname(), !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a.Unmap()) })
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
