package config

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
)

// Explanation is one key's value, where it comes from, and what it overrode.
type Explanation struct {
	Key       string  `json:"key"`
	Set       bool    `json:"set"` // false: no layer has a value, and the engine's own default counts
	Value     any     `json:"value"`
	Origin    string  `json:"origin,omitempty"`
	Overrides []Value `json:"overrides"` // the nearest first; a Note says of a value that it had no effect
}

// Explain tells about a key, such as temperature or providers.local.model. An
// unknown one is an error with a suggestion.
func (l *Loaded) Explain(name string) (Explanation, error) {
	k, f, err := l.parseKey(name)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Key: k.String(), Overrides: []Value{}}
	for _, layer := range slices.Backward(l.layers) {
		if e, ok := layer.lost[k]; ok {
			x.Overrides = append(x.Overrides, e.show(k))
		}
		e, ok := layer.values[k]
		switch v := e.show(k); {
		case !ok:
		case x.Set:
			x.Overrides = append(x.Overrides, v)
		default:
			x.Set, x.Value, x.Origin = true, v.Value, v.Origin
		}
	}
	if p, ok := l.Provider(k.provider); ok && f.kind != "" && f.kind != p.Kind {
		return x, &diag.Error{Message: f.name + " is for kind " + f.kind + ", and " + p.Name + " is of kind " + p.Kind}
	}
	return x, nil
}

// DefaultModel reports whether a provider's model is the built-in default: no
// file, variable or flag names one.
func (l *Loaded) DefaultModel(provider string) bool {
	e, ok := l.lookupKey(key{provider, "model"})
	return ok && e.from == string(RoleDefault)
}

// parseKey is parseKey for keys of the providers that there are.
func (l *Loaded) parseKey(text string) (key, field, error) {
	names := providerNames(l.layers)
	rest, ofProvider := strings.CutPrefix(text, "providers.")
	if text == "providers" || ofProvider && slices.Contains(names, rest) {
		known := make([]string, 0, len(names))
		for _, n := range names {
			known = append(known, "providers."+n+".KEY")
		}
		return key{}, field{}, &diag.Error{Message: diag.Quote(text) + " is not one key but several", Remedy: diag.Suggest("", known)}
	}
	k, f, err := parseKey(text, names...)
	if err == nil && k.provider != "" && !slices.Contains(names, k.provider) {
		err = &diag.Error{Message: "there is no provider " + diag.Quote(k.provider), Remedy: diag.Suggest(k.provider, names)}
	}
	return k, f, err
}
