package check

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Inline is the checks of a command line: flags by their names, each with its
// values.
type Inline struct {
	ExpectColumn string // equals
	Equals       string
	Contains     []string
	Regex        []string
	Expr         []string
	SchemaFile   string
	Judge        string // rubric
	Prefer       string // rubric
}

// Empty reports whether there are none.
func (in *Inline) Empty() bool {
	return in.ExpectColumn == "" && in.Equals == "" && len(in.Contains) == 0 && len(in.Regex) == 0 && len(in.Expr) == 0 && in.SchemaFile == "" && in.Judge == "" && in.Prefer == ""
}

// Compile adds the checks of flags to a set; nil: to a new one.
func (in *Inline) Compile(set *Set, o Options) (*Set, error) {
	if set == nil {
		set = &Set{Mode: All}
	}
	add := func(flag, kind string, value any) error {
		entry := map[string]any{kind: value}
		text := textOf(map[string]any{"checks": []any{entry}})
		made, err := Parse(flag, []byte(text), o)
		if err != nil {
			return flagError(flag, err)
		}
		var names []string
		for _, c := range set.Checks {
			names = append(names, c.Name)
		}
		c := made.Checks[0]
		c.Line, c.Column, c.Name = 0, 0, uniqueName(c.Name, names)
		set.Checks = append(set.Checks, c)
		return nil
	}
	type entry struct {
		flag, kind string
		value      any
	}
	var all []entry
	if in.ExpectColumn != "" {
		all = append(all, entry{"--expect-column", "equals", map[string]any{"column": in.ExpectColumn}})
	}
	if in.Equals != "" {
		all = append(all, entry{"--equals", "equals", in.Equals})
	}
	for _, v := range in.Contains {
		all = append(all, entry{"--contains", "contains", v})
	}
	for _, v := range in.Regex {
		all = append(all, entry{"--regex", "regex", v})
	}
	for _, v := range in.Expr {
		all = append(all, entry{"--expr", "expr", v})
	}
	if in.SchemaFile != "" {
		abs, err := filepath.Abs(in.SchemaFile)
		if err == nil {
			_, err = os.Stat(abs)
		}
		if err != nil {
			return nil, flagError("--json-schema", err)
		}
		all = append(all, entry{"--json-schema", "json_schema", abs})
	}
	if in.Judge != "" {
		all = append(all, entry{"--judge", "judge", in.Judge})
	}
	if in.Prefer != "" {
		all = append(all, entry{"--prefer", "prefer", in.Prefer})
	}
	var errs []error
	for _, e := range all {
		if err := add(e.flag, e.kind, e.value); err != nil {
			errs = append(errs, err)
		}
	}
	return set, diag.Join(errs...)
}

// flagError is an error of a flag's value: the place in the file that was made of it
// says nothing.
func flagError(flag string, err error) error {
	var parts []string
	remedy := ""
	for _, e := range diag.Split(err) {
		if d, ok := e.(*diag.Error); ok { //nolint:errorlint // Split gives them bare
			parts = append(parts, d.Message)
			remedy = d.Remedy
			continue
		}
		parts = append(parts, e.Error())
	}
	if strings.HasPrefix(remedy, "add model:") {
		remedy = "add --judge-model PROVIDER/MODEL"
	}
	return &diag.Error{File: flag, Message: textx.Head(strings.Join(parts, "; "), 500), Remedy: remedy}
}
