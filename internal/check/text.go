package check

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// textTest compares texts.
type textTest struct {
	kind       string // equals, contains, starts_with
	any        bool   // one of want is enough, else all are needed
	want       []operand
	trim       bool // the white space around both is ignored
	ignoreCase bool
}

func (t *textTest) columns() []string {
	var out []string
	for _, o := range t.want {
		out = append(out, o.names()...)
	}
	return out
}

func (t *textTest) prepare(row map[string]any) error {
	for _, o := range t.want {
		if err := o.present(row); err != nil {
			return err
		}
	}
	return nil
}

func (t *textTest) score(_ context.Context, c *Case, _ *Tools) (float64, string, error) {
	answer := t.norm(c.Answer)
	var missing []string
	for _, o := range t.want {
		want := t.norm(o.in(c.Columns))
		if t.holds(answer, want) {
			if t.any {
				return 1, "", nil
			}
			continue
		}
		missing = append(missing, shown(want))
	}
	if len(missing) == 0 {
		return 1, "", nil
	}
	how := map[string]string{"equals": "expected ", "contains": "it does not contain ", "starts_with": "it does not start with "}[t.kind]
	return 0, how + strings.Join(missing, " or "), nil
}

func (t *textTest) holds(answer, want string) bool {
	switch t.kind {
	case "contains":
		return strings.Contains(answer, want)
	case "starts_with":
		return strings.HasPrefix(answer, want)
	}
	return answer == want
}

func (t *textTest) norm(s string) string {
	if t.trim {
		s = strings.TrimSpace(s)
	}
	if t.ignoreCase {
		s = strings.ToLower(s)
	}
	return s
}

// maxPattern bounds a regular expression's text, in bytes.
const maxPattern = 16 << 10

// regexTest is a regular expression of RE2, which takes time that is linear in the
// answer.
type regexTest struct{ re *regexp.Regexp }

func newRegex(pattern string) (*regexTest, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the regular expression has more than %d bytes", maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("this is not a regular expression that can be used here (RE2): %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return &regexTest{re}, nil
}

func (*regexTest) columns() []string            { return nil }
func (*regexTest) prepare(map[string]any) error { return nil }

func (t *regexTest) score(_ context.Context, c *Case, _ *Tools) (float64, string, error) {
	if t.re.MatchString(c.Answer) {
		return 1, "", nil
	}
	return 0, "it does not match " + shown(t.re.String()), nil
}
