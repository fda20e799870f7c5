package compare

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tandem-llm/tandem/provider/ledger"
)

// junitSuites is the form that CI servers read.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes each row of each target as a test: a failure is an answer that
// does not pass, an error one that has no score.
func (r *Report) WriteJUnit(w io.Writer, name string) error {
	d := r.Data
	all := junitSuites{Name: name}
	for v := range d.Plan.Variants {
		s := junitSuite{Name: xmlText(d.Plan.Variants[v].Name)}
		total := 0.0
		for _, row := range d.byNumber() {
			for i := range row.Cells[v] {
				c := &row.Cells[v][i]
				if !c.Ended {
					continue
				}
				k := d.junitCase(row, v, i, c)
				total += c.Took.Seconds()
				s.Tests++
				if k.Failure != nil {
					s.Failures++
				}
				if k.Error != nil {
					s.Errors++
				}
				s.Cases = append(s.Cases, k)
			}
		}
		s.Time = fmt.Sprintf("%.3f", total)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (d *Data) junitCase(row *Row, v, repeat int, c *Cell) junitCase {
	k := junitCase{Name: fmt.Sprintf("row %d", row.Number), Class: xmlText(d.Plan.Variants[v].Name), Time: fmt.Sprintf("%.3f", c.Took.Seconds())}
	if len(row.Cells[v]) > 1 {
		k.Name += fmt.Sprintf(" repeat %d", repeat+1)
	}
	switch {
	case !c.Scored:
		k.Error = &junitMessage{Message: xmlText(c.Unscored), Text: xmlText(c.Answer)}
	case !c.Pass:
		var why []string
		for _, o := range d.outcomes(row, c) {
			if !o.outcome.Pass {
				why = append(why, o.check.Name+": "+o.outcome.Why)
			}
		}
		if c.Error != nil {
			why = append(why, c.Error.Message)
		}
		k.Failure = &junitMessage{Message: xmlText(strings.Join(why, "; ")), Text: xmlText(c.Answer)}
	}
	return k
}

// xmlText is a text without what XML cannot say.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF {
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// WriteMarkdown writes the verdict, the targets and the notes, to paste into a pull
// request.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("## Comparison\n\n")
	for _, s := range r.Headline() {
		fmt.Fprintf(&b, "**%s**\n\n", markdownText(s))
	}
	head, lines := r.Table()
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, l := range lines {
		for i := range l {
			l[i] = markdownText(l[i])
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(l, " | "))
	}
	if notes := r.Notes(); len(notes) > 0 {
		b.WriteString("\n")
		for _, n := range notes {
			fmt.Fprintf(&b, "- %s\n", markdownText(n))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "`", "\\`", "[", `\[`).Replace(s)
}

// Table is the targets as a table.
func (r *Report) Table() (head []string, lines [][]string) {
	head = []string{"Target", "Score", "Interval", "Difference", "Failed", "Cost", "Tokens/s", "First token", "Time"}
	differences := map[int]string{}
	for _, p := range r.Pairs {
		if p.N > 0 {
			differences[p.Variant] = points(p.Mean)
		}
	}
	for v, a := range r.Arms {
		score, between := "–", "–"
		if a.Rate.N > 0 {
			score = percent(a.Rate.Mean)
			if lowHigh := a.Rate.Method.String(); lowHigh != "" && !(a.Rate.Low == 0 && a.Rate.High == 1) {
				between = decimals(100*a.Rate.Low) + "–" + decimals(100*a.Rate.High)
			}
		}
		difference := differences[v]
		if difference == "" {
			difference = "–"
		}
		speed := "–"
		if a.Speed > 0 {
			speed = fmt.Sprintf("%.1f", a.Speed)
		}
		lines = append(lines, []string{a.Name, score, between, difference, fmt.Sprint(a.Failed), a.costText(), speed, timeText(a.First), timeText(a.Took)})
	}
	return head, lines
}

func (a *Arm) costText() string {
	if a.Unpriced == a.Asked && a.Asked > 0 {
		return "unknown"
	}
	text := ledger.Dollars(a.USD)
	if a.Unpriced > 0 {
		text += " + unknown"
	}
	return text
}
