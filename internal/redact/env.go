package redact

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// AddEnviron tells the redactor what an environment, KEY=value, holds of
// secrets: the credentials of proxies and of telemetry, and the values of
// variables whose names say that they are keys.
func (r *Redactor) AddEnviron(environ []string) {
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		name = strings.ToUpper(name)
		switch {
		case len(value) < Shortest:
		case strings.HasSuffix(name, "_PROXY"):
			r.AddURL(value)
		case strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_") && strings.HasSuffix(name, "HEADERS"):
			r.AddHeaders(value)
		case SoundsSecret(name) && !isPath(value):
			r.AddHeader(value)
			r.AddURL(value)
		}
	}
}

// isPath reports whether a value is where a key is, and not the key.
func isPath(value string) bool {
	if !filepath.IsAbs(value) {
		return false
	}
	_, err := os.Stat(value)
	return err == nil
}

// AddURL tells the redactor the credentials that a URL carries, as they are
// written in it and as they are meant.
func (r *Redactor) AddURL(raw string) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw // a proxy's scheme may be left out
	}
	_, rest, _ := strings.Cut(raw, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	for _, s := range []string{rest[:at], password} {
		r.Add(s)
		if meant, err := url.PathUnescape(s); err == nil {
			r.Add(meant)
		}
	}
	if password == "" { // a token in the user's place
		r.Add(user)
	}
}

// AddHeaders tells the redactor the credentials of a list of headers, as the
// variable OTEL_EXPORTER_OTLP_HEADERS has it: name=value,name=value.
func (r *Redactor) AddHeaders(list string) {
	for _, pair := range strings.Split(list, ",") {
		_, value, _ := strings.Cut(pair, "=")
		r.AddHeader(value)
		if meant, err := url.PathUnescape(value); err == nil {
			r.AddHeader(meant)
		}
	}
}

// AddHeader tells the redactor the credential that a header's value is, with
// its scheme, such as `Bearer …` or `Basic …`, or without.
func (r *Redactor) AddHeader(value string) {
	value = strings.TrimSpace(value)
	scheme, credential, ok := strings.Cut(value, " ")
	if !ok {
		r.Add(value)
		return
	}
	r.Add(credential)
	if !strings.EqualFold(scheme, "basic") {
		return
	}
	if said, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credential)); err == nil {
		_, password, _ := strings.Cut(string(said), ":")
		r.Add(string(said), password)
	}
}

// SoundsSecret reports whether a variable or a header of that name is there to
// hold a key.
func SoundsSecret(name string) bool {
	name = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(name), "-", "_"))
	if name == "AUTHORIZATION" || name == "PROXY_AUTHORIZATION" || name == "COOKIE" {
		return true
	}
	for _, end := range []string{"KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
