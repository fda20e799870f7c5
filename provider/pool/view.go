package pool

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// view is what is known of a model on every host.
type view struct {
	has    map[*host]bool   // false: it is listed there; a host that is not in it tells no list
	digest map[*host]string // where told
	serves string           // the digest that answers; empty: none is told
}

// view returns what is known of a model. The caller holds mu.
func (p *Pool) view(model string) *view {
	if v := p.views[model]; v != nil {
		return v
	}
	v := &view{has: map[*host]bool{}, digest: map[*host]string{}}
	for _, h := range p.hosts {
		if h.list.models == nil {
			continue
		}
		i := slices.IndexFunc(h.list.models, func(m provider.Model) bool { return same(m.Name, model) })
		if v.has[h] = i >= 0; i >= 0 && h.list.models[i].Digest != "" {
			v.digest[h] = h.list.models[i].Digest
		}
	}
	v.serves = p.electDigest(model, v.digest)
	p.views[model] = v
	return v
}

// electDigest is the digest that most hosts have, of as many the one of the first host.
// What has answered before stays, so that a run does not change models, as long as any
// host has it.
func (p *Pool) electDigest(model string, digest map[*host]string) string {
	if now := p.serving[model]; now != "" {
		for _, d := range digest {
			if d == now {
				return now
			}
		}
	}
	count, best := map[string]int{}, ""
	for _, d := range digest {
		count[d]++
	}
	for _, h := range p.hosts {
		if d := digest[h]; d != "" && count[d] > count[best] {
			best = d
		}
	}
	return best
}

// undecided reports whether another digest may answer once those hosts have told theirs.
func (p *Pool) undecided(model string, v *view, unknown []*host) bool {
	if v.serves == "" || len(unknown) == 0 {
		return false
	}
	all := []string{"another"}
	for _, d := range v.digest {
		all = append(all, d)
	}
	for _, d := range all { // the most that they can do is to agree
		told := maps.Clone(v.digest)
		for _, h := range unknown {
			told[h] = d
		}
		if p.electDigest(model, told) != v.serves {
			return true
		}
	}
	return false
}

// setAside is why a host does not answer for a model although it has one of that name;
// empty: it does.
func (p *Pool) setAside(v *view, h *host, model string) string {
	d := v.digest[h]
	if d == "" || d == v.serves {
		return ""
	}
	return fmt.Sprintf("it has another model by the name %s (digest %s, the others have %s)", model, short(d), short(v.serves))
}

// short is enough of a digest to tell it from others.
func short(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(len(digest), 12)]
}

// warnAside says once which hosts are set aside. It returns the texts to tell, once mu
// is free.
func (p *Pool) warnAside(v *view, model string) (texts []string) {
	for _, h := range p.hosts {
		why := p.setAside(v, h, model)
		if why == "" {
			continue
		}
		if text := p.cfg.Name + "/" + h.Name + " is set aside: " + why; !p.warned[text] {
			p.warned[text] = true
			texts = append(texts, text)
		}
	}
	return texts
}
