package compare

import (
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/stats"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// Manifest is how a comparison was run.
type Manifest struct {
	ID          string
	Created     time.Time
	Tandem      string
	Chain       string
	ChainDigest string
	ChainText   string
	Input       string
	InputDigest string
	Picked      string
	Settings    map[string]string
}

//go:embed report/page.html
var pageHTML string

//go:embed report/page.css
var pageCSS string

//go:embed report/page.js
var pageJS string

// A page has at most so many rows, and so much of each text, in characters.
const (
	maxPageRows = 1000
	maxPageText = 8000
)

type page struct {
	Title, Sub string
	ScriptHash template.HTMLAttr
	StyleHash  template.HTMLAttr
	Style      template.CSS
	Script     template.JS
	Manifest   Manifest
	Headline   []classed
	Charts     []*chart
	Head       []string
	Lines      [][]string
	Names      []string
	Checks     []checkLine
	Notes      []string
	Rows       []pageRow
	Left       int
	Facts      []fact
	Sources    []fact
}

type classed struct{ Class, Name, Text string }

type fact struct{ Name, Text string }

type checkLine struct {
	Name  string
	Cells []string
}

// WriteHTML writes the report as one page that needs nothing else: it loads nothing,
// and its policy lets no script run but its own. All texts are escaped.
func (r *Report) WriteHTML(w io.Writer, m Manifest) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, r.page(m))
}

func (r *Report) page(m Manifest) *page {
	d := r.Data
	script, style := strings.TrimSpace(pageJS), strings.TrimSpace(pageCSS)
	p := &page{
		Manifest: m, Notes: r.Notes(), Charts: r.charts(), Headline: r.classedHeadline(),
		// These are this package's own, and the policy names them by their digests.
		Style: template.CSS(style), Script: template.JS(script), //nolint:gosec // not of the answers
		ScriptHash: template.HTMLAttr(digestOf(script)), StyleHash: template.HTMLAttr(digestOf(style)), //nolint:gosec // base64
	}
	for _, v := range d.Plan.Variants {
		p.Names = append(p.Names, v.Name)
	}
	p.Title = d.title()
	p.Sub = fmt.Sprintf("%s of %s, with %s", rowsText(len(d.Rows)), m.Input, m.Chain)
	if r.Clusters > 0 {
		p.Sub += fmt.Sprintf(", in %s by %s", textx.Count(r.Clusters, "cluster"), d.Plan.Cluster)
	}
	if d.Plan.Repeats > 1 {
		p.Sub += fmt.Sprintf(", each %d times", d.Plan.Repeats)
	}
	p.Head, p.Lines = r.Table()
	for i, c := range d.Checks.Single() {
		l := checkLine{Name: c.Name}
		for _, a := range r.Arms {
			text := "–"
			if k := a.Checks[i]; k.Of > 0 {
				text = fmt.Sprintf("%s (%d of %d)", percent(float64(k.Pass)/float64(k.Of)), k.Pass, k.Of)
			}
			l.Cells = append(l.Cells, text)
		}
		p.Checks = append(p.Checks, l)
	}
	rows := d.byNumber()
	p.Left = max(0, len(rows)-maxPageRows)
	for _, row := range rows[:len(rows)-p.Left] {
		p.Rows = append(p.Rows, d.pageRow(row))
	}
	p.facts(r, m)
	return p
}

// title names what is compared.
func (d *Data) title() string {
	var names []string
	for _, v := range d.Plan.Variants {
		if !v.Noise {
			names = append(names, v.Name)
		}
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d others", names[0], len(names)-1)
	}
	return strings.Join(names, " and ")
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// classedHeadline is the headline with the colour of each verdict.
func (r *Report) classedHeadline() []classed {
	var out []classed
	texts := r.Headline()
	class := func(v stats.Verdict) string {
		switch v {
		case stats.Better:
			return "good"
		case stats.Worse:
			return "bad"
		case stats.Equivalent, stats.NotWorse:
			return "good"
		}
		return "undecided"
	}
	for i, t := range texts {
		c := ""
		switch {
		case i < len(r.Pairs):
			c = class(r.Pairs[i].Verdict)
		case i-len(r.Pairs) < len(r.Preferences):
			c = class(r.Preferences[i-len(r.Pairs)].Verdict)
		}
		out = append(out, classed{Class: c, Text: t})
	}
	return out
}

// facts are how it was run.
func (p *page) facts(r *Report, m Manifest) {
	d := r.Data
	add := func(name, text string) {
		if text != "" {
			p.Facts = append(p.Facts, fact{name, text})
		}
	}
	add("Comparison", m.ID)
	add("Started", m.Created.UTC().Format("2006-01-02 15:04:05 UTC"))
	add("Tandem", m.Tandem)
	add("Chain", m.Chain+" (sha256 "+cut(m.ChainDigest, 13)+")")
	add("Rows", m.Input+" (sha256 "+cut(m.InputDigest, 13)+")")
	add("Picked", m.Picked)
	for _, name := range slices.Sorted(maps.Keys(m.Settings)) {
		add(name, m.Settings[name])
	}
	for _, a := range r.Arms {
		for _, who := range slices.Sorted(maps.Keys(a.Answered)) {
			add(a.Name, fmt.Sprintf("%s by %s", textx.Count(a.Answered[who], "answer"), who))
		}
	}
	if d.JudgeUSD > 0 || d.JudgeUnpriced > 0 {
		text := ledger.Dollars(d.JudgeUSD)
		if d.JudgeUnpriced > 0 {
			text += fmt.Sprintf(" and the unknown cost of %s", textx.Count(d.JudgeUnpriced, "call"))
		}
		add("Checks' own calls", text)
	}
	for i := range r.Pairs {
		if q := &r.Pairs[i]; q.N > 0 {
			add("Interval of "+d.Plan.Variants[q.Variant].Name, fmt.Sprintf("%s, p = %.3g, after Holm %.3g; better in %s, worse in %d", q.Method, q.P, q.AdjustedP, rowsText(q.Better), q.Worse))
		}
	}
	if m.ChainText != "" {
		p.Sources = append(p.Sources, fact{m.Chain, cut(m.ChainText, 4*maxPageText)})
	}
	for _, c := range d.Plan.Checks {
		p.Sources = append(p.Sources, fact{"Checks: " + c.File, cut(c.Text, 4*maxPageText)})
	}
}
