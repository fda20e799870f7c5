package template

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// golden is what LangChain makes of a template (scripts/goldens_templates.py).
type golden struct {
	Format   Format            `json:"f"`
	Text     string            `json:"t"`
	Values   map[string]any    `json:"v"`
	Partials map[string]string `json:"p"`
	Vars     []string          `json:"vars"`
	Out      *string           `json:"out"`   // nil: an exception,
	Err      string            `json:"err"`   // of this class,
	Stage    string            `json:"stage"` // at load or call
}

func goldens(t testing.TB) []golden {
	t.Helper()
	f, err := os.Open("testdata/langchain.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		LangChain string `json:"langchain-core"`
		Cases     []golden
	}
	d := json.NewDecoder(z)
	d.UseNumber()
	if err := d.Decode(&data); err != nil {
		t.Fatal(err)
	}
	if data.LangChain != "1.8.4" || len(data.Cases) < 2000 {
		t.Fatalf("%d templates of langchain-core %s", len(data.Cases), data.LangChain)
	}
	return data.Cases
}

// outcome is what this package makes of one.
type outcome struct {
	out   string
	vars  []string
	lacks bool // an optional variable has no value
	load  error
	call  error
}

func (g golden) outcome() (o outcome) {
	tmpl, err := ParseWith(g.Format, g.Text, Options{Partials: g.Partials, AllowJinja2: true})
	if err != nil {
		return outcome{load: err}
	}
	vars := tmpl.Vars()
	if g.Format == Jinja2 {
		for _, v := range tmpl.Optional() { // LangChain knows no difference
			vars = append(vars, v)
			if _, given := g.Values[v.Name]; !given {
				o.lacks = true
			}
		}
	}
	for _, v := range vars {
		o.vars = append(o.vars, v.Name)
	}
	slices.Sort(o.vars)
	o.out, o.call = tmpl.Render(Map(g.Values))
	return o
}

// differs says how the outcome is not LangChain's; empty: it is. An error may
// come earlier than there, never later.
func (g golden) differs(o outcome) string {
	refused := o.load != nil || o.call != nil
	switch {
	case g.Out != nil && refused:
		return "refused"
	case g.Out == nil && !refused && o.lacks && g.Err == "KeyError":
		return "taken without an optional variable"
	case g.Out == nil && !refused:
		return "taken"
	case g.Out != nil && *g.Out != o.out:
		return "another text"
	case g.Stage == "load" && o.load == nil:
		return "refused later"
	case o.load == nil && g.Stage != "load" && g.Partials == nil && !slices.Equal(g.Vars, o.vars):
		return "other variables"
	}
	return ""
}

// divergence is a class of templates that we mean to treat in another way.
type divergence struct {
	format  Format
	differs string
	error   string // in our error
	text    string // in the template, a pattern
	why     string
}

var divergences = []divergence{
	{FString, "refused", "is not a variable's name", "", "LangChain takes any text for a name: such braces were meant for the text"},
	{FString, "refused", "has spaces around the name", "", "as above"},
	{FString, "refused", "more than 10000 characters", "", "a format must not fill the memory"},
	{Mustache, "refused", "unknown partial", "", "LangChain renders an unknown partial as nothing, without a word"},
	{Mustache, "refused", "this {{{ is closed by }} only", "", "LangChain drops the tag without a word"},
	{Mustache, "refused", "this {{ is never closed", "", "LangChain drops {{ at the end of a text"},
	{Mustache, "refused", "{{.}} ", "", "LangChain prints the mapping of all values"},
	{Jinja2, "refused", "access to __class__ is not allowed", "", "LangChain's sandbox prints nothing"},
	{Jinja2, "refused", "unknown filter", "", "filters left out: filesizeformat, forceescape, pprint, random, striptags, wordwrap, xmlattr"},
	{Jinja2, "refused", "{% block %} is not allowed", "", "a template is one text"},
	{Jinja2, "refused", "unknown tag {% autoescape %}", "", "prompts are not HTML"},
	{Jinja2, "refused", "recursive loops are not supported", "", "a macro can call itself"},
	{Jinja2, "refused", "the method format is not supported", "", "it is how sandboxes are left; the filter format is there"},
	{Jinja2, "refused", "values cannot be changed", "", "values are the caller's"},
	{Jinja2, "refused", "self is not supported", "", "it is of use with blocks"},
	{Jinja2, "refused", `lipsum`, "", "it is random"},
	{Jinja2, "another text", "", `[ﬁŉİΣ]`, "the case of one letter is one letter here, but for ß"},
	{Jinja2, "another text", "", `\| e\) \+|\| e, '<'\] \| join`, "escaped text is text as any other"},
	{Jinja2, "another text", "", `\{\{ (range\(3\)|d\.(items|keys|values)\(\)) \}\}`, "what range, items, keys and values give is a list"},
	{Jinja2, "taken without an optional variable", "", `default\(| is defined|\{%-? set `, "the text is whole without it"},
	{Jinja2, "taken", "", ` is (not )?\w+ (if|not|in)\b`, "jinja2 takes the word behind a test for the test's argument"},
	{Jinja2, "refused later", "", ` is (not )?\w+ (if|not|in)\b`, "jinja2 takes the word behind a test for the test's argument"},
	{Jinja2, "other variables", "", ` is (not )?\w+ (if|not|in)\b`, "jinja2 takes the word behind a test for the test's argument"},
}

func (d divergence) covers(g golden, o outcome, differs string) bool {
	err := o.load
	if err == nil {
		err = o.call
	}
	return d.format == g.Format && d.differs == differs && (d.error == "" || err != nil && strings.Contains(err.Error(), d.error)) &&
		regexp.MustCompile(d.text).MatchString(g.Text)
}

func TestTemplatesAreLangChains(t *testing.T) {
	same, known, failed := map[Format]int{}, make([]int, len(divergences)), 0
	for _, g := range goldens(t) {
		o := g.outcome()
		differs := g.differs(o)
		if differs == "" {
			same[g.Format]++
			continue
		}
		if i := slices.IndexFunc(divergences, func(d divergence) bool { return d.covers(g, o, differs) }); i >= 0 {
			known[i]++
			continue
		}
		if failed++; failed > 20 {
			t.Fatal("and more")
		}
		values, _ := json.Marshal(g.Values)
		want, _ := json.Marshal(g.Out)
		t.Errorf("%s is %s: %q\nvalues    %s\npartials  %v\nLangChain %s %s %s %v\nours      %q %v %v %v",
			g.Format, differs, g.Text, values, g.Partials, want, g.Err, g.Stage, g.Vars, o.out, o.load, o.call, o.vars)
	}
	for i, d := range divergences {
		if known[i] == 0 {
			t.Errorf("no template shows the divergence %q %q: %s", d.error, d.text, d.why)
		}
	}
	t.Logf("the same: %v; divergences: %v", same, known)
	page, err := os.ReadFile("../../docs/langchain.md")
	if err != nil {
		t.Fatal(err)
	}
	agree := fmt.Sprint(same[FString] + same[Mustache] + same[Jinja2])
	if agree = agree[:1] + "," + agree[1:] + " of them do"; !strings.Contains(string(page), agree) {
		t.Errorf("docs/langchain.md does not say that %s", agree)
	}
}
