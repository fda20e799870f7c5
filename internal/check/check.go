// Package check scores answers: against a text, a pattern, a schema, an expression,
// a number, the meaning of another text, or the opinion of a judge model.
//
// [Read] compiles the checks of a file, and [Set.Bind] compares them with the
// columns of the rows, both before any call. [Set.Score] scores one answer. Only
// similarity and judges make calls; they go through [Tools], so that they are
// routed, priced and kept private as all calls are.
package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// Mode is how the scores of a row's checks become the row's own.
type Mode string

// The modes.
const (
	All  Mode = "all"  // 1 if every check passes, else 0
	Mean Mode = "mean" // the mean of the checks' scores
)

// Set is the checks of a comparison.
type Set struct {
	Mode   Mode
	Checks []*Check
}

// Check is one compiled check.
type Check struct {
	Name    string  // unique in its set
	Kind    string  // as it is written in a file
	Not     bool    // it passes if what it says is false
	AtLeast float64 // the least score that passes
	Rows    []int   // the rows that it is about, sorted; nil: all
	File    string
	Line    int
	Column  int

	test   tester
	define definition
}

// definition is all of a check that decides its outcome, for [Check.Key].
type definition struct {
	Kind    string
	Value   any            `json:",omitempty"`
	Options map[string]any `json:",omitempty"`
	Not     bool           `json:",omitempty"`
	AtLeast float64
}

// tester scores an answer from 0 to 1.
type tester interface {
	// columns are those of the row that it needs.
	columns() []string
	// prepare finds what of a row it cannot use.
	prepare(row map[string]any) error
	// score says how good the answer is, and why. The error is that nobody can say.
	score(ctx context.Context, c *Case, t *Tools) (score float64, why string, err error)
}

// Case is an answer that is checked.
type Case struct {
	Row     int            // of the input, from 1
	Columns map[string]any // of the row, with the inputs that all rows have
	Answer  string
	Value   any // what the chain's parser made of Answer; nil: its text
	// Private: the answer was made under privacy local, and so only this machine may
	// be asked about it.
	Private bool
}

// privacy is how a model may be asked about the answer.
func (k *Case) privacy() provider.Privacy {
	if k.Private {
		return provider.PrivacyLocal
	}
	return ""
}

// Tools make the calls that checks need. A nil field is an error for the check
// that needs it.
type Tools struct {
	// Ask asks a judge.
	Ask func(context.Context, provider.Request) (provider.Response, error)
	// Embed makes vectors.
	Embed func(context.Context, provider.EmbedRequest) (provider.EmbedResponse, error)
}

// Outcome is what a check says of an answer.
type Outcome struct {
	Score float64 `json:"score"` // from 0 to 1
	Pass  bool    `json:"pass"`
	Why   string  `json:"why,omitempty"` // it does not pass, or what a judge said
	// Error says why there is no score: a judge that could not be asked, or did not
	// answer as it must.
	Error string `json:"error,omitempty"`
}

// Scored reports whether there is a score.
func (o Outcome) Scored() bool { return o.Error == "" }

// Calls reports whether the check asks a model.
func (c *Check) Calls() bool {
	switch t := c.test.(type) {
	case *judge, *similar, *prefer:
		return true
	case *perRow:
		return c.Kind == "judge" || c.Kind == "similar" && len(t.by) > 0
	}
	return false
}

// Judge is the request by which the check asks a judge, with another prompt; false: it asks
// none, or another one for each row.
func (c *Check) Judge() (provider.Request, bool) {
	switch t := c.test.(type) {
	case *judge:
		return t.model.request("rubric", "answer", preferSchema), true
	case *prefer:
		return t.model.request("rubric", "answer", preferSchema), true
	}
	return provider.Request{}, false
}

// Pairwise reports whether the check compares two answers, see [Check.Prefer].
func (c *Check) Pairwise() bool {
	_, is := c.test.(*prefer)
	return is
}

// AppliesTo reports whether the check is about a row.
func (c *Check) AppliesTo(row int) bool {
	if c.Rows == nil {
		return true
	}
	_, found := slices.BinarySearch(c.Rows, row)
	return found
}

// Key is the same for checks that give the same answers the same scores.
func (c *Check) Key() string {
	data, err := json.Marshal(c.define)
	if err != nil {
		data = fmt.Appendf(nil, "%v", c.define)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:12])
}

// Score scores an answer by one check that is not pairwise.
func (c *Check) Score(ctx context.Context, k *Case, t *Tools) (Outcome, error) {
	score, why, err := c.test.score(ctx, k, t)
	var unknown *UnscoredError
	switch {
	case errors.As(err, &unknown):
		return Outcome{Error: unknown.Error()}, nil
	case err != nil:
		return Outcome{}, err
	}
	o := Outcome{Score: score, Pass: score >= c.AtLeast, Why: why}
	if c.Not {
		o.Score, o.Pass = 1-score, !o.Pass
		if !o.Pass && why == "" {
			o.Why = "not: " + c.Kind + " is true"
		}
	}
	return o, nil
}

// UnscoredError is an answer that a check has no score for, which says nothing
// about the answer.
type UnscoredError struct{ Why string }

// Error says why.
func (e *UnscoredError) Error() string { return e.Why }

func unscored(format string, args ...any) error {
	return &UnscoredError{fmt.Sprintf(format, args...)}
}

// Row is the score of a row, from the outcomes of its checks in their order. It is
// false where one of them has no score, or no check is about the row.
func (s *Set) Row(outcomes []Outcome) (score float64, pass, ok bool) {
	if len(outcomes) == 0 {
		return 0, false, false
	}
	pass = true
	for _, o := range outcomes {
		if !o.Scored() {
			return 0, false, false
		}
		score += o.Score
		pass = pass && o.Pass
	}
	score /= float64(len(outcomes))
	if s.Mode != Mean {
		score = 0
		if pass {
			score = 1
		}
	}
	return score, pass, true
}

// Single are the checks that score one answer.
func (s *Set) Single() []*Check { return s.filter(false) }

// Pairs are the checks that compare two answers.
func (s *Set) Pairs() []*Check { return s.filter(true) }

func (s *Set) filter(pairwise bool) []*Check {
	var out []*Check
	for _, c := range s.Checks {
		if c.Pairwise() == pairwise {
			out = append(out, c)
		}
	}
	return out
}

// Bind finds checks that need a column which the rows do not have.
func (s *Set) Bind(columns []string) error {
	var errs []error
	for _, c := range s.Checks {
		for _, name := range c.test.columns() {
			if !slices.Contains(columns, name) {
				errs = append(errs, c.errorf(diag.Suggest(name, columns), "the rows have no column %s", diag.Quote(name)))
			}
		}
	}
	return diag.Join(errs...)
}

// Prepare finds a check that cannot use what a row has.
func (s *Set) Prepare(row int, columns map[string]any) error {
	for _, c := range s.Checks {
		if !c.AppliesTo(row) {
			continue
		}
		if err := c.test.prepare(columns); err != nil {
			return c.errorf("", "row %d: %v", row, err)
		}
	}
	return nil
}

func (c *Check) errorf(remedy, format string, args ...any) error {
	return &diag.Error{File: c.File, Line: c.Line, Column: c.Column, Message: fmt.Sprintf("check %s: ", diag.Quote(c.Name)) + fmt.Sprintf(format, args...), Remedy: remedy}
}

// operand is what an answer is compared with: parts that are texts or columns.
type operand []part

type part struct {
	text   string
	column string // not empty: its value, instead of text
}

func literal(text string) operand { return operand{{text: text}} }

func fromColumn(name string) operand { return operand{{column: name}} }

func (o operand) names() []string {
	var out []string
	for _, p := range o {
		if p.column != "" {
			out = append(out, p.column)
		}
	}
	return out
}

// in is the operand of a row.
func (o operand) in(row map[string]any) string {
	out := ""
	for _, p := range o {
		if p.column != "" {
			out += textOf(row[p.column])
			continue
		}
		out += p.text
	}
	return out
}

// present finds columns that a row leaves empty.
func (o operand) present(row map[string]any) error {
	for _, name := range o.names() {
		if row[name] == nil {
			return fmt.Errorf("the column %s has no value", diag.Quote(name))
		}
	}
	return nil
}

// textOf is a value as a text: a text as it is, and JSON of everything else.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func shown(text string) string { return fmt.Sprintf("%q", textx.Shorten(text)) }
