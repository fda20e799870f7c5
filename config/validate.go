package config

import (
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// validate checks what one value alone does not tell, at the place of the
// value that is wrong.
func validate(layers []*layer) []error {
	names := providerNames(layers)
	errs := append(validateUse(layers, names), validateAliases(layers, names)...)
	for _, name := range names {
		errs = append(errs, validateProvider(layers, name)...)
	}
	return errs
}

// validateUse checks every layer's use, not only the last one's.
func validateUse(layers []*layer, names []string) (errs []error) {
	for _, l := range layers {
		e, ok := l.values[key{field: "use"}]
		if !ok {
			continue
		}
		used := e.value.([]string)
		for i, name := range used {
			at := e
			if n := yamlx.Follow(e.node); n != nil && i < len(n.Content) {
				at.node = n.Content[i]
			}
			switch {
			case !slices.Contains(names, name):
				errs = append(errs, at.at("there is no provider "+diag.Quote(name), diag.Suggest(name, names)))
			case slices.Index(used, name) < i:
				errs = append(errs, at.at(fmt.Sprintf("the provider %q is named twice", name), "remove one"))
			}
		}
	}
	return errs
}

func validateProvider(layers []*layer, name string) (errs []error) {
	find := func(field string) (entry, bool) {
		return (&Loaded{layers: layers}).lookupKey(key{name, field})
	}
	kind, ok := find("kind")
	if !ok {
		return []error{place(layers, name).at(fmt.Sprintf("the provider %q has no kind", name), "add `kind: ollama` or `kind: openai`")}
	}
	for _, f := range providerFields() {
		e, set := find(f.name)
		if set && f.kind != "" && f.kind != kind.value {
			remedy := "remove it"
			if ref, ok := e.value.(Ref); ok { // a key for a server before Ollama
				remedy = fmt.Sprintf("write `headers: {Authorization: %s}` instead", string(ref))
			}
			errs = append(errs, e.at(fmt.Sprintf("%s is for kind %s, but %s is of kind %s", f.name, f.kind, name, kind.value), remedy))
		}
	}
	for _, required := range []struct{ field, kind, example string }{
		{"model", "", "smollm2:135m"},
		{"base_url", KindOpenAI, "http://127.0.0.1:8000/v1"},
	} {
		wrong := slices.ContainsFunc(layers, func(l *layer) bool { return l.wrong[key{name, required.field}] || l.wrong[key{name, "hosts"}] }) // which has been told
		_, set := find(required.field)
		if _, several := find("hosts"); several && required.field == "base_url" {
			continue
		}
		if !set && !wrong && (required.kind == "" || required.kind == kind.value) {
			errs = append(errs, place(layers, name).at(fmt.Sprintf("the provider %q has no %s", name, required.field),
				fmt.Sprintf("add %s, such as `%[1]s: %s`", required.field, required.example)))
		}
	}
	for _, pair := range [][2]string{{"tls.cert", "tls.key"}, {"tls.key", "tls.cert"}} {
		e, set := find(pair[0])
		if _, other := find(pair[1]); set && !other {
			errs = append(errs, e.at(fmt.Sprintf("%s needs %s, which %s does not have", pair[0], pair[1], name), "add it, or remove both"))
		}
	}
	errs = append(errs, validateHosts(name, find)...)
	return append(errs, validateManaged(name, kind, find)...)
}

func validateManaged(name string, kind entry, find func(string) (entry, bool)) []error {
	managed, ok := find("managed")
	host, _ := find("host")
	text, isText := host.value.(string)
	if !ok || managed.value != true || !isText || kind.value != KindOllama {
		return nil
	}
	if p := (Provider{Kind: KindOllama, Host: text}); !p.Loopback() {
		return []error{managed.at(fmt.Sprintf("tandem can start Ollama only on this machine, but %s is on %s", name, diag.Quote(text)), "remove `managed`, or set `host: 127.0.0.1:11434`")}
	}
	return nil
}

// place is where a provider is first spoken of.
func place(layers []*layer, name string) entry {
	for _, l := range layers {
		if n, ok := l.places[name]; ok {
			return n
		}
	}
	return entry{from: "the provider " + name}
}
