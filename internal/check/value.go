package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/thinking"
)

// jsonTest wants JSON, of a schema if there is one.
type jsonTest struct {
	schema *schema.Schema
	bare   bool // JSON in a code fence does not count
}

func (*jsonTest) columns() []string            { return nil }
func (*jsonTest) prepare(map[string]any) error { return nil }

func (t *jsonTest) score(_ context.Context, c *Case, _ *Tools) (float64, string, error) {
	text, ok := schema.JSONIn(c.Answer)
	if t.bare {
		text, ok = strings.TrimSpace(c.Answer), true
	}
	if !ok || !json.Valid([]byte(text)) {
		return 0, "it is not JSON", nil
	}
	if t.schema == nil {
		return 1, "", nil
	}
	if problems := t.schema.Check([]byte(text)); len(problems) > 0 {
		return 0, strings.Join(problems, "; "), nil
	}
	return 1, "", nil
}

// exprTest is a condition over the row's columns, the answer and its value.
type exprTest struct {
	text      string
	condition *chain.Condition
}

// own are the names that an expression may use besides the columns.
var own = []string{"answer", "value", "row"}

func (t *exprTest) columns() []string {
	return slices.DeleteFunc(t.condition.Names(), func(name string) bool { return slices.Contains(own, name) })
}

func (*exprTest) prepare(map[string]any) error { return nil }

func (t *exprTest) score(_ context.Context, c *Case, _ *Tools) (float64, string, error) {
	values := maps.Clone(c.Columns)
	if values == nil {
		values = map[string]any{}
	}
	for _, name := range t.columns() {
		if _, ok := values[name]; !ok {
			values[name] = nil // a JSON row that leaves it out
		}
	}
	values["row"], values["answer"], values["value"] = c.Columns, c.Answer, c.Value
	if c.Value == nil {
		values["value"] = c.Answer
	}
	is, err := t.condition.Holds(values)
	switch {
	case err != nil:
		return 0, err.Error(), nil //nolint:nilerr // the answer is not of the form that the expression needs
	case is:
		return 1, "", nil
	}
	return 0, "false: " + t.text, nil
}

// numberTest compares the number in an answer.
type numberTest struct {
	want      operand
	tolerance float64
	relative  bool   // tolerance is a share of the wanted number
	take      string // only, first or last: which number of the answer
}

func (t *numberTest) columns() []string { return t.want.names() }

func (t *numberTest) prepare(row map[string]any) error {
	if err := t.want.present(row); err != nil {
		return err
	}
	_, err := parseNumber(t.want.in(row))
	return err
}

func (t *numberTest) score(_ context.Context, c *Case, _ *Tools) (float64, string, error) {
	want, err := parseNumber(t.want.in(c.Columns))
	if err != nil {
		return 0, "", err // prepare has found it
	}
	got, why := t.numberIn(c)
	if why != "" {
		return 0, why, nil
	}
	room := t.tolerance
	if t.relative {
		room *= math.Abs(want)
	}
	// A tolerance of 0.1 is to allow 0.3 for 0.2, which binary numbers miss by a hair.
	if math.Abs(got-want) <= room*(1+1e-9)+math.Abs(want)*1e-12 {
		return 1, "", nil
	}
	return 0, fmt.Sprintf("expected %s, got %s", number(want), number(got)), nil
}

// numberIn is the number of an answer, or why there is none.
func (t *numberTest) numberIn(c *Case) (float64, string) {
	if c.Value != nil {
		if n, err := parseNumber(textOf(c.Value)); err == nil {
			return n, ""
		}
	}
	_, text := thinking.Split(c.Answer, false)
	if n, err := parseNumber(text); err == nil {
		return n, ""
	}
	found := numbers.FindAllString(text, -1)
	switch {
	case len(found) == 0:
		return 0, "it has no number"
	case t.take == "only" && len(found) > 1:
		return 0, fmt.Sprintf("it has %d numbers, and `take` does not say which one counts", len(found))
	case t.take == "last":
		found = found[len(found)-1:]
	}
	n, err := parseNumber(found[0])
	if err != nil {
		return 0, err.Error()
	}
	return n, ""
}

// numbers are how numbers are written in texts: thousands may have commas.
var numbers = regexp.MustCompile(`[-+−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?`)

func parseNumber(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if numbers.FindString(text) != text || text == "" {
		return 0, fmt.Errorf("%s is not a number", shown(text))
	}
	n, err := strconv.ParseFloat(strings.NewReplacer(",", "", "−", "-").Replace(text), 64)
	if err != nil || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%s is not a number that can be compared", shown(text))
	}
	return n, nil
}

func number(n float64) string { return strconv.FormatFloat(n, 'g', 10, 64) }
