package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/diag"
)

func FuzzRows(f *testing.F) {
	for _, ext := range []string{"csv", "tsv", "jsonl", "json"} {
		for _, text := range []string{"a,b\n1,2\n", "\ufeffa\n\"x\ny\"\n", "a\n\"", "{\"a\": 1}\n\n[2]\n", "[{\"a\": 1e999}, 3]", "a;b", "é\"x,", "", "{", "[1] 2"} {
			f.Add(ext, text)
		}
	}
	f.Fuzz(func(t *testing.T, ext, text string) {
		for _, objects := range []bool{true, false} {
			rows, err := parseRows("f."+ext, text, objects)
			if err != nil {
				if at := new(diag.Error); !errors.As(err, &at) || at.File != "f."+ext || at.Message == "" || at.Line < 0 || at.Line > 2+strings.Count(text, "\n") {
					t.Fatalf("%T %v has no place", err, err)
				}
				continue
			}
			if objects && len(rows.rows) == 0 {
				t.Fatal("no rows, and no error")
			}
			for _, r := range rows.rows {
				values, isObject := r.value.(map[string]any)
				if objects && !isObject {
					t.Fatalf("the row %v is no object", r.value)
				}
				if ext == "csv" && len(values) != len(rows.columns) {
					t.Fatalf("the row %v has other columns than %q", values, rows.columns)
				}
			}
		}
	})
}

// A byte order mark, quotes and line ends of every kind.
func TestRowsOfTables(t *testing.T) {
	for _, tt := range []struct{ name, file, text, column, want string }{
		{"byte order mark", "a.csv", "\ufeffa,b\n1,2\n", "a", "1"},
		{"windows", "a.csv", "a,b\r\n1,2\r\n", "b", "2"},
		{"no newline at the end", "a.csv", "a,b\n1,2", "b", "2"},
		{"quotes, a comma and a line end", "a.csv", "a,b\n\"x, \"\"y\"\"\nz\",2\n", "a", "x, \"y\"\nz"},
		{"spaces around a column's name", "a.csv", "a , b\n1,2\n", "b", "2"},
		{"tabs", "a.TSV", "a\tb\n1,5\t2\n", "a", "1,5"},
		{"an empty cell", "a.csv", "a,b\n,2\n", "a", ""},
	} {
		rows, err := parseRows(tt.file, tt.text, true)
		if err != nil || len(rows.rows) != 1 {
			t.Errorf("%s: %v, %v", tt.name, rows, err)
			continue
		}
		if got := rows.rows[0].value.(map[string]any)[tt.column]; got != tt.want {
			t.Errorf("%s: %s is %q, want %q", tt.name, tt.column, got, tt.want)
		}
	}
}
