package schema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/schema"
)

// The required tests of the JSON Schema Test Suite, and the optional ones about
// regular expressions, lie in testdata/suite (MIT licence; commit 44401e0c0467
// of github.com/json-schema-org/JSON-Schema-Test-Suite). Its refRemote is left
// out, since all of it loads documents.

const (
	noObject = "a schema is a JSON object here"
	asserted = "format counts here"
	loads    = "it loads another document"
)

// excepted are the groups of tests that are decided otherwise, by file and
// description, or a whole file; with the reason.
var excepted = map[string]string{
	"draft2020-12/boolean_schema.json: boolean schema 'true'":                                             noObject,
	"draft2020-12/boolean_schema.json: boolean schema 'false'":                                            noObject,
	"draft2020-12/format.json":                                                                            asserted,
	"draft2020-12/dynamicRef.json: strict-tree schema, guards against misspelled properties":              loads,
	"draft2020-12/dynamicRef.json: tests for implementation dynamic anchor and reference link":            loads,
	"draft2020-12/dynamicRef.json: $ref and $dynamicAnchor are independent of order - $defs first":        loads,
	"draft2020-12/dynamicRef.json: $ref and $dynamicAnchor are independent of order - $ref first":         loads,
	"draft2020-12/dynamicRef.json: $ref to $dynamicRef finds detached $dynamicAnchor":                     loads,
	"draft2020-12/vocabulary.json: schema that uses custom metaschema with with no validation vocabulary": loads,
	"draft2020-12/vocabulary.json: ignore unrecognized optional vocabulary":                               loads,
	"draft7/boolean_schema.json: boolean schema 'true'":                                                   noObject,
	"draft7/boolean_schema.json: boolean schema 'false'":                                                  noObject,
}

type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func TestSuite(t *testing.T) {
	unused := map[string]bool{}
	for name := range excepted {
		unused[name] = true
	}
	for _, draft := range []struct {
		name, schema string
		right, wrong int
	}{
		{"draft2020-12", "https://json-schema.org/draft/2020-12/schema", 1301, 53},
		{"draft7", "http://json-schema.org/draft-07/schema#", 972, 18},
	} {
		right, wrong := 0, 0
		for file, groups := range suite(t, draft.name) {
			for _, g := range groups {
				s, err := schema.Compile(inDraft(g.Schema, draft.schema))
				for _, test := range g.Tests {
					if err == nil && (len(s.Check(test.Data)) == 0) == test.Valid {
						right++
						continue
					}
					wrong++
					name := file
					if excepted[name] == "" {
						name += ": " + g.Description
					}
					if excepted[name] == "" {
						t.Errorf("%s: %s: valid is %t; %v", name, test.Description, test.Valid, err)
					}
					delete(unused, name)
				}
			}
		}
		if right != draft.right || wrong != draft.wrong {
			t.Errorf("%s: %d right and %d not; want %d and %d", draft.name, right, wrong, draft.right, draft.wrong)
		}
	}
	for name := range unused {
		t.Errorf("%s: excepted, and all of it is right", name)
	}
}

// suite reads a draft's tests, by file.
func suite(t *testing.T, draft string) map[string][]suiteGroup {
	t.Helper()
	all := map[string][]suiteGroup{}
	for _, pattern := range []string{"/*.json", "/optional/*.json"} {
		files, err := filepath.Glob("testdata/suite/" + draft + pattern)
		if err != nil || len(files) == 0 {
			t.Fatal("no tests: ", pattern, err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var groups []suiteGroup
			if err := json.Unmarshal(data, &groups); err != nil {
				t.Fatal(path, err)
			}
			all[strings.TrimPrefix(filepath.ToSlash(path), "testdata/suite/")] = groups
		}
	}
	return all
}

// inDraft names the draft where the schema does not.
func inDraft(raw json.RawMessage, draft string) []byte {
	if raw[0] != '{' || strings.Contains(string(raw), `"$schema"`) {
		return raw
	}
	return append([]byte(`{"$schema":"`+draft+`",`), raw[1:]...)
}
