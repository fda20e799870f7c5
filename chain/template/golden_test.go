package template

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// golden is what LangChain makes of a template (scripts/goldens_templates.py).
type golden struct {
	Format   Format            `json:"f"`
	Text     string            `json:"t"`
	Values   map[string]any    `json:"v"`
	Partials map[string]string `json:"p"`
	Vars     []string          `json:"vars"`
	Out      *string           `json:"out"`
	Err      string            `json:"err"`
	Stage    string            `json:"stage"`
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

// ours is what this package makes of it.
type ours struct {
	out  string
	vars []string
	load error
	call error
}

func (g golden) ours() (o ours) {
	tmpl, err := ParseWith(g.Format, g.Text, Options{Partials: g.Partials, AllowJinja2: true})
	if err != nil {
		return ours{load: err}
	}
	for _, v := range tmpl.Vars() {
		o.vars = append(o.vars, v.Name)
	}
	slices.Sort(o.vars)
	o.out, o.call = tmpl.Render(Map(g.Values))
	return o
}

func TestGoldensDebug(t *testing.T) {
	n := map[string]int{}
	for _, g := range goldens(t) {
		o := g.ours()
		bad := ""
		switch {
		case g.Out != nil && (o.load != nil || o.call != nil):
			bad = "we refuse"
		case g.Out == nil && o.load == nil && o.call == nil:
			bad = "we take"
		case g.Out != nil && *g.Out != o.out:
			bad = "text"
		case g.Stage == "load" && o.load == nil:
			bad = "late"
		case o.load == nil && g.Stage != "load" && g.Partials == nil && !slices.Equal(g.Vars, o.vars):
			bad = "vars"
		}
		n[string(g.Format)+" "+bad]++
		if bad != "" && (n[string(g.Format)+" "+bad] <= 400) {
			out := ""
			if g.Out != nil {
				out = *g.Out
			}
			v, _ := json.Marshal(g.Values)
			t.Logf("%s %s: %q\n   values %s\n   partials %v\n   want %q %s %s %v\n   got  %q %v %v %v", g.Format, bad, g.Text, v, g.Partials, out, g.Err, g.Stage, g.Vars, o.out, o.load, o.call, o.vars)
		}
	}
	for k, v := range n {
		t.Log(k, v)
	}
}
