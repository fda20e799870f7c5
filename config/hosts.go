package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// Host is one host of a provider that has several.
type Host struct {
	// Address is where the server listens: of Ollama as OLLAMA_HOST, of an
	// OpenAI-compatible server a base URL, or host:port for http://host:port/v1.
	Address string
	// Weight is how much faster than the others it is taken to be; 0: 1.
	Weight float64
	// Wake is the hardware address to which a packet is sent that wakes the machine;
	// empty: it is not woken.
	Wake string
}

// maxHosts is how many hosts a provider may have.
const maxHosts = 64

// Name is how routes and commands call a host: host:port, with the path where it is not
// the usual one.
func (h Host) Name(kind string) string {
	address := Provider{Kind: kind, Host: h.Address, BaseURL: baseURL(h.Address)}.Endpoint()
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return h.Address
	}
	if kind == KindOpenAI {
		return u.Host + strings.TrimSuffix(u.Path, "/v1")
	}
	return u.Host + strings.TrimRight(u.Path, "/")
}

// baseURL is the base URL of an OpenAI-compatible server that is given as host:port.
func baseURL(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	if strings.Contains(address, "/") {
		return "http://" + address
	}
	return "http://" + address + "/v1"
}

// Members are the provider as each of its hosts has it, in order: with that host's
// address, and without Hosts. Tandem starts no engine of a host. A provider that has no
// Hosts is its only member.
func (p Provider) Members() []Provider {
	if len(p.Hosts) == 0 {
		return []Provider{p}
	}
	all := make([]Provider, len(p.Hosts))
	for i, h := range p.Hosts {
		m, off := p, false
		m.Hosts = nil
		if m.Managed = &off; p.Kind == KindOllama {
			m.Host = h.Address
		} else {
			m.BaseURL = baseURL(h.Address)
		}
		all[i] = m
	}
	return all
}

// everyHost are the members of all providers.
func everyHost(all []Provider) (out []Provider) {
	for _, p := range all {
		out = append(out, p.Members()...)
	}
	return out
}

// readHosts reads hosts: addresses, or mappings with one. What they may be depends on
// the provider's kind, which another layer may say: see validateHosts.
func readHosts(r reader, m yamlx.Map, name string) any {
	n := m.Value(name)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		m.Fail(name, "expected a list of hosts", "write `hosts: [gpu1:11434, gpu2:11434]`, or `host` for a single one")
		return nil
	}
	if len(n.Content) > maxHosts {
		m.Fail(name, fmt.Sprintf("%d hosts are more than the %d that a provider may have", len(n.Content), maxHosts), "")
		return nil
	}
	var hosts []Host
	for _, item := range n.Content {
		if h, ok := readHostItem(r, m, item); ok {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) < len(n.Content) {
		return nil
	}
	return hosts
}

func readHostItem(r reader, m yamlx.Map, item *yaml.Node) (h Host, ok bool) {
	if item = yamlx.Follow(item); item.Kind == yaml.ScalarNode { // its address alone
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "host"}
		item = &yaml.Node{Kind: yaml.MappingNode, Line: item.Line, Column: item.Column, Content: []*yaml.Node{key, item}}
	}
	one, ok := m.Item(item, "a host", []string{"host", "weight", "wake"})
	if !ok || !one.Require("host", "a host is an address, or `{host: gpu1:11434}`") {
		return h, false
	}
	if h.Address, ok = readAddress(r, one, "host"); !ok {
		return h, false
	}
	if one.Has("weight") {
		w := one.Float("weight", 0.01, 1000)
		if w == nil {
			return h, false
		}
		h.Weight = *w
	}
	if one.Has("wake") {
		mac, err := net.ParseMAC(one.String("wake"))
		if err != nil || len(mac) != 6 {
			one.Fail("wake", "expected the hardware (MAC) address of the machine, found "+diag.Quote(one.Value("wake").Value), "write it as AA:BB:CC:DD:EE:FF, in quotation marks")
			return h, false
		}
		h.Wake = mac.String()
	}
	return h, true
}

// readAddress reads what both kinds allow.
func readAddress(r reader, m yamlx.Map, name string) (string, bool) {
	if n := m.Value(name); n.Kind == yaml.ScalarNode && n.Tag != "!!null" && strings.TrimSpace(n.Value) == "" {
		m.Fail(name, "the address of a host is empty", "write one, such as gpu1:11434, or remove it")
		return "", false
	}
	s, ok := readText(r, m, name).(string)
	if !ok {
		return "", false
	}
	if LooksLikeKey(s) {
		m.Fail(name, "a key does not belong in an address", "use api_key or headers")
		return "", false
	}
	return s, true
}

// checkAddress is what is wrong with the address of a host of a provider of that kind,
// or nil.
func checkAddress(kind, address string) error {
	if kind == KindOllama {
		if _, err := hostEndpoint(address); err != nil {
			return &diag.Error{Message: err.Error(), Remedy: "expected something like gpu1:11434"}
		}
		return nil
	}
	const remedy = "expected something like gpu1:8000, or https://gpu1/v1"
	u, err := parseBaseURL(baseURL(address))
	if err == nil {
		err = checkCall(u)
	}
	if known := new(diag.Error); errors.As(err, &known) {
		return known
	}
	if err != nil {
		return &diag.Error{Message: err.Error(), Remedy: remedy}
	}
	return nil
}

// validateHosts checks the hosts of a provider, each at its place.
func validateHosts(name string, find func(string) (entry, bool)) (errs []error) {
	e, ok := find("hosts")
	if !ok {
		return nil
	}
	kind, _ := find("kind")
	for _, field := range []string{"host", "base_url"} {
		if one, set := find(field); set {
			errs = append(errs, one.at(fmt.Sprintf("%s has both %s and hosts", name, field), "remove one; hosts is for several"))
		}
	}
	if managed, set := find("managed"); set && managed.value == true {
		errs = append(errs, managed.at("tandem starts no engine of a provider with several hosts", "remove `managed`"))
	}
	seen := map[string]int{}
	for i, h := range e.value.([]Host) {
		at := e
		if n := yamlx.Follow(e.node); n != nil && i < len(n.Content) {
			at.node = n.Content[i]
		}
		text, _ := kind.value.(string)
		if err := checkAddress(text, h.Address); err != nil {
			var known *diag.Error
			errors.As(err, &known)
			errs = append(errs, at.at(known.Message, known.Remedy))
			continue
		}
		id := h.Name(text)
		server := sameServer(id)
		if first, twice := seen[server]; twice {
			errs = append(errs, at.at(fmt.Sprintf("the host %s appears twice", diag.Quote(id)), fmt.Sprintf("it is host %d already; remove one", first+1)))
		}
		seen[server] = i
	}
	return errs
}

// sameServer is a host's name in the one spelling that is taken for its server:
// localhost and [::1] are 127.0.0.1, and a name may end in a dot, and be in capitals.
func sameServer(name string) string {
	u, err := url.Parse("//" + name)
	if err != nil {
		return name
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().String()
	}
	if host == "localhost" || host == "::1" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, u.Port()) + u.Path
}

// settleHosts takes a provider's built-in address away where it has hosts, and the one
// that the environment gives it, which is told.
func (l *Loaded) settleHosts() {
	for _, name := range providerNames(l.layers) {
		if _, ok := l.lookupKey(key{name, "hosts"}); !ok {
			continue
		}
		for _, layer := range l.layers {
			for _, field := range []string{"host", "base_url"} {
				k := key{name, field}
				e, ok := layer.values[k]
				if !ok || layer.role != RoleDefault && layer.role != RoleEnvironment {
					continue
				}
				delete(layer.values, k)
				if layer.role == RoleEnvironment {
					e.ignored = "no effect: the provider has hosts"
					layer.lost[k] = e
					l.Warnings = append(l.Warnings, e.at("no effect: the provider "+name+" has hosts", "").Error())
				}
			}
		}
	}
}

// plainHosts are hosts as a file has them.
func plainHosts(hosts []Host) []any {
	list := make([]any, len(hosts))
	for i, h := range hosts {
		if h.Weight == 0 && h.Wake == "" {
			list[i] = h.Address
			continue
		}
		m := map[string]any{"host": h.Address}
		if h.Weight != 0 {
			m["weight"] = h.Weight
		}
		if h.Wake != "" {
			m["wake"] = h.Wake
		}
		list[i] = m
	}
	return list
}

// HostNames are the names of a provider's hosts, in order; nil: it has a single address.
func (p Provider) HostNames() []string {
	var names []string
	for _, h := range p.Hosts {
		names = append(names, h.Name(p.Kind))
	}
	return slices.Clip(names)
}
