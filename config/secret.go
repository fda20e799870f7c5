package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/tandem-llm/tandem/internal/textx"
)

// mask is what a Secret shows of itself.
const mask = "••••"

// Secret is a key. However it is printed, logged or encoded, it shows as ••••;
// only Reveal gives it away. The pointer keeps fmt out where it does not call
// Format: for %p, and below fields that are not exported.
type Secret struct{ value *string }

// NewSecret makes a Secret of a key. White space and quotation marks around it are
// dropped, and a byte order mark before it. It must be one word, for it travels in
// an HTTP header.
func NewSecret(value string) (Secret, error) {
	value = unquoted(textx.TrimBOM(value))
	if value == "" {
		return Secret{}, errors.New("the key is empty")
	}
	if strings.Trim(value, `"'`) != value {
		return Secret{}, errors.New("there is a quotation mark at one end of the key; write the key alone")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII }) {
		return Secret{}, errors.New("the key is not one word of ASCII; did you paste more than the key?")
	}
	return Secret{&value}, nil
}

// newLine makes a Secret of a text of one line, such as "Bearer …". White space
// around it is dropped.
func newLine(value string) (Secret, error) {
	value = strings.TrimSpace(textx.TrimBOM(value))
	if value == "" {
		return Secret{}, errors.New("the value is empty")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r > unicode.MaxASCII }) {
		return Secret{}, errors.New("the value is not one line of ASCII; did you paste more than the value?")
	}
	return Secret{&value}, nil
}

// unquoted is a text without the white space around it, and without a pair of
// quotation marks: `docker run --env-file` passes on those that a shell drops.
func unquoted(text string) string {
	text = strings.TrimSpace(text)
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return strings.TrimSpace(text[1 : n-1])
	}
	return text
}

// Reveal returns the key itself, for the header that carries it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String masks.
func (s Secret) String() string { return mask }

// GoString masks.
func (s Secret) GoString() string { return mask }

// Format masks, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// MarshalText masks in JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue masks in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }

// Ref says where a key is: env:NAME, keyring:NAME or file:PATH, the path
// absolute. It is not a secret itself.
type Ref string

// parseRef reads a reference; absolute makes a file's path absolute. It is
// false for anything else, which may be a bare key: callers don't show it.
func parseRef(s string, absolute func(string) string) (Ref, bool) {
	scheme, name, _ := strings.Cut(s, ":")
	switch {
	case name == "" || scheme != "file" && LooksLikeKey(name) || strings.ContainsFunc(name, isControl):
		return "", false
	case scheme == "env" && isVariable(name), scheme == "keyring" && ValidName(name):
		return Ref(s), true
	case scheme == "file":
		return Ref("file:" + absolute(name)), true
	}
	return "", false
}

// keyPrefixes are what the keys of well-known services start with.
func keyPrefixes() []string {
	return []string{"sk-", "sk_", "gsk_", "xai-", "hf_", "nvapi-", "r8_", "AIza", "pplx-", "ghp_", "github_pat_", "Bearer "}
}

// LooksLikeKey reports whether text is almost certainly a key itself, not the
// name of one.
func LooksLikeKey(text string) bool {
	for _, p := range keyPrefixes() {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	var lower, upper, digit bool
	for _, r := range text {
		lower = lower || 'a' <= r && r <= 'z'
		upper = upper || 'A' <= r && r <= 'Z'
		digit = digit || '0' <= r && r <= '9'
	}
	return len(text) >= 32 && digit && (lower && upper || isHex(text))
}

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdefABCDEF") == "" }

// isVariable reports whether name can be an environment variable's.
func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// ErrNoKey is found by errors.Is in the error of a key that is missing: a
// variable not set, a keyring without the entry, a file that does not exist.
var ErrNoKey = errors.New("no key")

// Keyring finds keys by name: internal/keys is one. Get returns an error that
// wraps ErrNoKey when there is none of that name. Has reports whether a key of
// that name is stored, without querying a keyring that may prompt the user.
type Keyring interface {
	Get(name string) (string, error)
	Has(name string) bool
}

// Key looks up a provider's key. It is the zero Secret, without an error, for
// a provider without api_key. It fails where [Loaded.Untrusted] does.
// No error shows any part of a key.
func (l *Loaded) Key(providerName string) (Secret, error) {
	if err := l.Untrusted(providerName); err != nil {
		return Secret{}, err
	}
	p, ok := l.Provider(providerName)
	if !ok {
		return Secret{}, fmt.Errorf("there is no provider %q", providerName)
	}
	ref := l.KeyRef(providerName)
	if ref == "" {
		return Secret{}, nil
	}
	value, err := l.lookUp(ref)
	if variable, ok := strings.CutPrefix(string(ref), "env:"); ok && errors.Is(err, ErrNoKey) && l.ownPair[p.Name] {
		return Secret{}, missingKey("the environment variable %s is not set; set it, or store a key with `tandem keys set %s`", variable, p.Name)
	}
	if err != nil {
		return Secret{}, err
	}
	s, err := NewSecret(value)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", ref, err)
	}
	return s, nil
}

// KeyRef says where a provider's key is looked up: its api_key, or, where that is a
// variable that is not set, the key that is stored under the provider's name. Only
// the user's own configuration makes such a pair of key and server: where a
// project's file gives the provider another address, the variable alone counts. It
// is empty for a provider without api_key.
func (l *Loaded) KeyRef(providerName string) Ref {
	p, _ := l.Provider(providerName)
	variable, ok := strings.CutPrefix(string(p.APIKey), "env:")
	if !ok || !l.ownPair[p.Name] || l.keyring == nil || !l.keyring.Has(p.Name) {
		return p.APIKey
	}
	if value, _ := l.env(variable); unquoted(value) != "" {
		return p.APIKey
	}
	return Ref("keyring:" + p.Name)
}

// pairOwn finds the providers that have the address and the key reference of the
// user's own configuration, which is own; nil: there is no other.
func (l *Loaded) pairOwn(own *Config) {
	l.ownPair = map[string]bool{}
	for _, p := range l.Providers {
		if own == nil {
			l.ownPair[p.Name] = true
			continue
		}
		mine, ok := own.Provider(p.Name)
		l.ownPair[p.Name] = ok && pairing(p) == pairing(mine)
	}
}

// lookUp returns what a reference stands for, and tells whoever is to know.
func (l *Loaded) lookUp(ref Ref) (string, error) {
	value, err := l.valueOf(ref)
	if err == nil {
		l.tell(ref, value)
	}
	return value, err
}

// tell passes on a key. A variable such as HOME is none, though a server may be
// given its value.
func (l *Loaded) tell(ref Ref, value string) {
	if l.secret == nil {
		return
	}
	switch name, ok := strings.CutPrefix(string(ref), "env:"); {
	case !ok:
	case slices.Contains([]string{
		"HOME", "HOSTNAME", "LANG", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "TZ", "USER",
		"USERNAME", "USERPROFILE",
	}, strings.ToUpper(name)):
		return
	}
	l.secret(value)
}

// tellEnvironment tells of the keys that lie in the environment. Those that lie
// elsewhere are not looked up for this.
func (l *Loaded) tellEnvironment() {
	for _, name := range l.keyVariables() {
		if value, ok := l.env(name); ok {
			l.tell(Ref("env:"+name), value)
		}
	}
}

// keyVariables are the environment variables that the configuration refers to.
func (l *Loaded) keyVariables() (names []string) {
	var refs []string
	for _, p := range l.Providers {
		refs = slices.AppendSeq(append(refs, string(p.APIKey)), maps.Values(p.Headers))
	}
	for _, s := range l.MCPServers {
		refs = slices.AppendSeq(slices.AppendSeq(refs, maps.Values(s.Env)), maps.Values(s.Headers))
	}
	for _, ref := range refs {
		if name, ok := strings.CutPrefix(ref, "env:"); ok {
			names = append(names, name)
		}
	}
	return names
}

// noteQuoted notes which variables have quotation marks around their values.
func (l *Loaded) noteQuoted() {
	names := l.keyVariables()
	for _, v := range Variables() {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if value := l.env.or(name, ""); unquoted(value) != strings.TrimSpace(value) {
			l.Quoted = append(l.Quoted, name)
		}
	}
}

func (l *Loaded) valueOf(ref Ref) (string, error) {
	scheme, name, _ := strings.Cut(string(ref), ":")
	switch scheme {
	case "env":
		value, ok := l.env(name)
		if value = unquoted(value); !ok || value == "" {
			return "", missingKey("the environment variable %s is not set; set it, or store a key with `tandem keys set NAME` and write `keyring:NAME` instead of `env:%[1]s`", name)
		}
		return value, nil
	case "keyring":
		if l.keyring == nil {
			return "", fmt.Errorf("%s: no keyring is available", ref)
		}
		value, err := l.keyring.Get(name)
		if errors.Is(err, ErrNoKey) {
			return "", missingKey("there is no key %q yet; run `tandem keys set %s`", name, name)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", ref, err)
		}
		return value, nil
	default:
		return ReadKeyFile(name)
	}
}

// missing wraps ErrNoKey without its text.
type missing struct{ text string }

func missingKey(format string, args ...any) error { return &missing{fmt.Sprintf(format, args...)} }

func (m *missing) Error() string { return m.text }

// Is reports whether target is ErrNoKey.
func (m *missing) Is(target error) bool { return target == ErrNoKey }

// maxKeyFile is the most bytes a key's file may have.
const maxKeyFile = 64 << 10

// ReadKeyFile returns what the file holds. A file that others may read is
// refused, except on Windows, where file modes do not show it. The error wraps
// ErrNoKey when there is no such file, and shows nothing of its text.
func ReadKeyFile(path string) (string, error) {
	info, err := os.Stat(path) // first: opening what is not a file could wait for ever
	if err := checkKeyFile(path, info, err); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the key file %s cannot be read; check its permissions", path)
	}
	defer f.Close()
	info, err = f.Stat() // again: of what was opened
	if err := checkKeyFile(path, info, err); err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("the key file %s cannot be read", path)
	}
	return string(data), nil
}

func checkKeyFile(path string, info os.FileInfo, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return missingKey("there is no key file %s; write the key into it, or store one with `tandem keys set NAME` and write `keyring:NAME` instead of `file:%[1]s`", path)
	case err != nil:
		return fmt.Errorf("the key file %s cannot be read; check the permissions of its directories", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("the key file %s is not a regular file", path)
	case info.Size() > maxKeyFile:
		return fmt.Errorf("the key file %s is too large to be a key; is it the right file?", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may read the key file %s (mode %04o); run `chmod 600 %s`", path, info.Mode().Perm(), shellQuote(path))
	}
	return nil
}

// shellQuote quotes a path for a shell where it needs it.
func shellQuote(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
