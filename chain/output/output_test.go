package output_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/chain/output"
)

func TestNewRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    output.Options
		says string
	}{
		{"yaml", output.Options{}, `unknown parser "yaml"; the parsers are: bool, datetime, enum, json, list, markdown, numbered, regex, schema, text, xml`},
		{"json", output.Options{Values: []string{"a"}}, `has no option "values"`},
		{"enum", output.Options{}, "needs values"},
		{"enum", output.Options{Values: []string{"a", "a"}}, "appears twice"},
		{"bool", output.Options{True: "yes", False: "YES"}, "two different words"},
		{"datetime", output.Options{Layout: "%Q"}, "without a known directive"},
		{"datetime", output.Options{Layout: "%Y %Y"}, "%Y twice"},
		{"datetime", output.Options{Layout: "when?"}, "no time directive"},
		{"datetime", output.Options{Layout: "%"}, "without a known directive"},
		{"regex", output.Options{}, "needs a pattern"},
		{"regex", output.Options{Pattern: "(?=a)"}, "no lookaround"},
		{"regex", output.Options{Pattern: "(a)"}, "no named group"},
		{"regex", output.Options{Pattern: "(a)", Keys: []string{"a", "b"}}, "has 1 groups, and there are 2 keys"},
		{"regex", output.Options{Pattern: "(a)", Keys: []string{"a"}, Default: "b"}, "not one of its keys"},
		{"schema", output.Options{Schema: json.RawMessage(`{"type":"strin"}`)}, `got "strin"`},
	} {
		if _, err := output.New(tc.name, tc.o); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s %+v: %v; want %q", tc.name, tc.o, err, tc.says)
		}
	}
}

func TestTypesAreWhatParseMakes(t *testing.T) {
	for name, tc := range map[string]struct {
		o    output.Options
		text string
		typ  output.Type
		want any
	}{
		"text":     {text: " a ", typ: output.TypeText, want: " a "},
		"json":     {text: `[1]`, typ: output.TypeAny, want: []any{json.Number("1")}},
		"list":     {text: "a, b", typ: output.TypeList, want: []string{"a", "b"}},
		"numbered": {text: "1. a", typ: output.TypeList, want: []string{"a"}},
		"markdown": {text: "* a", typ: output.TypeList, want: []string{"a"}},
		"enum":     {output.Options{Values: []string{"a"}}, "a\n", output.TypeText, "a"},
		"bool":     {text: "Yes!", typ: output.TypeBool, want: true},
		"datetime": {output.Options{Layout: time.RFC3339}, "2024-02-29T01:02:03Z", output.TypeTime, time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)},
		"regex":    {output.Options{Pattern: `(?P<a>\d+)(?P<b>x)?`}, "is 12.", output.TypeMap, map[string]any{"a": "12", "b": ""}},
		"xml":      {text: "<a><b>1</b></a>", typ: output.TypeMap, want: map[string]any{"a": []any{map[string]any{"b": "1"}}}},
		"schema":   {output.Options{Schema: json.RawMessage(`{"type":"integer"}`)}, "```json\n3\n```", output.TypeAny, json.Number("3")},
	} {
		p, err := output.New(name, tc.o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Parse(tc.text)
		if err != nil || !reflect.DeepEqual(got, tc.want) || p.Type() != tc.typ || p.Name() != name {
			t.Errorf("%s: %#v of type %s, %v", name, got, p.Type(), err)
		}
		if p.Instructions() == "" && name != "text" {
			t.Errorf("%s has no instructions", name)
		}
	}
}

func TestThinkingIsNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want any
	}{
		"text": {"<think>\nHm.\n</think>\n\nHello\n", "Hello\n"},
		"list": {"<thinking>a, b</thinking>c, d", []string{"c", "d"}},
		"bool": {"<think>Yes? No.</think> NO", false},
		"xml":  {"<think>a</think>", map[string]any{"think": "a"}},
	} {
		p, err := output.New(name, output.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Parse(tc.text); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s of %q: %#v, %v", name, tc.text, got, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	p, err := output.New("schema", output.Options{Schema: json.RawMessage(`{"type":"object","properties":{"age":{"type":"integer"}},"required":["age"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"age":"x"}`:             "/age: expected integer, got string",
		`{}`:                      `the property "age" is missing`,
		"I do not know":           `expected JSON, found "I do not know"`,
		`{"age":`:                 "cut off",
		strings.Repeat("é", 1000): "…",
		"":                        "found nothing",
	} {
		_, err := p.Parse(text)
		var e *output.Error
		if !errors.As(err, &e) || e.Parser != "schema" || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tell the model") || len(err.Error()) > 500 {
			t.Errorf("%.20q: %v; want %q", text, err, want)
		}
	}
}

func TestEveryNameIsMade(t *testing.T) {
	names := output.Names()
	if !slices.IsSorted(names) || len(names) != 11 {
		t.Errorf("names %v", names)
	}
}

type person struct {
	Name  string   `json:"name" jsonschema:"the first name"`
	Age   int      `json:"age"`
	Email *string  `json:"email,omitempty"`
	Tags  []string `json:"tags,omitempty"`
}

func TestGoTypes(t *testing.T) {
	s, err := output.SchemaOf[person]()
	if err != nil || !strings.Contains(string(s.JSON), `"the first name"`) || !strings.Contains(string(s.JSON), `"required":["name","age"]`) {
		t.Fatalf("%s, %v", s.JSON, err)
	}
	got, err := output.Decode[person]("```json\n{\"name\":\"Ada\",\"age\":36}\n```")
	if err != nil || got.Name != "Ada" || got.Age != 36 || got.Email != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		`{"name":"Ada"}`:                            `"age" is missing`,
		`{"name":"Ada","age":36,"x":1}`:             `"x" is not allowed`,
		`{"name":"Ada","age":1.5}`:                  "/age: expected integer, got number",
		`{"name":"Ada","age":99999999999999999999}`: "cannot unmarshal",
		`{"name":"Ada"`:                             "cut off",
	} {
		if got, err := output.Decode[person](text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", text, got, err, want)
		}
	}
	if _, err := output.SchemaOf[func()](); err == nil {
		t.Error("a func has a schema")
	}
	if n, err := output.Decode[[]int]("[1, 2]"); err != nil || !slices.Equal(n, []int{1, 2}) {
		t.Errorf("%v, %v", n, err)
	}
}

func FuzzParsers(f *testing.F) {
	for _, s := range []string{"", "a, \"b\n", "1. a", "- a", `{"a":1}`, "```json\n[1", "<a><b/></a>", "2023-07-04T14:30:00.5Z", "YES no", "\xff", "<!DOCTYPE a>"} {
		f.Add(s)
	}
	var all []output.Parser
	for _, name := range output.Names() {
		o := map[string]output.Options{
			"enum": {Values: []string{"a"}}, "regex": {Pattern: "(?P<a>.)"}, "schema": {Schema: json.RawMessage(`{"type":["object","array","number"]}`)},
		}[name]
		p, err := output.New(name, o)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, p)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range all {
			v, err := p.Parse(text)
			var e *output.Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%s: %T", p.Name(), err)
			}
			if err != nil {
				continue
			}
			ok := p.Type() == output.TypeAny
			switch v := v.(type) {
			case string:
				ok = ok || p.Type() == output.TypeText
			case []string:
				ok = ok || p.Type() == output.TypeList && len(v) > 0
			case bool:
				ok = ok || p.Type() == output.TypeBool
			case time.Time:
				ok = ok || p.Type() == output.TypeTime
			case map[string]any:
				ok = ok || p.Type() == output.TypeMap
			}
			if !ok {
				t.Fatalf("%s made %#v, and says %s", p.Name(), v, p.Type())
			}
			if p.Name() == "json" {
				if _, err := json.Marshal(v); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func FuzzLayout(f *testing.F) {
	f.Add("%Y-%m-%d", "2023-07-04")
	f.Add("%d %b %y %I %p %z", "4 Jul 23 02 PM +0200")
	f.Add(time.RFC3339, "2024-02-29T01:02:03Z")
	f.Fuzz(func(t *testing.T, layout, text string) {
		p, err := output.Time(layout)
		if err != nil {
			return
		}
		if v, err := p.Parse(text); err == nil {
			if _, ok := v.(time.Time); !ok {
				t.Fatalf("%#v", v)
			}
		}
	})
}
