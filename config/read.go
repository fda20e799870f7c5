package config

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// reader is what reading a value may need to know of its surroundings.
type reader struct {
	provider string // whose field it is
	dir      string // relative paths start here
	home     string // and those with ~/ here
}

func readNumber(lo, hi float64) func(reader, yamlx.Map, string) any {
	return func(_ reader, m yamlx.Map, name string) any {
		if x := m.Float(name, lo, hi); x != nil {
			return *x
		}
		return nil
	}
}

func readSeed(_ reader, m yamlx.Map, name string) any {
	if n := m.Int(name, -1<<63); n != nil {
		return *n
	}
	return nil
}

func readCount(_ reader, m yamlx.Map, name string) any {
	n := m.Int(name, 1)
	if n == nil {
		return nil
	}
	if *n > 1<<31-1 {
		m.Fail(name, "expected a whole number below 2147483648, found "+strconv.FormatInt(*n, 10), "")
		return nil
	}
	return int(*n)
}

// readWindow reads num_ctx: tokens, or auto.
func readWindow(r reader, m yamlx.Map, name string) any {
	if n := m.Value(name); n.Kind == yaml.ScalarNode && n.Value == "auto" {
		return WindowAuto
	}
	return readCount(r, m, name)
}

// readMoney reads US dollars.
func readMoney(_ reader, m yamlx.Map, name string) any {
	if x := m.Float(name, 0, 1e6); x != nil {
		return *x
	}
	return nil
}

func readRetries(_ reader, m yamlx.Map, name string) any {
	n := m.Int(name, 0)
	if n == nil {
		return nil
	}
	if *n > 10 {
		m.Fail(name, "expected a number from 0 to 10, found "+strconv.FormatInt(*n, 10), "")
		return nil
	}
	return int(*n)
}

func readBool(_ reader, m yamlx.Map, name string) any {
	if b := m.Bool(name); b != nil {
		return *b
	}
	return nil
}

func readText(_ reader, m yamlx.Map, name string) any {
	s := m.String(name)
	if s != "" && strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	if m.Value(name).Kind == yaml.ScalarNode && m.Value(name).Tag != "!!null" {
		m.Fail(name, "expected one line of text, without control characters", "")
	}
	return nil
}

// isControl reports whether a character could make a line look like another:
// control characters, and the invisible ones that turn the direction of text.
func isControl(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

func readOneOf(words ...string) func(reader, yamlx.Map, string) any {
	return func(_ reader, m yamlx.Map, name string) any {
		if s := m.OneOf(name, words...); s != "" {
			return s
		}
		return nil
	}
}

func readTexts(_ reader, m yamlx.Map, name string) any {
	texts := m.Strings(name)
	for _, s := range texts {
		if s == "" {
			m.Fail(name, "a text here is empty", "remove it")
			return nil
		}
	}
	if texts == nil {
		return nil
	}
	return texts
}

func readNames(_ reader, m yamlx.Map, name string) any {
	names := m.Strings(name)
	if n := m.Value(name); len(names) == 0 && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		m.Fail(name, "no provider is named", "name a provider, such as `use: local`")
	}
	if len(names) == 0 {
		return nil
	}
	return names
}

func readNetworks(_ reader, m yamlx.Map, name string) any {
	networks := []netip.Prefix{}
	for _, s := range m.Strings(name) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			m.Fail(name, "expected networks such as 192.168.1.0/24, found "+diag.Quote(s), "")
			return nil
		}
		networks = append(networks, p.Masked())
	}
	return networks
}

func readDuration(_ reader, m yamlx.Map, name string) any {
	if d := m.Duration(name); d != nil {
		return Duration(*d)
	}
	return nil
}

// readIdle reads a duration above 0: a managed server that is never idle would
// never stop.
func readIdle(_ reader, m yamlx.Map, name string) any {
	d := m.Duration(name)
	if d == nil {
		return nil
	}
	if *d < time.Second {
		m.Fail(name, "expected at least 1s, found "+diag.Quote(m.Value(name).Value), "to keep Ollama running, start it yourself")
		return nil
	}
	return Duration(*d)
}

// readKeepAlive reads what Ollama reads: a duration, a number of seconds, 0
// for not at all, or any negative one for ever.
func readKeepAlive(_ reader, m yamlx.Map, name string) any {
	n := m.Value(name)
	if n.Kind == yaml.ScalarNode {
		if s, err := strconv.ParseInt(n.Value, 10, 32); err == nil {
			if s < 0 {
				return forever
			}
			return Duration(time.Duration(s) * time.Second)
		}
		if d, err := time.ParseDuration(n.Value); err == nil {
			return Duration(max(d, time.Duration(forever)))
		}
	}
	m.Fail(name, "expected a duration such as 5m, 0 (unload at once) or -1 (for ever), found "+diag.Quote(n.Value), "")
	return nil
}

func readOptions(_ reader, m yamlx.Map, name string) any {
	sub, ok := m.Map(name, "options", nil)
	if !ok {
		return nil
	}
	options := Options{}
	for _, k := range sub.Keys() {
		options[k] = yamlx.Plain(sub.Node(k))
	}
	return options
}

// readProgram reads a program's path; a bare name is looked for on PATH later.
func readProgram(r reader, m yamlx.Map, name string) any {
	s, ok := readText(r, m, name).(string)
	if !ok {
		return nil
	}
	if !strings.ContainsAny(s, `/\`) {
		return s
	}
	return r.path(s)
}

// path makes a path absolute: ~/ is the home directory, and a relative path
// starts where the file that names it is.
func (r reader) path(s string) string {
	if rest, ok := strings.CutPrefix(filepath.ToSlash(s), "~/"); ok {
		return filepath.Join(r.home, filepath.FromSlash(rest))
	}
	if filepath.IsAbs(s) {
		return filepath.Clean(s)
	}
	return filepath.Join(r.dir, s)
}

func readHost(_ reader, m yamlx.Map, name string) any {
	s, ok := readText(reader{}, m, name).(string)
	if !ok {
		return nil
	}
	if _, err := hostEndpoint(s); err != nil {
		m.Fail(name, err.Error(), "expected something like 127.0.0.1:11434")
		return nil
	}
	return s
}

func readBaseURL(_ reader, m yamlx.Map, name string) any {
	s, ok := readText(reader{}, m, name).(string)
	if !ok {
		return nil
	}
	u, err := parseBaseURL(s)
	if err == nil {
		err = checkCall(u)
	}
	if err != nil {
		failAddress(m, name, err, "expected something like https://api.openai.com/v1")
		return nil
	}
	return u
}

// failAddress records what is wrong with an address, with the remedy that is known
// for it, or else with another.
func failAddress(m yamlx.Map, name string, err error, remedy string) {
	message := err.Error()
	if known := new(diag.Error); errors.As(err, &known) {
		message, remedy = known.Message, known.Remedy
	}
	m.Fail(name, message, remedy)
}

func readRef(r reader, m yamlx.Map, name string) any {
	s := m.String(name)
	ref, ok := parseRef(s, r.path)
	if ok {
		return ref
	}
	who := r.provider
	if who == "" {
		who = "NAME"
	}
	m.Fail(name, "a key does not belong in a file",
		"run `tandem keys set "+who+"` and write api_key: keyring:"+who+" (or env:VARIABLE, or file:PATH)")
	return nil
}
