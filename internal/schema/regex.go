package schema

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dlclark/regexp2"

	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema"
)

// matchTimeout is how long one pattern may look at one text; a pattern with
// look-ahead can take exponential time. One that ran out of time did not match.
const matchTimeout = 250 * time.Millisecond

// regex is a compiled pattern of a schema.
type regex struct{ re *regexp2.Regexp }

// compileRegex reads a regular expression of ECMA-262 with Unicode, as JSON
// Schema asks for.
func compileRegex(pattern string) (*regex, error) {
	re, err := regexp2.Compile(shortProperties(pattern), regexp2.ECMAScript|regexp2.Unicode)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = matchTimeout
	return &regex{re}, nil
}

func (r *regex) String() string { return r.re.String() }

func (r *regex) MatchString(s string) bool {
	ok, err := r.re.MatchString(s)
	return ok && err == nil
}

// shortProperties gives Unicode properties the names that regexp2 knows:
// \p{Letter}, \p{gc=Letter} and \p{General_Category=L} are \p{L}, and
// \p{Script=Greek} is \p{Greek}.
func shortProperties(pattern string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(pattern, '\\')
		if i < 0 || i+1 == len(pattern) {
			return b.String() + pattern
		}
		b.WriteString(pattern[:i+2])
		escaped := pattern[i+1]
		pattern = pattern[i+2:]
		if escaped != 'p' && escaped != 'P' {
			continue
		}
		inner, rest, ok := strings.Cut(pattern, "}")
		name, braced := strings.CutPrefix(inner, "{")
		if !ok || !braced {
			continue
		}
		if key, value, found := strings.Cut(name, "="); found && slices.Contains([]string{"gc", "General_Category", "sc", "Script"}, key) {
			name = value
		}
		if alias, ok := unicode.CategoryAliases[name]; ok {
			name = alias
		}
		b.WriteString("{" + name + "}")
		pattern = rest
	}
}

// patterns compiles those of one schema. One that cannot be read is no reason
// to refuse the schema: it is noted, and matches all texts or none.
type patterns struct {
	unreadable bool // whether one that cannot be read matches
	notes      []string
	done       bool // the schema is compiled: what comes now is an answer's
}

func (p *patterns) compile(pattern string) (jsonschema.Regexp, error) {
	re, err := compileRegex(pattern)
	switch {
	case err == nil:
		return re, nil
	case p.done:
		return nil, err
	}
	note := fmt.Sprintf("the pattern %q is not checked: %s", shorten(pattern, 60), reason(err))
	if !slices.Contains(p.notes, note) {
		p.notes = append(p.notes, note)
	}
	return &constant{pattern, p.unreadable}, nil
}

// reason is what regexp2 says without the pattern, which stands beside it.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	if i := strings.LastIndex(text, " in `"); i > 0 {
		text = text[:i]
	}
	return shorten(text, 100)
}

// constant stands for a pattern that cannot be read.
type constant struct {
	pattern string
	matches bool
}

func (c *constant) String() string          { return c.pattern }
func (c *constant) MatchString(string) bool { return c.matches }
