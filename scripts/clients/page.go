package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// The headings of the tables that are written here, in their order.
const (
	costsHeading  = "## Questions that one costs"
	suitesHeading = "## LangChain's standard tests"
)

// none is the cell of a case that does not apply.
const none = "–"

// columns are the cases' columns of the first table.
var columns = map[string]string{casePrompt: "prompt", caseTool: "tool", caseCut: "breaks off", caseBusy: "busy", caseSmall: "too small"}

// page is docs/clients.md with its tables.
type page struct {
	path          string
	lines         []string
	costs, suites *table
}

// table is a table of a page. The first of its rows are the columns' names, and the
// first cell of each row is the row's name.
type table struct {
	first, after int // the lines from, and to
	rows         [][]string
}

func readPage(path string) (*page, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &page{path: path, lines: strings.Split(string(data), "\n")}
	var err1, err2 error
	p.costs, err1 = p.read(costsHeading)
	p.suites, err2 = p.read(suitesHeading)
	return p, errors.Join(err1, err2)
}

func (p *page) read(heading string) (*table, error) {
	at := slices.Index(p.lines, heading)
	if at < 0 {
		return nil, fmt.Errorf("%s has no heading %q", p.path, heading)
	}
	t := &table{first: at}
	for t.first < len(p.lines) && !strings.HasPrefix(p.lines[t.first], "|") {
		t.first++
	}
	for t.after = t.first; t.after < len(p.lines) && strings.HasPrefix(p.lines[t.after], "|"); t.after++ {
		cells := strings.Split(strings.Trim(p.lines[t.after], "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if t.after != t.first+1 { // the line below the columns' names
			t.rows = append(t.rows, cells)
		}
	}
	if len(t.rows) == 0 {
		return nil, fmt.Errorf("%s has no table below %q", p.path, heading)
	}
	return t, nil
}

// row is the row of a name, or nil.
func (t *table) row(name string) []string {
	i := slices.IndexFunc(t.rows[1:], func(r []string) bool { return r[0] == name })
	if i < 0 {
		return nil
	}
	return t.rows[1+i]
}

// cell is what the table has for a row and a column, or "".
func (t *table) cell(row, column string) string {
	i := slices.Index(t.rows[0], column)
	if r := t.row(row); r != nil && i >= 0 {
		return r[i]
	}
	return ""
}

// set changes a cell; a row that is missing is added.
func (t *table) set(row, column, value string) {
	r := t.row(row)
	if r == nil {
		r = make([]string, len(t.rows[0]))
		r[0] = row
		t.rows = append(t.rows, r)
	}
	if i := slices.Index(t.rows[0], column); i >= 0 {
		r[i] = value
	}
}

// names are those of the rows.
func (t *table) names() (names []string) {
	for _, r := range t.rows[1:] {
		names = append(names, r[0])
	}
	return names
}

// order sorts the rows as names are, and drops those that have none of them.
func (t *table) order(names []string) {
	rows := t.rows[:1:1]
	for _, name := range names {
		if r := t.row(name); r != nil {
			rows = append(rows, r)
		}
	}
	t.rows = rows
}

func (t *table) lines() (lines []string) {
	for i, r := range t.rows {
		lines = append(lines, "| "+strings.Join(r, " | ")+" |")
		if i == 0 {
			lines = append(lines, strings.Repeat("|---", len(r))+"|")
		}
	}
	return lines
}

// write saves the page.
func (p *page) write() error {
	for _, t := range []*table{p.suites, p.costs} { // from the end, so that the lines before stay where they are
		p.lines = slices.Replace(p.lines, t.first, t.after, t.lines()...)
	}
	return os.WriteFile(p.path, []byte(strings.Join(p.lines, "\n")), 0o600)
}

// versions are the versions of packages, by registry and name, such as "pip openai".
type versions map[string]string

// readVersions reads scripts/clients/packages.txt, and Ollama's version in scripts/lib.sh.
func readVersions(scripts string) (versions, error) {
	list, err1 := os.ReadFile(scripts + "/clients/packages.txt")
	lib, err2 := os.ReadFile(scripts + "/lib.sh")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	v := versions{}
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) == 4 && !strings.HasPrefix(line, "#") {
			v[f[1]+" "+f[2]] = f[3]
		}
	}
	m := regexp.MustCompile(`OLLAMA_NEWEST_VERSION=(\S+)`).FindSubmatch(lib)
	if m == nil {
		return nil, errors.New("scripts/lib.sh does not say which Ollama is the newest")
	}
	v["ollama"] = string(m[1])
	return v, nil
}

// label is a template with % for the version of a package without its last part.
func (v versions) label(template, of string) string {
	version := v[of]
	if parts := strings.Split(version, "."); len(parts) > 2 {
		version = strings.Join(parts[:2], ".")
	}
	return strings.ReplaceAll(template, "%", version)
}
