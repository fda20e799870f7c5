package compare

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

type foreignTarget struct {
	node    *yaml.Node
	id      string
	name    string
	variant Variant
}

// Configured is a provider of Tandem's configuration.
type Configured struct{ Name, Kind, Endpoint string }

func (p *Promptfoo) providers(m yamlx.Map) {
	key := "providers"
	if m.Has("targets") {
		key = "targets"
	}
	m.Require(key, "write at least one, such as ollama:chat:qwen3:8b")
	for _, n := range elements(m.Value(key)) {
		t := foreignTarget{node: n}
		if n.Kind != yaml.MappingNode {
			id, ok := p.d.Text(n)
			if !ok {
				continue
			}
			t.id = id
		} else {
			e, ok := p.d.Mapping(n, "a provider", nil)
			if !ok || !p.refuse(e, []string{"id", "label", "config"}, " of a provider") || !e.Require("id", "write its id") {
				continue
			}
			t.id, t.name, t.node = e.String("id"), e.String("label"), e.Node("id")
			if !p.config(e, &t) {
				continue
			}
		}
		if t.name == "" {
			t.name = t.id
		}
		p.targets = append(p.targets, t)
	}
}

// config reads a provider's settings.
func (p *Promptfoo) config(e yamlx.Map, t *foreignTarget) bool {
	limit := "max_tokens"
	known := []string{"temperature", "top_p", "seed", limit}
	if strings.HasPrefix(t.id, "ollama:") {
		limit = "num_predict"
		known = []string{"temperature", "top_p", "seed", limit, "num_ctx"}
	}
	c, ok := e.Map("config", "a provider's config", nil)
	if !ok {
		return true
	}
	if !p.refuse(c, known, " of a provider's config") {
		return false
	}
	t.variant.Temperature, t.variant.TopP = c.Float("temperature", 0, 2), c.Float("top_p", 0, 1)
	if n := c.Int("seed", -1<<62); n != nil {
		t.variant.Seed = n
	}
	if n := c.Int(limit, 1); n != nil {
		t.variant.MaxTokens = provider.Ptr(int(*n))
	}
	if n := c.Int("num_ctx", 1); n != nil {
		t.variant.NumCtx = provider.Ptr(int(*n))
	}
	return true
}

// Variants are the prompts × the providers, of those that are configured.
func (p *Promptfoo) Variants(known []Configured, noise bool) ([]Variant, error) {
	d := yamlx.NewDecoder(p.file)
	var out []Variant
	for _, t := range p.targets {
		kind, rest, _ := strings.Cut(t.id, ":")
		model := strings.TrimPrefix(strings.TrimPrefix(rest, "chat:"), "completion:")
		v := t.variant
		name := ""
		switch {
		case model == "" || kind == "openai" && strings.HasPrefix(rest, "completion:"):
		case kind == "ollama":
			name = find(known, func(c Configured) bool { return c.Kind == "ollama" })
		case kind == "openai":
			name = find(known, func(c Configured) bool {
				return c.Kind == "openai" && (c.Name == "openai" || strings.HasPrefix(c.Endpoint, "https://api.openai.com"))
			})
			// What promptfoo sends, where its file does not say.
			if v.Temperature == nil {
				v.Temperature = provider.Ptr(0.0)
			}
			if v.MaxTokens == nil {
				v.MaxTokens = provider.Ptr(1024)
			}
		default:
			d.Fail(t.node, "promptfoo's provider "+diag.Quote(t.id)+" is not supported here", "use openai:MODEL or ollama:MODEL, or compare a chain file with --with")
			continue
		}
		switch {
		case model == "" || kind == "openai" && strings.HasPrefix(rest, "completion:"):
			d.Fail(t.node, "promptfoo's provider "+diag.Quote(t.id)+" is not supported here", "use openai:MODEL or ollama:MODEL")
			continue
		case name == "":
			d.Fail(t.node, "no provider for "+diag.Quote(t.id)+" is configured", "add one of kind "+kind+" with `tandem setup`")
			continue
		}
		v.Use, v.Model = []string{name}, model
		for i := range p.Chains {
			w := v
			w.Chain, w.Name = i, t.name
			if len(p.Chains) > 1 {
				w.Name += " " + p.labels[i]
			}
			out = append(out, w)
		}
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return finish(out, noise)
}

func find(known []Configured, is func(Configured) bool) string {
	if i := slices.IndexFunc(known, is); i >= 0 {
		return known[i].Name
	}
	return ""
}
