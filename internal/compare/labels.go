package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/stats"
)

// Label is what a person says of an answer. The report exports them as a JSON line
// each.
type Label struct {
	Row     int    `json:"row"` // of the input
	Variant string `json:"variant"`
	Repeat  int    `json:"repeat"`
	Label   string `json:"label"` // pass or fail

	line int
}

// Agreement is how often a judge says what the labels say.
type Agreement struct {
	Check string
	stats.Agreement
}

// ReadLabels reads the lines of a report's export. An error has its line.
func ReadLabels(file string, data []byte) ([]Label, error) {
	var out []Label
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		var l Label
		err := dec.Decode(&l)
		if err == nil {
			if _, more := dec.Token(); more != io.EOF { //nolint:errorlint // Token returns it bare
				err = fmt.Errorf("there is more than one value on the line")
			}
		}
		switch {
		case err != nil:
			return nil, &diag.Error{File: file, Line: line, Message: "this is not a label: " + err.Error(), Remedy: `write {"row": 1, "variant": "local", "label": "pass"}`}
		case l.Label != "pass" && l.Label != "fail":
			return nil, &diag.Error{File: file, Line: line, Message: fmt.Sprintf("the label is %s", diag.Quote(l.Label)), Remedy: "write pass or fail"}
		case l.Row < 1 || l.Variant == "":
			return nil, &diag.Error{File: file, Line: line, Message: "a label needs the row and the variant of its answer", Remedy: `write {"row": 1, "variant": "local", "label": "pass"}`}
		}
		l.line = line
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, &diag.Error{File: file, Message: "there are no labels in it"}
	}
	return out, nil
}

// Agree compares labels with each check: those of judges first of all, but a regular
// expression may be a poor judge, too. An error names a label that fits no answer.
func (r *Report) Agree(file string, labels []Label) error {
	d := r.Data
	byNumber := map[int]*Row{}
	for _, row := range d.Rows {
		byNumber[row.Number] = row
	}
	variants := map[string]int{}
	var names []string
	for i, v := range d.Plan.Variants {
		variants[v.Name] = i
		names = append(names, v.Name)
	}
	said, labelled := map[string][]string{}, map[string][]string{}
	for _, l := range labels {
		row := byNumber[l.Row]
		v, ok := variants[l.Variant]
		switch {
		case !ok:
			return &diag.Error{File: file, Line: l.line, Message: "the comparison has no variant " + diag.Quote(l.Variant), Remedy: diag.Suggest(l.Variant, names)}
		case row == nil || l.Repeat < 0 || l.Repeat >= len(row.Cells[v]):
			return &diag.Error{File: file, Line: l.line, Message: fmt.Sprintf("the comparison has no answer to row %d", l.Row)}
		}
		c := &row.Cells[v][l.Repeat]
		at := 0
		for _, k := range d.Checks.Single() {
			if !k.AppliesTo(row.Number) || at >= len(c.Outcomes) {
				continue
			}
			o := c.Outcomes[at]
			at++
			if !o.Scored() {
				continue
			}
			word := "fail"
			if o.Pass {
				word = "pass"
			}
			said[k.Name], labelled[k.Name] = append(said[k.Name], word), append(labelled[k.Name], l.Label)
		}
	}
	r.Agreements = nil
	for _, k := range d.Checks.Single() {
		if len(said[k.Name]) == 0 {
			continue
		}
		a, err := stats.Agree(said[k.Name], labelled[k.Name], d.Plan.Level)
		if err != nil {
			return err
		}
		r.Agreements = append(r.Agreements, Agreement{k.Name, a})
	}
	return nil
}
