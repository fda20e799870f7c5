package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/tandem-llm/tandem/internal/diag"
)

// A project's file may not lower what a call counts. A price is one server's,
// for one model and service tier, and the user's own price for these counts,
// whatever the project calls the provider. A project can only raise it; where
// the user has none, the project's counts once it is trusted, and else none.

// server names what is behind an endpoint, for whoever is paid there: its host
// and port. All names of this machine are one.
func (p Provider) server() string {
	endpoint := p.Endpoint()
	u, err := url.Parse(endpoint)
	if err != nil {
		return endpoint
	}
	if loopback(endpoint) {
		return net.JoinHostPort("localhost", u.Port())
	}
	return u.Host
}

// priced reports whether a part of a price is said.
func (p Price) priced() bool { return p.Input != nil || p.CachedInput != nil || p.Output != nil }

// charges reports whether a call may cost money, as far as a provider's
// configuration tells. A server on this machine that wants a key may be a
// gateway to a paid one, unless the user says that it runs its models itself.
func (p Provider) charges() bool {
	return p.Price.priced() || p.APIKey != "" && !(p.Local && p.Loopback())
}

// sameGoods reports whether one price holds for both.
func sameGoods(a, b Provider) bool {
	tier := func(p Provider) string { return fmt.Sprint(p.Options["service_tier"]) }
	return a.Kind == b.Kind && a.server() == b.server() && a.Model == b.Model && tier(a) == tier(b)
}

// sameCalls reports whether what is asked of both goes to the same place, with
// the same key, for the same model, and is limited in the same way.
func sameCalls(a, b Provider) bool {
	return a.Kind == b.Kind && a.Endpoint() == b.Endpoint() && a.Model == b.Model && a.APIKey == b.APIKey &&
		a.MaxTokensField == b.MaxTokensField
}

// priceFields are the parts of a price, and which of the user's holds where he
// has not said one.
func priceFields() map[string]string {
	return map[string]string{"price.input": "price.input", "price.cached_input": "price.input", "price.output": "price.output"}
}

// settlePrices has the user's own prices hold for what the project's file asks
// for. own and all are the providers without and with the project's file.
func (l *Loaded) settlePrices(own, all []Provider) {
	i := slices.IndexFunc(l.layers, func(layer *layer) bool { return layer.role == RoleProject })
	if i < 0 {
		return
	}
	own, all = everyHost(own), everyHost(all)
	project, users := l.layers[i], &Loaded{layers: l.own}
	type change struct {
		layer *layer
		key   key
		value *entry // nil: none
		why   string
	}
	var changes []change
	for _, p := range all {
		if !slices.Contains(project.names, p.Name) {
			continue
		}
		l.charged[p.Name] = l.charged[p.Name] || slices.ContainsFunc(own, func(o Provider) bool { return o.Price.priced() && o.server() == p.server() })
		same := slices.ContainsFunc(own, func(o Provider) bool { return o.Name == p.Name && sameGoods(o, p) })
		for field, instead := range priceFields() {
			var floor *entry
			for _, o := range own {
				if same && o.Name != p.Name || !sameGoods(o, p) {
					continue
				}
				e, ok := users.lookupKey(key{o.Name, field})
				if !ok {
					e, ok = users.lookupKey(key{o.Name, instead})
				}
				if ok && (floor == nil || e.value.(float64) > floor.value.(float64)) {
					floor = &e
				}
			}
			k := key{p.Name, field}
			said, says := project.values[k]
			switch {
			case says && floor == nil:
				l.strange[p.Name] = true
			case says && said.value.(float64) < floor.value.(float64):
				changes = append(changes, change{project, k, floor, fmt.Sprintf("%s sets %v, and a project can only raise it", floor.origin(), floor.value)})
			case !says && floor != nil && !same:
				changes = append(changes, change{project, k, floor, ""})
			case !says && !same:
				for _, below := range l.layers[:i] {
					changes = append(changes, change{below, k, nil, "it prices what your own configuration asks for, but the project asks for something else"})
				}
			}
		}
	}
	for _, c := range changes {
		if was, ok := c.layer.values[c.key]; ok && c.why != "" {
			was.ignored = "no effect: " + c.why
			c.layer.lost[c.key] = was
			l.Warnings = append(l.Warnings, was.at(fmt.Sprintf("%s: %v has no effect", c.key, was.value), c.why).Error())
		}
		delete(c.layer.values, c.key)
		if c.value != nil {
			c.layer.values[c.key] = *c.value
		}
	}
	slices.Sort(l.Warnings)
}

// spends is what the project's file wants to spend on p that the user's own
// configuration would not; "" if nothing.
func (l *Loaded) spends(p Provider, own *Config) string {
	mine := everyHost(own.Providers)
	paid := slices.ContainsFunc(mine, func(o Provider) bool { return o.charges() && o.server() == p.server() })
	if !paid || slices.ContainsFunc(mine, func(o Provider) bool { return sameCalls(o, p) }) {
		return ""
	}
	text := "spend money on " + diag.Quote(p.Model) + " at " + p.Endpoint()
	if p.APIKey != "" {
		text += " with the key " + string(p.APIKey)
	}
	if p.MaxTokensField != "" {
		text += " with answers limited by " + diag.Quote(p.MaxTokensField)
	}
	return text
}

// prices is how the project's file prices p, where the user does not.
func (l *Loaded) prices(p Provider) string {
	if !l.strange[p.Name] {
		return ""
	}
	said := func(usd *float64) string {
		if usd == nil {
			return "not set"
		}
		return fmt.Sprintf("$%v", *usd)
	}
	return fmt.Sprintf("set what %s costs in your budget (a million tokens in: %s, cached: %s, out: %s)",
		p.Name, said(p.Price.Input), said(p.Price.CachedInput), said(p.Price.Output))
}
