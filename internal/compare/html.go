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

type pageRow struct {
	Number      int
	Brief       string
	Differs     bool
	Unscored    bool
	Fails       string
	Inputs      []fact
	Cells       []pageCell
	Preferences []string
}

type pageCell struct {
	Name, Label, Base string
	Repeat            int
	Class, Chip, Word string
	Answer, Error     string
	Diff              []Span
	Outcomes          []classed
	Meta              string
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

func (d *Data) pageRow(row *Row) pageRow {
	out := pageRow{Number: row.Number}
	for _, name := range slices.Sorted(maps.Keys(row.Columns)) {
		text := textOf(row.Columns[name])
		out.Inputs = append(out.Inputs, fact{name, cut(text, maxPageText)})
		if len([]rune(out.Brief)) < 200 {
			out.Brief = strings.TrimPrefix(out.Brief+" · "+cut(strings.Join(strings.Fields(text), " "), 120), " · ")
		}
	}
	var fails []string
	var seen []float64
	for v := range row.Cells {
		failed := false
		for i := range row.Cells[v] {
			c := &row.Cells[v][i]
			out.Cells = append(out.Cells, d.pageCell(row, v, i, c))
			failed = failed || c.Scored && !c.Pass
			out.Unscored = out.Unscored || !c.Scored
		}
		if failed {
			fails = append(fails, fmt.Sprint(v))
		}
		if s, ok := row.mean(v); ok {
			seen = append(seen, s)
		}
	}
	out.Fails = strings.Join(fails, " ")
	out.Differs = len(seen) > 1 && slices.Min(seen) != slices.Max(seen)
	for k, c := range d.Checks.Pairs() {
		for v, p := range row.Preferences[k] {
			if p == nil {
				continue
			}
			out.Preferences = append(out.Preferences, d.preferenceText(c.Name, v, p.First(), p.Error, p.Why))
		}
	}
	return out
}

func (d *Data) preferenceText(name string, v int, first float64, failed, why string) string {
	a, b := d.Plan.Variants[0].Name, d.Plan.Variants[v].Name
	switch {
	case failed != "":
		return fmt.Sprintf("%s: no verdict on %s and %s: %s", name, a, b, failed)
	case first > 0.5:
		return fmt.Sprintf("%s: %s rather than %s. %s", name, a, b, why)
	case first < 0.5:
		return fmt.Sprintf("%s: %s rather than %s. %s", name, b, a, why)
	}
	return fmt.Sprintf("%s: a tie of %s and %s. %s", name, a, b, why)
}

func (d *Data) pageCell(row *Row, v, repeat int, c *Cell) pageCell {
	out := pageCell{Name: d.Plan.Variants[v].Name, Label: d.Plan.Variants[v].Name, Base: d.Plan.Variants[0].Name, Repeat: repeat, Answer: cut(c.Answer, maxPageText)}
	if len(row.Cells[v]) > 1 {
		out.Label += fmt.Sprintf(", run %d", repeat+1)
	}
	switch {
	case !c.Ended:
		out.Class, out.Word = "", "not asked"
	case !c.Scored && len(d.Checks.Single()) == 0 && c.OK:
		out.Class, out.Word = "", "answered"
	case !c.Scored:
		out.Class, out.Word = "undecided", "no score"
	case c.Pass:
		out.Class, out.Word = "good", "pass"
	default:
		out.Class, out.Word = "bad", "fail"
	}
	if c.Scored && d.Checks.Mode == "mean" {
		out.Word = decimals(100 * c.Score)
	}
	out.Chip = cut(out.Name, 16) + ": " + out.Word
	if c.Error != nil {
		out.Error = c.Error.Message
	} else if !c.Scored && c.Ended && len(d.Checks.Single()) > 0 {
		out.Outcomes = append(out.Outcomes, classed{"undecided", "no score", c.Unscored})
	}
	if base := &row.Cells[0][min(repeat, len(row.Cells[0])-1)]; v > 0 && c.OK && base.OK && base.Answer != c.Answer {
		out.Diff, _ = diffWords(base.Answer, c.Answer)
	}
	for _, o := range d.outcomes(row, c) {
		k := classed{"bad", o.check.Name, o.outcome.Why}
		switch {
		case !o.outcome.Scored():
			k.Class, k.Text = "undecided", o.outcome.Error
		case o.outcome.Pass:
			k.Class = "good"
		}
		out.Outcomes = append(out.Outcomes, k)
	}
	out.Meta = c.metaText()
	return out
}

func (c *Cell) metaText() string {
	var parts []string
	if c.Provider != "" {
		parts = append(parts, strings.TrimSpace(c.Provider+" "+c.Model))
	}
	if c.Fallback {
		parts = append(parts, "fallback")
	}
	if c.Took > 0 {
		parts = append(parts, timeText(c.Took))
	}
	if c.Input+c.Output > 0 {
		parts = append(parts, fmt.Sprintf("%d+%d tokens", c.Input, c.Output))
	}
	if c.USD != nil {
		parts = append(parts, ledger.Dollars(*c.USD))
	}
	return strings.Join(parts, " · ")
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
