package schema_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/schema"
)

func compile(t testing.TB, raw string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile([]byte(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return s
}

func TestCompileRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		`[]`:                                 "it is not a JSON object",
		`{`:                                  "the JSON is incomplete",
		`{} {}`:                              "trailing data after the JSON",
		`{"a":1,"a":2}`:                      "/a appears twice",
		`{"type":"strin"}`:                   `got "strin"`,
		`{"type":"object","required":"a"}`:   "/required: expected array, got string",
		`{"$ref":"#/$defs/none"}`:            `"#/$defs/none" not found`,
		`{"items":{"$ref":"https://x.y/z"}}`: `at /items/$ref: "https://x.y/z": remote schemas are not loaded`,
		`{"$ref":"file:///etc/passwd"}`:      "remote schemas are not loaded",
		`{"$ref":"//x.y/z"}`:                 "remote schemas are not loaded",
		`{"$ref":"/etc/passwd"}`:             "remote schemas are not loaded",
		`{"$id":"https://x.y/z","$ref":"w"}`: `at /$ref: "w": remote schemas are not loaded`,
		`{"$ref":"urn:x:y"}`:                 `at /$ref: "urn:x:y": remote schemas are not loaded`,
		`{"const":{"$ref":"a"},"not":{"$ref":"a#/b"}}`:                      `at /not/$ref: "a#/b": remote schemas are not`,
		`{"$ref":"other.json"}`:                                             "remote schemas are not loaded",
		`{"$schema":"https://x.y/meta.json"}`:                               "remote schemas are not loaded",
		`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`: "more than 128 deep",
	} {
		_, err := schema.Compile([]byte(raw))
		var e *schema.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "the schema") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; want %q", raw, err, want)
		}
	}
	if _, err := schema.Compile(make([]byte, 300<<10)); err == nil {
		t.Error("a schema of 300 KiB is taken")
	}
	// What has an absolute name, and is there, is not loaded.
	compile(t, `{"$id":"https://x.y/z","$defs":{"a":{"$id":"b","type":"string"}},"$ref":"https://x.y/b"}`)
	// A property may be called what it likes.
	compile(t, `{"properties":{"$ref":{"type":"string"},"enum":{"type":"string"},"nullable":{"type":"boolean"}}}`)
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	const person = `{"type":"object","properties":{"name":{"type":"string","minLength":2},"age":{"type":"integer","minimum":0,"maximum":1000},
	  "kind":{"enum":["a","b"]},"on":{"format":"date"},"code":{"pattern":"^x+$"},"tags":{"type":"array","items":{"type":"string"},"maxItems":2,"uniqueItems":true},
	  "v":{"anyOf":[{"type":"integer"},{"type":"object","properties":{"w":{"type":"integer"}},"required":["w"]}]},"half":{"multipleOf":0.5}},"required":["name"],"additionalProperties":false}`
	s := compile(t, person)
	for answer, want := range map[string][]string{
		`{"name":"Ada","age":36,"kind":"a","on":"2024-02-29","code":"xx","tags":["t"],"v":{"w":1},"half":1.5}`: nil,
		`{"name":"Ada","age":"36"}`:         {"/age: expected integer, got string"},
		`{"name":"A"}`:                      {"/name: expected at least 2 characters, got 1"},
		`{"age":1001}`:                      {`/: the property "name" is missing`, "/age: expected at most 1000, got 1001"},
		`{"name":"Ada","kind":"c"}`:         {`/kind: expected one of "a", "b", got "c"`},
		`{"name":"Ada","on":"2023-02-29"}`:  {`/on: expected a date, got "2023-02-29"`},
		`{"name":"Ada","on":"<b>"}`:         {`/on: expected a date, got "<b>"`},
		`{"name":"Ada","code":"y"}`:         {`/code: expected a string that matches ^x+$, got "y"`},
		`{"name":"Ada","tags":["a","a"]}`:   {"/tags: elements 0 and 1 are the same"},
		`{"name":"Ada","tags":["a",1,"c"]}`: {"/tags: expected at most 2 elements, got 3", "/tags/1: expected string, got number"},
		`{"name":"Ada","x/y":1}`:            {`/: the property "x/y" is not allowed`},
		`{"name":"Ada","v":{"w":"1"}}`:      {"/v: matches none of the alternatives", "/v/w: expected integer, got string"},
		`{"name":"Ada","half":1.2}`:         {"/half: expected a multiple of 0.5, got 1.2"},
		`[]`:                                {"/: expected object, got array"},
		`{"name":"Ada"`:                     {"the JSON is incomplete"},
		`{"name":"Ada","name":"Bo"}`:        {"/name appears twice"},
	} {
		got := s.Check([]byte(answer))
		for _, w := range want {
			if !contains(got, w) {
				t.Errorf("%s: %q; want %q", answer, got, w)
			}
		}
		if (len(got) == 0) != (len(want) == 0) {
			t.Errorf("%s: %q", answer, got)
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func TestProblemsAreBounded(t *testing.T) {
	s := compile(t, `{"type":"array","items":{"type":"integer"}}`)
	got := s.Check([]byte("[" + strings.Repeat(`"x",`, 5000) + `"y"]`))
	if len(got) != 9 || got[8] != "and 4993 more" {
		t.Errorf("%d problems, the last %q", len(got), got[len(got)-1])
	}
	s = compile(t, `{"enum":["a"]}`)
	long, _ := json.Marshal(strings.Repeat("é", 100_000))
	if got := s.Check(long); len(got) != 1 || len(got[0]) > 500 {
		t.Errorf("%d bytes", len(got[0]))
	}
}

// lowered is what grammars get: each line a schema, and the same lowered.
func TestLower(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"plain":                 {`{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"}},"required":["b"]}`, `{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"}},"required":["b"]}`},
		"annotations":           {`{"title":"t","type":"string","description":"d","default":"x"}`, `{"type":"string","description":"d"}`},
		"const":                 {`{"const":{"a":1}}`, `{"enum":[{"a":1}]}`},
		"enum by type":          {`{"type":"string","enum":["a",1]}`, `{"enum":["a"]}`},
		"enum and not":          {`{"enum":["a","b"],"not":{"const":"a"}}`, `{"enum":["b"]}`},
		"nullable":              {`{"type":"string","enum":["a"],"nullable":true}`, `{"enum":["a",null]}`},
		"nullable $ref":         {`{"$defs":{"a":{"const":1}},"$ref":"#/$defs/a","nullable":true}`, `{"anyOf":[{"enum":[1]},{"type":"null"}]}`},
		"nullable anyOf":        {`{"anyOf":[{"type":"string"},{"type":"boolean"}],"nullable":true,"description":"d"}`, `{"anyOf":[{"anyOf":[{"type":"string"},{"type":"boolean"}],"description":"d"},{"type":"null"}]}`},
		"anything":              {`{}`, `{"type":["string","number","boolean","object","array","null"]}`},
		"a $ref":                {`{"$defs":{"a":{"type":"boolean"}},"$ref":"#/$defs/a"}`, `{"type":"boolean"}`},
		"a $ref, escaped":       {`{"$defs":{"a/b c":{"type":"boolean"}},"$ref":"#/$defs/a~1b%20c"}`, `{"type":"boolean"}`},
		"a $ref and more":       {`{"$defs":{"a":{"type":"integer","minimum":1}},"$ref":"#/$defs/a","maximum":5}`, `{"type":"integer","minimum":1,"maximum":5}`},
		"oneOf":                 {`{"oneOf":[{"type":"string"},{"type":"null"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`},
		"anyOf over properties": {`{"type":"object","properties":{"a":{"type":"string"}},"anyOf":[{"required":["a"]},{"properties":{"b":{"const":1}},"required":["b"]}]}`, `{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"type":"object","properties":{"a":{"type":"string"},"b":{"enum":[1]}},"required":["b"]}]}`},
		"allOf":                 {`{"allOf":[{"type":"object","properties":{"a":{"type":"number"}}},{"properties":{"a":{"type":"integer","minimum":0.5}},"required":["a"]}]}`, `{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]}`},
		"allOf of enums":        {`{"allOf":[{"enum":[1,2,3]},{"enum":[3,2]},{"type":"integer"}]}`, `{"enum":[2,3]}`},
		"an alternative less":   {`{"type":"string","anyOf":[{"type":"integer"},{"maxLength":3}]}`, `{"type":"string","maxLength":3}`},
		"required only":         {`{"type":"object","required":["a"],"additionalProperties":{"type":"boolean"}}`, `{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],"additionalProperties":{"type":"boolean"}}`},
		"false":                 {`{"type":"object","properties":{"a":false,"b":true}}`, `{"type":"object","properties":{"b":{"type":["string","number","boolean","object","array","null"]}}}`},
		"a $ref as a name":      {`{"type":"object","properties":{"$ref":{"type":"string"}}}`, `{"type":"object"}`},
		"tuple":                 {`{"type":"array","prefixItems":[{"type":"string"},{"type":"boolean"}],"maxItems":1}`, `{"type":"array","prefixItems":[{"type":"string"}]}`},
		"bounds too large":      {`{"type":"array","items":{"type":"string","minLength":5000},"maxItems":100000}`, `{"type":"array","items":{"type":"string"}}`},
		"contains":              {`{"type":"array","contains":{"const":7}}`, `{"type":"array","items":{"enum":[7]},"minItems":1}`},
		"integers":              {`{"type":"integer","exclusiveMinimum":-1,"maximum":5.5}`, `{"type":"integer","minimum":0,"maximum":5}`},
		"pattern":               {`{"type":"string","pattern":"^\\d{2}(a|b.)+$"}`, `{"type":"string","pattern":"^[0-9]{2}(((a|b[\\x20-\\x21\\x23-\\x5B\\x5D-\\x7E -퟿])))+$"}`},
		"recursive": {
			`{"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}`,
			`{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}`,
		},
	} {
		got, err := compile(t, tc.raw).Lower()
		if err != nil || string(got) != tc.want {
			t.Errorf("%s:\n%s\n%v; want\n%s", name, got, err, tc.want)
		}
		if err == nil {
			compile(t, string(got)) // it is a schema itself
		}
	}
	for raw, want := range map[string]string{
		`{"$ref":"#"}`: "refers only to itself",
		`{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}`: "refers only to itself",
		`{"allOf":[{"type":"string"},{"type":"null"}]}`:                                                "no answer can match it",
		`{"type":"object","properties":{"a":false},"required":["a"]}`:                                  "no answer can match it",
		blowUp(): "too large",
	} {
		if got, err := compile(t, raw).Lower(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %.60s, %v; want %q", raw, got, err, want)
		}
	}
}

// blowUp doubles with each of its references.
func blowUp() string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for i := range 30 {
		n, next := string(rune('0'+i/10))+string(rune('0'+i%10)), i+1
		m := string(rune('0'+next/10)) + string(rune('0'+next%10))
		b.WriteString(`"a` + n + `":{"type":"object","properties":{"x":{"$ref":"#/$defs/a` + m + `"},"y":{"$ref":"#/$defs/a` + m + `"}}},`)
	}
	return strings.Replace(b.String(), "/a0\"", "/a00\"", 1) + `"a30":{"type":"string"}}}`
}

func TestStrict(t *testing.T) {
	got, err := compile(t, `{"type":"object","properties":{"a":{"type":"string","minLength":3},"b":{"enum":["x"]},"c":{"type":"object","properties":{"d":{"type":"integer"}}},"e":{"anyOf":[{"type":"string"},{"type":"integer"}]}},"required":["a"]}`).Strict()
	want := `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":["string","null"],"enum":["x",null]},"c":{"type":["object","null"],"properties":{"d":{"type":["integer","null"]}},"required":["d"],"additionalProperties":false},"e":{"anyOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}},"required":["a","b","c","e"],"additionalProperties":false}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want\n%s", got, err, want)
	}
	for raw, says := range map[string]string{
		`{"type":"array","items":{"type":"string"}}`:                                                           "an object as the answer",
		`{"type":"object","properties":{"m":{"type":"object"}}}`:                                               "unlisted properties",
		`{"type":"object","properties":{"m":{}}}`:                                                              "a type for everything",
		`{"type":"object","properties":{"l":{"type":"array"}}}`:                                                "one schema for all items",
		`{"type":"object","properties":{"l":{"prefixItems":[{"type":"string"}]}}}`:                             "one schema for all items",
		`{"anyOf":[{"type":"object","properties":{}},{"type":"object","properties":{"a":{"type":"string"}}}]}`: "an object as the answer",
	} {
		if got, err := compile(t, raw).Strict(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %s, %v; want %q", raw, got, err, says)
		}
	}
}

func TestWithoutNulls(t *testing.T) {
	s := compile(t, `{"type":"object","properties":{"a":{"type":"string"},"n":{"type":["string","null"]},"l":{"type":"array","items":{"type":"object","properties":{"x":{"type":"integer"}}}}},"required":["n"]}`)
	for answer, want := range map[string]string{
		`{"a":null,"n":null,"l":[{"x":null},{"x":1.0}]}`: `{"n":null,"l":[{},{"x":1.0}]}`,
		`{"n":"x"}`: `{"n":"x"}`,
	} {
		if got, ok := s.WithoutNulls([]byte(answer)); !ok || string(got) != want {
			t.Errorf("%s: %s, %v", answer, got, ok)
		}
	}
	for _, answer := range []string{`{"a":null}`, `{"n":1,"a":null}`, `{"l":[null],"n":null}`, `null`, `{`} {
		if got, ok := s.WithoutNulls([]byte(answer)); ok {
			t.Errorf("%s: %s", answer, got)
		}
	}
}

func TestForGoTypes(t *testing.T) {
	raw, err := schema.For(reflect.TypeFor[struct {
		B string `json:"b"`
		A []int  `json:"a,omitempty"`
	}]())
	if err != nil || !strings.Contains(string(raw), `"required":["b"]`) {
		t.Fatalf("%s, %v", raw, err)
	}
	if p := compile(t, string(raw)).Check([]byte(`{"b":"x","a":[1]}`)); p != nil {
		t.Error(p)
	}
}

func TestLongestIsNoLessThanWhatIsSent(t *testing.T) {
	const raw = `{"$defs":{"p":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}},"type":"object","properties":{"x":{"$ref":"#/$defs/p"},"y":{"$ref":"#/$defs/p"},"z":{"$ref":"#/$defs/p"}}}`
	s := compile(t, raw)
	low, _ := s.Lower()
	strict, _ := s.Strict()
	if n := schema.Longest([]byte(raw)); n < len(low) || n < len(strict) || n < len(schema.Shown(s.Text())) {
		t.Errorf("%d; lowered %d, strict %d", n, len(low), len(strict))
	}
}

func TestCacheKeepsTheLast(t *testing.T) {
	var c schema.Cache
	one, err := c.Compile([]byte(`{"type":"string"}`))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Compile([]byte(`{"type":"string"}`)); again != one {
		t.Error("it was compiled again")
	}
	for i := range 100 {
		if _, err := c.Compile([]byte(`{"maxLength":` + string(rune('1'+i/50)) + strings.Repeat("0", i%10) + strings.Repeat("1", i%5) + `}`)); err != nil {
			t.Fatal(err)
		}
	}
	if again, _ := c.Compile([]byte(`{"type":"string"}`)); reflect.DeepEqual(again, nil) {
		t.Error("it is gone")
	}
}

// FuzzSchema compiles and lowers what it is given: what comes out is a schema
// itself, and takes no more time than a schema may.
func FuzzSchema(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"$ref":"#"}`, `{"type":["string","null"],"pattern":"^a+$"}`, `{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#"},true]}}}`,
		`{"prefixItems":[false],"items":{"const":1},"minItems":3}`, `{"properties":{"a":{"nullable":true,"type":"object"}},"required":["b"],"oneOf":[{},{}]}`,
		`{"type":"integer","minimum":1e300,"maximum":-0.5}`, `{"enum":[1,1.0,"1",null],"not":{"enum":[1]}}`,
	} {
		f.Add([]byte(s), []byte(`{"a":null}`))
	}
	f.Fuzz(func(t *testing.T, raw, answer []byte) {
		s, err := schema.Compile(raw)
		if err != nil {
			return
		}
		for _, form := range []func() ([]byte, error){s.Lower, s.Strict} {
			out, err := form()
			if err != nil {
				continue
			}
			if _, err := schema.Compile(out); err != nil {
				t.Fatalf("%s became %s: %v", raw, out, err)
			}
		}
		problems := s.Check(answer)
		if out, ok := s.WithoutNulls(answer); ok && s.Check(out) != nil {
			t.Fatalf("%s without nulls is %s: %v", answer, out, s.Check(out))
		}
		for _, p := range problems {
			if len(p) > 4*200+8 {
				t.Fatalf("a problem of %d bytes", len(p))
			}
		}
	})
}
