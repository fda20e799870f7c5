package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// secrets are as people have them.
func secrets() map[string]string {
	return map[string]string{
		"a usual key":      "sk-canary-" + strings.Repeat("A1b2C3d4", 4),
		"a password":       "gw&" + strings.Repeat("aB3<dE5", 5),
		"with quotes":      `pa"ss'wo\rd/12%34`,
		"150 characters":   "gw_" + strings.Repeat("bcdEfgHijklmno9Z", 9),
		"eight":            "k3y!<&>x",
		"not ASCII":        "pässwörd-😀-42",
		"with spaces":      "correct horse battery 42",
		"base64 by itself": "q83vEjRWeJq83vEjRWeJq83vEjRWeA==",
		"a URL":            "https://hooks.example/T0/B1/xYz123456789",
	}
}

// escapers are the ways in which a text may come to be written.
func escapers() map[string]func(string) string {
	all := func(format func(rune) string) func(string) string {
		return func(s string) string {
			var out strings.Builder
			for _, r := range s {
				out.WriteString(format(r))
			}
			return out.String()
		}
	}
	bytewise := func(format string) func(string) string {
		return func(s string) string {
			var out strings.Builder
			for i := range len(s) {
				fmt.Fprintf(&out, format, s[i])
			}
			return out.String()
		}
	}
	return map[string]func(string) string{
		"as it is":          func(s string) string { return s },
		"upper case":        strings.ToUpper,
		"JSON":              func(s string) string { b, _ := json.Marshal(s); return string(b) },
		"JSON with slashes": func(s string) string { return strings.ReplaceAll(string(quote(s)), "/", `\/`) },
		"JSON, all escaped": all(func(r rune) string {
			if a, b := utf16.EncodeRune(r); a != 0xfffd {
				return fmt.Sprintf(`\u%04x\u%04X`, a, b)
			}
			return fmt.Sprintf(`\u%04X`, r)
		}),
		"Go":                 func(s string) string { return fmt.Sprintf("%q", s) },
		"Go, ASCII":          func(s string) string { return fmt.Sprintf("%+q", s) },
		"a URL's query":      url.QueryEscape,
		"a URL's path":       url.PathEscape,
		"URL, all escaped":   bytewise("%%%02x"),
		"hex escapes":        bytewise(`\x%02x`),
		"octal escapes":      bytewise(`\%03o`),
		"HTML":               html.EscapeString,
		"HTML, decimal":      all(func(r rune) string { return fmt.Sprintf("&#%d;", r) }),
		"HTML, hexadecimal":  all(func(r rune) string { return fmt.Sprintf("&#x%X;", r) }),
		"a shell":            func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
		"a shell, otherwise": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" },
		"YAML":               func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" },
		"base64":             func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 of a URL":    func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
		"basic, a":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte("a:" + s)) },
		"basic, ab":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte("ab:" + s + ":c")) },
		"basic, abc":         func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte("abc:" + s + "de")) },
		"hex":                func(s string) string { return hex.EncodeToString([]byte(s)) },
		"hex, upper case":    func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	}
}

// A secret is found in every form, and in every form of that form; what
// surrounds it stays.
func TestEveryForm(t *testing.T) {
	for what, secret := range secrets() {
		r := &Redactor{}
		r.Add(secret, "another-secret-0123456789")
		for inner, in := range escapers() {
			if what == "not ASCII" && inner == "upper case" {
				continue // a name's letters beyond ASCII are no key's
			}
			for outer, out := range escapers() {
				if strings.HasPrefix(outer, "bas") || outer == "hex" || outer == "hex, upper case" || outer == "upper case" {
					continue // what is escaped and then encoded is not looked for
				}
				text := out("before " + in(secret) + " after")
				clean := r.Text(text)
				if !strings.Contains(clean, Mask) || len(clean) > len(Mask)+len(out("before \"'"))+len(out("'\" after"))+1 {
					t.Errorf("%s: %s in %s: %s\nbecame %s", what, inner, outer, text, clean)
				}
			}
		}
	}
}

// What is left of a secret in a text that was cut is found, from 8 characters on.
func TestParts(t *testing.T) {
	for what, secret := range secrets() {
		r := &Redactor{}
		r.Add(secret)
		least := partOf(lower(secret))
		for n := least; n < len(secret); n++ {
			for _, text := range []string{"it is " + secret[:n], "it is " + secret[:n] + "… no", "it is " + secret[:n] + "... no", "it is " + secret[:n] + "***"} {
				if clean := r.Text(text); strings.Contains(lower(clean), lower(secret[:least])) {
					t.Errorf("%s: %q became %q", what, text, clean)
				}
			}
			for _, text := range []string{secret[len(secret)-n:] + " it is", "…" + secret[len(secret)-n:] + " it is"} {
				if clean := r.Text(text); n >= Shortest && strings.Contains(clean, secret[len(secret)-n:]) {
					t.Errorf("%s: %q became %q", what, text, clean)
				}
			}
		}
	}
}

// A program may write a key in pieces, with anything between them.
func TestPartsBetweenOtherText(t *testing.T) {
	for _, secret := range []string{"mcptok-ZyXwVuTsRqPoNm0987654321", "sk-canary-" + strings.Repeat("A1b2C3d4", 4), "ghx_0123456789abcdef0123456789abcdef", "QwErTyUiOpAsDfGhJkLz"} {
		r := &Redactor{}
		r.Add(secret)
		for size := 9; size <= 20; size++ {
			for _, between := range []string{"\n", " part ", "\" + \"", "</b><b>", ", "} {
				var pieces []string
				for rest := secret; rest != ""; {
					n := min(size, len(rest))
					pieces, rest = append(pieces, rest[:n]), rest[n:]
				}
				clean := r.Text("a" + between + strings.Join(pieces, between) + between + "z")
				for _, p := range pieces {
					if len(p) > Shortest && strings.Contains(clean, p) {
						t.Errorf("%q is left in %q", p, clean)
					}
				}
			}
		}
	}
	r := &Redactor{}
	r.Add("correct-horse-battery-staple-42", "my-localhost-password-gpt-4o-mini", "https://s3.hooks.example:8443/services/xYz123456789")
	for _, text := range []string{
		"a horse-battery", "localhost-password", "ask gpt-4o-mini", "see s3.hooks.example:8443/services/ for it", "20261128", "HORSE-BATTERY",
	} {
		text = "now " + text + " then"
		if clean := r.Text(text); clean != text {
			t.Errorf("%q became %q", text, clean)
		}
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	r := &Redactor{}
	r.Add("password1234", "test", "", "  ", "https://hooks.example/T0/B1/xYz123456789", "sk-canary-1234567890")
	for _, text := range []string{
		"", "test", "the password is wrong", "https://example.org/hooks", `{"a":"\u00e9\n","b":"50%25 &amp; more"}`, "C:\\new\\x", "%zz &nothing; \\u12 \\",
		"A risk-averse task-oriented-scheduler, bearer of news; commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b.",
		strings.Repeat("a plain text, and so on; ", 100_000),
	} {
		if clean := r.Text(text); clean != text {
			t.Errorf("%.100q became %.100q", text, clean)
		}
		if r.Knows(text) {
			t.Errorf("%.100q is known", text)
		}
	}
	var none *Redactor
	if none.Text("it is fine") != "it is fine" || none.Knows("sk-aaaaaaaaaaaaaaaaaaaa") {
		t.Error("a redactor that knows nothing finds something")
	}
	if none.Text("it is sk-aaaaaaaaaaaaaaaaaaaa") != "it is "+Mask {
		t.Error("a key's form is not found")
	}
}

// A secret is found wherever it stands in a long text, however it is escaped.
func TestLongTexts(t *testing.T) {
	secret := "gw&" + strings.Repeat("aB3<dE5", 5)
	r := &Redactor{}
	r.Add(secret)
	over := 12*r.compiled().longest + 64
	for _, form := range []string{secret, strings.ReplaceAll(secret, "<", `\u003c`), url.QueryEscape(url.QueryEscape(secret))} {
		for _, at := range []int{window - 400, window - len(form), window - 20, window - 1, window, window + 1, window + over - len(form), window + over - 3, 2*window - 7} {
			for _, fill := range []string{"x", "%", "\\"} {
				text := strings.Repeat(fill, at) + " " + form + " " + strings.Repeat("y", 300)
				clean := r.Text(text)
				if want := strings.Repeat(fill, at) + " " + Mask + " " + strings.Repeat("y", 300); clean != want {
					t.Errorf("%s at %d after %q was not found", form, at, fill)
				}
			}
		}
	}
}

// A secret that lies over pieces is found, and the pieces stay as many.
func TestPieces(t *testing.T) {
	secret := "gw&" + strings.Repeat("aB3<dE5", 5)
	r := &Redactor{}
	r.Add(secret)
	text := "before " + string(quote(secret)) + " after"
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	for range 200 {
		var pieces []*string
		for rest := text; rest != ""; {
			n := min(1+random.IntN(9), len(rest))
			piece := rest[:n]
			pieces, rest = append(pieces, &piece), rest[n:]
		}
		r.Pieces(pieces, nil)
		joined := ""
		for _, p := range pieces {
			joined += *p
		}
		if joined != `before "`+Mask+`" after` {
			t.Fatalf("%q", joined)
		}
	}
}

// JSON stays JSON, and says the same but for the secret.
func TestJSON(t *testing.T) {
	for what, secret := range secrets() {
		r := &Redactor{}
		r.Add(secret)
		value := map[string]any{"n": 12.5, "list": []any{"a", secret, "x" + secret + "y"}, secret: true, "deep": map[string]any{"json": string(quote(secret))}}
		for name, encode := range map[string]func(any) []byte{
			"escaped": func(v any) []byte { b, _ := json.Marshal(v); return b },
			"plain": func(v any) []byte {
				var b bytes.Buffer
				e := json.NewEncoder(&b)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				_ = e.Encode(v)
				return b.Bytes()
			},
		} {
			data := encode(value)
			clean := r.JSON(data)
			var got map[string]any
			if err := json.Unmarshal(clean, &got); err != nil {
				t.Fatalf("%s, %s: %v in %s", what, name, err, clean)
			}
			if got["n"] != 12.5 || got[Mask] != true || fmt.Sprint(got["list"]) != fmt.Sprintf("[a %s x%[1]sy]", Mask) || r.Knows(string(clean)) {
				t.Errorf("%s, %s: %s", what, name, clean)
			}
		}
	}
	r := &Redactor{}
	r.Add("1234567890", `"},"x":{"`)
	for in, want := range map[string]string{
		`{"n":1234567890, "m": -1.5e3}`:     `{"n":"[redacted]", "m": -1.5e3}`,
		`{"a":{"b":"c"},"x":{"d":"e"}}`:     `{"a":{"b":"c"},"x":{"d":"e"}}`, // looks like one, and is none
		`{"a" : "1234567890\n"}`:            `{"a" : "[redacted]\n"}`,
		`{"a":"12345`:                       `"{\"a\":\"12345"`,
		`{"a":1234567890`:                   `"{\"a\":[redacted]"`,
		`[]`:                                `[]`,
		``:                                  ``,
		`"sk-aaaaaaaaaaaaaaaaaaaaaa\u002e"`: `"[redacted]."`,
	} {
		if got := string(r.JSON([]byte(in))); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	r := &Redactor{}
	r.Add("canary-0123456789")
	cause := errors.New("no")
	if err := r.Error(fmt.Errorf("canary-0123456789: %w", cause)); err.Error() != Mask+": no" || !errors.Is(err, cause) {
		t.Error(err)
	}
	if r.Error(cause) != cause || r.Error(nil) != nil {
		t.Error("an error without a secret is another one")
	}
	var out bytes.Buffer
	text := "it is canary-0123456789\n"
	if n, err := r.Writer(&out).Write([]byte(text)); n != len(text) || err != nil || out.String() != "it is "+Mask+"\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}

// The environment's credentials are known, and nothing else of it.
func TestEnviron(t *testing.T) {
	r := &Redactor{}
	dir := t.TempDir()
	r.AddEnviron([]string{
		"HTTPS_PROXY=http://ada:pr%26xy-p4ssword@proxy.example:3128", "http_proxy=tokentoken1@proxy.example",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-team=blue, authorization=Bearer%20otlp-t0ken-123,cookie=" + "c00kie-value-1",
		"SOME_API_KEY=s0me-api-key-1", "GOOGLE_APPLICATION_CREDENTIALS=" + dir, "HOME=" + dir, "USER=adalovelace1", "EMPTY_KEY=",
		"GIT_AUTHORIZATION_TOKEN=Basic " + base64.StdEncoding.EncodeToString([]byte("ada:basic-passw0rd")),
	})
	for _, secret := range []string{"pr&xy-p4ssword", "pr%26xy-p4ssword", "tokentoken1", "otlp-t0ken-123", "c00kie-value-1", "s0me-api-key-1", "basic-passw0rd"} {
		if got := r.Text("it is " + secret + "."); got != "it is "+Mask+"." {
			t.Errorf("%q", got)
		}
	}
	for _, text := range []string{dir, "adalovelace1", "proxy.example:3128", "x-team=blue"} {
		if r.Text(text) != text {
			t.Errorf("%q is gone", text)
		}
	}
}

// FuzzText: nothing that was told comes through, the text around it stays, and
// JSON stays JSON.
func FuzzText(f *testing.F) {
	for _, s := range secrets() {
		f.Add("a", s, "b")
		f.Add(`\u`, s, `"`)
		f.Add("%", s, "41")
	}
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		r := &Redactor{}
		r.Add(secret)
		secret = strings.TrimSpace(secret)
		if len(secret) < Shortest || strings.Contains(Mask, secret) {
			return
		}
		text := before + secret + after
		clean := r.Text(text)
		if !strings.Contains(clean, Mask) {
			t.Errorf("%q became %q", text, clean)
		}
		data := quote(text)
		if !utf8.ValidString(text) {
			return // JSON cannot say it
		}
		if got := r.JSON(data); !json.Valid(got) || !bytes.Contains(got, []byte(Mask)) {
			t.Errorf("%s became %s", data, got)
		}
	})
}

func BenchmarkText(b *testing.B) {
	r := &Redactor{}
	r.Add("sk-canary-"+strings.Repeat("A1b2C3d4", 4), "gw&"+strings.Repeat("aB3<dE5", 5), "another-secret-0123456789")
	for name, text := range map[string]string{
		"an error": "the server said: the model is not there",
		"prose":    strings.Repeat("A plain text of a model's, which says this and that. ", 20_000),
		"code":     strings.Repeat(`fmt.Printf("%d\n", a && b) // https://example.org?a=%20`+"\n", 20_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}
