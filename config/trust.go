package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/ollamahost"
)

// ErrUntrusted is found by errors.Is in the error of a project's file that
// needs the user's trust.
var ErrUntrusted = errors.New("the project's configuration is not trusted")

// Demand is one thing that a project's file wants and may not have until the
// user trusts it: to send prompts to a host, or a key to an address, that the
// user's own configuration does not name, to move a provider of this machine
// elsewhere, to spend money on what that would not, or to run a program.
type Demand struct {
	Provider string // the provider that it is for: it is not asked until then
	Place    string // file:line:column
	Text     string // "to send the key env:OPENAI_API_KEY to https://…"

	at *diag.Error
}

// Demands are what the project's file wants beyond what any project may; they
// are the same whether it is trusted or not.
//
// A project may always choose among the hosts and keys that the user's own
// file, the environment and the built-in defaults pair, pick sampling and the
// models of servers that cost nothing, and tighten privacy. It may name new
// hosts on this machine without a key.
func (l *Loaded) Demands() []Demand { return l.demands }

// Trusted reports whether everything that the project's file wants is granted.
func (l *Loaded) Trusted() bool { return len(l.demands) == 0 || l.trusted }

// checkTrust finds the demands and whether they are granted. own is what the
// configuration would be without the project's file; nil: there is none. Its
// errors are ErrUntrusted.
func (l *Loaded) checkTrust(own *Config) error {
	if own == nil {
		return nil
	}
	l.findDemands(own)
	if len(l.demands) == 0 {
		return nil
	}
	path, err := l.trustPath()
	if err == nil {
		_, err = os.Stat(path)
	}
	l.trusted = err == nil
	return l.untrusted(func(Demand) bool { return true })
}

// findDemands compares the merged configuration with own, which is what it
// would be without the project's file.
func (l *Loaded) findDemands(own *Config) {
	hosts, pairs, programs, models := map[string]bool{}, map[string]bool{}, map[string]bool{"": true}, map[string]bool{}
	for _, p := range everyHost(own.Providers) {
		hosts[p.Endpoint()] = true
		pairs[pairing(p)] = true
		programs[p.Binary] = true
		models[p.Model] = true
	}
	demanded := map[string]bool{}
	for _, p := range everyHost(l.Providers) {
		mine, known := own.Provider(p.Name)
		demand := func(name, what string, fields ...string) {
			if !demanded[name+what] { // not once for each host
				demanded[name+what] = true
				l.demand(name, what, fields...)
			}
		}
		switch {
		case p.APIKey != "" && !pairs[pairing(p)]:
			what := fmt.Sprintf("send prompts and the key %s to %s", p.APIKey, p.Endpoint())
			if p.APIKeyHeader != "" {
				what += " in the header " + p.APIKeyHeader
			}
			demand(p.Name, what, "api_key", "base_url", "hosts", "kind", "api_key_header")
		case !p.Loopback() && !hosts[p.Endpoint()]:
			demand(p.Name, "send prompts to "+p.Endpoint(), "base_url", "host", "hosts", "kind")
		case known && mine.Loopback() && !p.Loopback():
			demand(p.Name, fmt.Sprintf("send prompts for %s, which is on this machine, to %s", p.Name, p.Endpoint()), "base_url", "host", "hosts", "kind")
		default:
			if what := l.spends(p, own); what != "" {
				demand(p.Name, what, "model", "base_url", "host", "hosts", "kind", "max_tokens_field")
			}
		}
		if p.Kind == KindOllama && ollamahost.CloudModel(p.Model) && !models[p.Model] {
			demand(p.Name, fmt.Sprintf("have ollama.com answer prompts for %s (the model %s)", p.Name, p.Model), "model")
		}
		if what := l.prices(p); what != "" {
			demand(p.Name, what, "price.input", "price.cached_input", "price.output")
		}
		if !programs[p.Binary] {
			demand(p.Name, "run the program "+p.Binary, "binary")
		}
	}
}

// pairing is which key goes where, and in which header: servers, and proxies
// before them, write some headers down.
func pairing(p Provider) string {
	return p.Endpoint() + " " + string(p.APIKey) + " " + strings.ToLower(p.APIKeyHeader)
}

// demand records one, at the first of the fields that the project's file sets.
func (l *Loaded) demand(name, what string, fields ...string) {
	var e entry
	for _, layer := range l.layers {
		if layer.role != RoleProject {
			continue
		}
		e = layer.places[name]
		for _, f := range fields {
			if set, ok := layer.values[key{name, f}]; ok {
				e = set
				break
			}
		}
	}
	at := e.at(fmt.Sprintf("this project wants to %s, which your own configuration does not name", what),
		"read the file, and run `tandem config trust` if you agree")
	at.Err = ErrUntrusted
	l.demands = append(l.demands, Demand{Provider: name, Place: at.Position(), Text: what, at: at})
}

// Untrusted is why a provider must not be asked, nor its program be run: what the
// project's file wants for it is not granted. Nil: it may be asked. Its errors are
// ErrUntrusted.
func (l *Loaded) Untrusted(provider string) error {
	return l.untrusted(func(d Demand) bool { return d.Provider == provider })
}

// untrusted is the error for those demands of which is true that are not granted, or nil.
func (l *Loaded) untrusted(of func(Demand) bool) error {
	if l.Trusted() {
		return nil
	}
	var errs []error
	for _, d := range l.demands {
		if of(d) {
			errs = append(errs, d.at)
		}
	}
	return diag.Join(errs...)
}

// project is the project's file, or false when there is none.
func (l *Loaded) project() (File, bool) {
	i := slices.IndexFunc(l.Files, func(f File) bool { return f.Role == RoleProject && f.Exists })
	if i < 0 {
		return File{}, false
	}
	return l.Files[i], true
}

// trustDir holds one file for each trusted text of a project's file, named by
// a hash of its path and text, so that any change asks again.
func (l *Loaded) trustDir() (string, error) {
	if l.stateDir == "" {
		return "", &diag.Error{Message: "there is no directory to store trust in", Remedy: "set HOME or XDG_STATE_HOME"}
	}
	return filepath.Join(l.stateDir, "trust"), nil
}

func (l *Loaded) trustPath() (string, error) {
	dir, err := l.trustDir()
	f, _ := l.project()
	sum := sha256.Sum256(append([]byte(trustedName(f)+"\x00"), f.data...)) // no path holds a NUL
	return filepath.Join(dir, hex.EncodeToString(sum[:])), err
}

// trustedName is the file's path with the links in its directory resolved; the
// file itself is known by its text.
func trustedName(f File) string {
	dir, err := filepath.EvalSymlinks(filepath.Dir(f.Path))
	if err != nil {
		return f.Path
	}
	return filepath.Join(dir, filepath.Base(f.Path))
}

// Trust grants what the project's file wants, as it was read by Load: a change
// of the file since then is not covered. It returns the file's path.
func (l *Loaded) Trust() (path string, err error) {
	f, ok := l.project()
	if !ok {
		return "", &diag.Error{Message: "this directory has no Tandem configuration to trust", Remedy: "run this in the project's directory"}
	}
	mark, err := l.trustPath()
	if err != nil {
		return "", err
	}
	if err := WriteFile(mark, []byte(trustedName(f)+"\n")); err != nil {
		return "", err
	}
	l.trusted = true
	return f.Path, nil
}

// Revoke takes back every trust in the project's file, whatever its text was.
// It reports whether there was any.
func (l *Loaded) Revoke() (path string, revoked bool, err error) {
	f, ok := l.project()
	if !ok {
		return "", false, &diag.Error{Message: "this directory has no Tandem configuration", Remedy: "run this in the project's directory"}
	}
	dir, err := l.trustDir()
	if err != nil {
		return "", false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", false, fmt.Errorf("reading the trusted files: %w", err)
	}
	for _, entry := range entries {
		mark := filepath.Join(dir, entry.Name())
		text, err := os.ReadFile(mark)
		if err != nil || strings.TrimSuffix(string(text), "\n") != trustedName(f) {
			continue
		}
		if err := os.Remove(mark); err != nil {
			return "", false, fmt.Errorf("revoking trust: %w", err)
		}
		revoked = true
	}
	l.trusted = false
	return f.Path, revoked, nil
}
