package output

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Enum takes one of the values, with white space around it. Errors: there are
// no values, or one of them is empty or there twice.
func Enum(values ...string) (Parser, error) {
	if len(values) == 0 {
		return Parser{}, errors.New("the parser \"enum\" needs values")
	}
	for i, v := range values {
		if v == "" || v != strip(v) || slices.Contains(values[:i], v) {
			return Parser{}, fmt.Errorf("the value %q of the parser \"enum\" is empty, has white space around it, or appears twice", v)
		}
	}
	values = slices.Clone(values)
	return Parser{
		name: "enum", typ: TypeText,
		instructions: "Select one of the following options: " + strings.Join(values, ", "),
		parse: func(text string) (any, error) {
			if v := strip(text); slices.Contains(values, v) {
				return v, nil
			}
			return nil, &Error{Parser: "enum", Expected: "one of " + textx.Brief(strings.Join(values, ", "), 200), Found: found(text)}
		},
	}, nil
}

// Bool looks for one of two words anywhere in an answer, in any case; empty:
// YES and NO. An answer that has both, or neither, is an error. Errors: the
// words are the same.
func Bool(yes, no string) (Parser, error) {
	if yes == "" {
		yes = "YES"
	}
	if no == "" {
		no = "NO"
	}
	if strings.EqualFold(yes, no) {
		return Parser{}, fmt.Errorf("the parser \"bool\" needs two different words, not %q and %q", yes, no)
	}
	re := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(yes) + `|` + regexp.QuoteMeta(no))
	return Parser{
		name: "bool", typ: TypeBool,
		instructions: fmt.Sprintf("Answer with %s or %s only.", yes, no),
		parse: func(text string) (any, error) {
			var is, isNot bool
			for at := 0; at < len(text); {
				m := re.FindStringIndex(text[at:])
				if m == nil {
					break
				}
				from, to := at+m[0], at+m[1]
				if !apart(text, from) || !apart(text, to) {
					_, size := utf8.DecodeRuneInString(text[from:])
					at = from + size
					continue
				}
				word := text[from:to]
				is, isNot = is || strings.EqualFold(word, yes), isNot || strings.EqualFold(word, no)
				at = to
			}
			if is == isNot {
				return nil, &Error{Parser: "bool", Expected: fmt.Sprintf("either %s or %s", yes, no), Found: found(text)}
			}
			return is, nil
		},
	}, nil
}

// apart reports whether a word begins or ends at that place.
func apart(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	return isWord(before) != isWord(after)
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// Regex looks for the first match of a regular expression (RE2's syntax) and
// gives its groups by name: (?P<name>…). With keys, the groups are counted
// instead, as LangChain does, and the first is called by the first key. Where
// nothing matches, and a default is named, that key gets the whole answer and
// the others are empty. Errors: the expression is invalid, or has no groups for
// the keys.
func Regex(pattern string, keys []string, byDefault string) (Parser, error) {
	if pattern == "" {
		return Parser{}, errors.New("the parser \"regex\" needs a pattern")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return Parser{}, fmt.Errorf("the pattern of the parser \"regex\": %w (RE2 has no lookaround and no back references)", err)
	}
	groups := make(map[string]int, len(keys))
	for i, k := range keys {
		groups[k] = i + 1
	}
	if len(keys) == 0 {
		for i, name := range re.SubexpNames() {
			if name != "" {
				groups[name] = i
				keys = append(keys, name)
			}
		}
	}
	switch {
	case len(keys) == 0:
		return Parser{}, errors.New("the pattern of the parser \"regex\" has no named group; write (?P<name>…), or give keys")
	case len(groups) < len(keys):
		return Parser{}, errors.New("a key of the parser \"regex\" appears twice")
	case re.NumSubexp() < len(keys):
		return Parser{}, fmt.Errorf("the pattern of the parser \"regex\" has %d groups, and there are %d keys", re.NumSubexp(), len(keys))
	case byDefault != "" && groups[byDefault] == 0:
		return Parser{}, fmt.Errorf("the default %q of the parser \"regex\" is not one of its keys", byDefault)
	}
	return Parser{
		name: "regex", typ: TypeMap,
		instructions: "Your response should match this regular expression: `" + pattern + "`",
		parse: func(text string) (any, error) {
			m := re.FindStringSubmatch(text)
			if m == nil && byDefault == "" {
				return nil, &Error{Parser: "regex", Expected: "text that matches " + textx.Brief(pattern, 200), Found: found(text)}
			}
			out := make(map[string]any, len(groups))
			for name, i := range groups {
				switch {
				case m != nil:
					out[name] = m[i]
				case name == byDefault:
					out[name] = text
				default:
					out[name] = ""
				}
			}
			return out, nil
		},
	}, nil
}
