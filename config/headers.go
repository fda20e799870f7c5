package config

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/headers"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

const headerName = "the name of a header"

// readHeaders reads the headers of a provider.
func readHeaders(r reader, m yamlx.Map, name string) any {
	values := readValues(r, m, name, headers.IsName, headerName)
	seen := map[string]bool{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		canonical := http.CanonicalHeaderKey(k)
		if seen[canonical] {
			m.Fail(name, "the header "+canonical+" appears twice", "remove one")
			return nil
		}
		seen[canonical] = true
	}
	if values == nil {
		return nil
	}
	return Headers(values)
}

// readHeaderName reads the name of the header that carries a key.
func readHeaderName(r reader, m yamlx.Map, name string) any {
	s, ok := readText(r, m, name).(string)
	switch {
	case !ok:
		return nil
	case !headers.IsName(s):
		m.Fail(name, diag.Quote(s)+" is not "+headerName, "expected something like api-key")
		return nil
	case headers.Reserved(s):
		m.Fail(name, "the header "+s+" is set by the program itself", "expected something like api-key")
		return nil
	}
	return s
}

// readFilePath reads the path of a file, and makes it absolute.
func readFilePath(r reader, m yamlx.Map, name string) any {
	s, ok := readText(r, m, name).(string)
	if !ok {
		return nil
	}
	if looksLikeKeyNotPath(s) || strings.HasPrefix(s, "-----BEGIN") {
		m.Fail(name, "expected the path of a file, not what is in it", "")
		return nil
	}
	return r.path(s)
}

// IsRef reports whether a value of headers, or of an MCP server's env, says
// where a secret is, as a [Ref] does, and is not the text itself.
func IsRef(value string) bool {
	scheme, _, ok := strings.Cut(value, ":")
	return ok && (scheme == "env" || scheme == "keyring" || scheme == "file")
}

// Values looks up the references among the values of headers, or of an MCP
// server's env. A text comes back as it is, in a Secret too. No error shows any part of a secret.
func (l *Loaded) Values(values map[string]string) (map[string]Secret, error) {
	out := map[string]Secret{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		secret, err := l.value(values[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		out[name] = secret
	}
	return out, errors.Join(errs...)
}

// Header looks up the headers of a provider. Each error has the place of the
// header in the file. It fails where [Loaded.Untrusted]
// does.
func (l *Loaded) Header(providerName string) (http.Header, error) {
	if err := l.Untrusted(providerName); err != nil {
		return nil, err
	}
	p, ok := l.Provider(providerName)
	if !ok {
		return nil, fmt.Errorf("there is no provider %q", providerName)
	}
	e, _ := l.lookupKey(key{providerName, "headers"})
	out := http.Header{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		secret, err := l.value(p.Headers[name])
		if err == nil {
			out.Set(name, Credential(name, p.Headers[name], secret))
			continue
		}
		at := e
		if n := valueOf(yamlx.Follow(e.node), name); n != nil {
			at.node = n
		}
		wrapped := at.at("the header "+name+": "+err.Error(), "")
		wrapped.Err = err
		errs = append(errs, wrapped)
	}
	if len(errs) > 0 {
		return nil, diag.Join(errs...)
	}
	return out, nil
}

// Credential is the value of a header of that name, looked up: a secret in
// Authorization that names no scheme, such as Basic, is a bearer token.
func Credential(name, written string, secret Secret) string {
	text := secret.Reveal()
	if IsRef(written) && http.CanonicalHeaderKey(name) == "Authorization" && !strings.Contains(text, " ") {
		return "Bearer " + text
	}
	return text
}

// value is a text as it is, or what a reference stands for.
func (l *Loaded) value(text string) (Secret, error) {
	if !IsRef(text) {
		return Secret{&text}, nil
	}
	found, err := l.lookUp(Ref(text))
	if err != nil {
		return Secret{}, err
	}
	s, err := newLine(found)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", text, err)
	}
	return s, nil
}
