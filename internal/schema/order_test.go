package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/schema"
)

// What is wrong is said in the order of the answer, each with its own place, and
// the same each time: the library walks over members as Go's maps do.
func TestProblemsAreInOrder(t *testing.T) {
	many := `"b":{"c":"x"},"d":{"c":"x"},"e":{"c":"x"},"f":{"c":"x"},"g":{"c":"x"},"h":{"c":"x"}`
	texts := `"additionalProperties":{"properties":{"c":{"type":"string"}}}`
	for name, tt := range map[string]struct {
		schema, answer string
		want           []string
	}{
		"a name": {
			`{"properties":{"m":{"propertyNames":{"pattern":"^[a-z]+$"}}},` + texts + `}`, `{` + many + `,"m":{"A":1,"z":2}}`,
			[]string{`/m: the name "A" is not allowed: expected a string that matches ^[a-z]+$, got "A"`},
		},
		"two names, in the order of the answer": {
			`{"properties":{"m":{"propertyNames":{"maxLength":1}}},` + texts + `}`, `{"m":{"zz":1,"aa":2},` + many + `}`,
			[]string{`/m: the name "zz" is not allowed: expected at most 1 characters, got 2`, `/m: the name "aa" is not allowed: expected at most 1 characters, got 2`},
		},
		"names in objects of a list": {
			`{"items":{"propertyNames":{"enum":["x"]},"additionalProperties":{"type":"object"}}}`, `[{"x":{}},{"y":{}},{"x":{},"z":{}}]`,
			[]string{`/1: the name "y" is not allowed: expected one of "x", got "y"`, `/2: the name "z" is not allowed: expected one of "x", got "z"`},
		},
		"a name by $ref, beside allOf": {
			`{"$defs":{"n":{"propertyNames":{"pattern":"^x"}}},"properties":{"a":{"properties":{"b":{"$ref":"#/$defs/n","allOf":[{"minProperties":3}]}}}},` + texts + `}`,
			`{` + many + `,"a":{"b":{"y":1}}}`,
			[]string{`/a/b: the name "y" is not allowed: expected a string that matches ^x, got "y"`, `/a/b: expected at least 3 properties, got 1`},
		},
		"a name ruled out": {
			`{"properties":{"m":{"propertyNames":false}}}`, `{"m":{"A":1}}`, []string{`/m: the name "A" is not allowed: is not allowed`},
		},
		"a schema that refers to names of another": {
			`{"properties":{"m":{"propertyNames":{"maxLength":1}},"n":{"$ref":"#/properties/m/propertyNames"}}}`, `{"n":"xx"}`, []string{`/n: expected at most 1 characters, got 2`},
		},
		"members": {
			`{"additionalProperties":{"type":"integer"}}`, `{"z":"1","a":"2","m":{"b":1},"c":3,"b":null}`,
			[]string{"/z: expected integer, got string", "/a: expected integer, got string", "/m: expected integer, got object", "/b: expected integer, got null"},
		},
		"members that are too many": {
			`{"properties":{"a":{}},"additionalProperties":false}`, `{"z":1,"y":2,"a":3,"x":4}`, []string{`/: the property "z", "y", "x" is not allowed`},
		},
		"members that need others": {
			`{"dependentRequired":{"a":["p"],"b":["q"],"c":["r"],"d":["s"]}}`, `{"d":1,"c":1,"b":1,"a":1}`,
			[]string{`/: with "d", the property "s" is required too`, `/: with "c", the property "r" is required too`, `/: with "b", the property "q" is required too`, `/: with "a", the property "p" is required too`},
		},
		"patterns of members": {
			`{"patternProperties":{"^a":{"minimum":5},"b$":{"multipleOf":2},"c":{"maximum":0}}}`, `{"acb":3}`,
			[]string{"/acb: expected at least 5, got 3", "/acb: expected a multiple of 2, got 3", "/acb: expected at most 0, got 3"},
		},
		"elements after ten": {
			`{"items":{"type":"string"}}`, `["",1,"","","","","","","","",2,3]`,
			[]string{"/1: expected string, got number", "/10: expected string, got number", "/11: expected string, got number"},
		},
		"the alternative that got furthest": {
			`{"properties":{"v":{"anyOf":[{"type":"string"},{"properties":{"b":{"type":"string"},"a":{"type":"string"}},"type":"object"}]}}}`, `{"v":{"b":1,"a":2}}`,
			[]string{"/v: matches none of the alternatives", "/v/b: expected string, got number", "/v/a: expected string, got number"},
		},
	} {
		s, err := schema.Compile([]byte(tt.schema))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for range 30 {
			if got := s.Check([]byte(tt.answer)); !slices.Equal(got, tt.want) {
				t.Errorf("%s:\n got %s\nwant %s", name, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
				break
			}
		}
	}
}

// A mistake in the schema of names has its place in the schema as it was given.
func TestMistakeInPropertyNames(t *testing.T) {
	_, err := schema.Compile([]byte(`{"properties":{"m":{"propertyNames":{"maxLength":-1}}}}`))
	if err == nil || !strings.HasPrefix(err.Error(), "the schema at /properties/m/propertyNames/maxLength: ") {
		t.Error(err)
	}
}

// Nulls of strict mode are dropped where they are, beside names that are wrong.
func TestNullsBesideWrongNames(t *testing.T) {
	s, err := schema.Compile([]byte(`{"properties":{"m":{"propertyNames":{"maxLength":1}},"n":{"properties":{"a":{"type":"string"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, ok := s.WithoutNulls([]byte(`{"m":{"b":null},"n":{"a":null}}`)); !ok || string(got) != `{"m":{"b":null},"n":{}}` {
			t.Fatalf("%s, %v", got, ok)
		}
		if got, ok := s.WithoutNulls([]byte(`{"m":{"bb":null},"n":{"a":null}}`)); ok {
			t.Fatalf("%s", got)
		}
	}
}

// What models write as text within arguments is read where the schema takes no
// text, and only there, and only if all then fits.
func TestUnquoted(t *testing.T) {
	for _, tt := range []struct{ schema, answer, want string }{
		{`{"properties":{"o":{"type":"object"}}}`, `{"o":"{\"a\": 1}"}`, `{"o":{"a":1}}`},
		{`{"properties":{"l":{"type":"array","items":{"type":"integer"}}}}`, `{"l":"[1, 2]"}`, `{"l":[1,2]}`},
		{`{"properties":{"l":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}}}}}}`, `{"l":"[{\"n\": \"3\"}]"}`, `{"l":[{"n":3}]}`},
		{`{"properties":{"l":{"type":"array","items":{"type":"object"}}}}`, `{"l":["{\"n\": 1}"]}`, `{"l":[{"n":1}]}`},
		{`{"properties":{"n":{"type":"integer"}}}`, `{"n":"5"}`, `{"n":5}`},
		{`{"properties":{"n":{"type":"integer"}}}`, `{"n":" 123456789012345678901234567890 "}`, `{"n":123456789012345678901234567890}`},
		{`{"properties":{"n":{"type":"number"}}}`, `{"n":"5"}`, `{"n":5}`},
		{`{"properties":{"n":{"type":"number"}}}`, `{"n":"2.50"}`, `{"n":2.50}`},
		{`{"properties":{"b":{"type":"boolean"}}}`, `{"b":"true"}`, `{"b":true}`},
		{`{"properties":{"l":{"anyOf":[{"type":"array"},{"type":"null"}]}}}`, `{"l":"[]"}`, `{"l":[]}`}, // pydantic's Optional[list]
		{`{"properties":{"l":{"anyOf":[{"type":"array"},{"type":"null"}]}}}`, `{"l":"null"}`, `{"l":null}`},
		{`{"properties":{"l":{"type":["array","null"]}}}`, `{"l":"[1]"}`, `{"l":[1]}`},
		{`{"$defs":{"p":{"type":"object","required":["x"]}},"properties":{"p":{"$ref":"#/$defs/p"}}}`, `{"p":"{\"x\":\"a\\nb\"}"}`, `{"p":{"x":"a\nb"}}`},
		{`{"properties":{"p":{"type":"object"},"s":{"type":"string"}}}`, `{"p":"{}","s":"{}"}`, `{"p":{},"s":"{}"}`},
		// None of these is unambiguous, or fits.
		{`{"properties":{"n":{"type":"integer"}}}`, `{"n":"5.5"}`, ""},
		{`{"properties":{"n":{"type":"integer"}}}`, `{"n":"five"}`, ""},
		{`{"properties":{"n":{"type":"integer"}}}`, `{"n":""}`, ""},
		{`{"properties":{"b":{"type":"boolean"}}}`, `{"b":"True"}`, ""},
		{`{"properties":{"b":{"type":"boolean"}}}`, `{"b":"1"}`, ""},
		{`{"properties":{"o":{"type":"object"}}}`, `{"o":"[]"}`, ""},
		{`{"properties":{"o":{"type":"object"}}}`, `{"o":"{'a': 1}"}`, ""},
		{`{"properties":{"o":{"type":"object","required":["x"]}}}`, `{"o":"{}"}`, ""},
		{`{"properties":{"o":{"type":"object"}}}`, `{"o":"{\"a\":1,\"a\":2}"}`, ""},
		{`{"properties":{"o":{"type":"object"},"n":{"minimum":3}}}`, `{"o":"{}","n":1}`, ""},
		{`{"properties":{"s":{"type":"string"}}}`, `{"s":5}`, ""},
	} {
		s, err := schema.Compile([]byte(tt.schema))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Unquoted([]byte(tt.answer)); string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("%s %s: %s, %v; want %s", tt.schema, tt.answer, got, ok, tt.want)
		}
	}
}
