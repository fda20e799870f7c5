package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema"
	"github.com/tandem-llm/tandem/internal/schema/internal/jsonschema/kind"
)

// The most that is said about one answer, to a model that is to mend it.
const (
	maxProblems = 8
	maxProblem  = 200 // runes
)

// problems puts a validation error into lines such as "/age: expected integer,
// got string", at most so many and none of them long, in the order of doc, which
// the error is about. Nil: there was none.
func problems(err error, most int, doc *node) []string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		if err != nil {
			return []string{shorten(err.Error(), maxProblem)}
		}
		return nil
	}
	inOrder(v, doc)
	var all []string
	seen := map[string]bool{}
	collect(v, func(line string) {
		if line = shorten(line, maxProblem); !seen[line] {
			seen[line] = true
			all = append(all, line)
		}
	})
	if len(all) > most {
		all = append(all[:most:most], fmt.Sprintf("and %d more", len(all)-most))
	}
	return all
}

// collect walks to the errors that say something by themselves. Of several
// alternatives none of which fits, it takes the one that got furthest.
func collect(v *jsonschema.ValidationError, add func(string)) {
	at := pointer(v.InstanceLocation) + ": "
	switch k := v.ErrorKind.(type) {
	case *kind.AnyOf:
		add(at + "matches none of the alternatives")
		collectBest(v, add)
		return
	case *kind.OneOf:
		if len(k.Subschemas) == 0 {
			add(at + "matches none of the alternatives")
			collectBest(v, add)
			return
		}
	case *kind.PropertyNames:
		line := at + fmt.Sprintf("the name %q is not allowed", k.Property)
		var why []string
		for _, c := range v.Causes { // whose places are within the name
			collect(c, func(s string) { why = append(why, strings.TrimPrefix(s, "/: ")) })
		}
		if len(why) > 0 {
			line += ": " + strings.Join(why, "; ")
		}
		add(line)
		return
	}
	if len(v.Causes) == 0 {
		add(at + problemText(v.ErrorKind))
	}
	for _, c := range v.Causes {
		collect(c, add)
	}
}

// collectBest adds the problems of the alternative that got furthest into the
// answer, where one did.
func collectBest(v *jsonschema.ValidationError, add func(string)) {
	best, furthest := -1, len(v.InstanceLocation)
	for i, c := range v.Causes {
		if d := depth(c); d > furthest {
			best, furthest = i, d
		}
	}
	switch {
	case best >= 0:
		collect(v.Causes[best], add)
	case len(v.Causes) <= 4:
		for _, c := range v.Causes {
			collect(c, add)
		}
	}
}

func depth(v *jsonschema.ValidationError) int {
	d := len(v.InstanceLocation)
	for _, c := range v.Causes {
		d = max(d, depth(c))
	}
	return d
}

// problemText is one error in words that a model understands.
func problemText(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("expected %s, got %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return "expected one of " + list(k.Want) + ", got " + encode(k.Got)
	case *kind.Const:
		return "expected " + encode(k.Want) + ", got " + encode(k.Got)
	case *kind.Required:
		return "the property " + quoted(k.Missing) + " is missing"
	case *kind.AdditionalProperties:
		return "the property " + quoted(k.Properties) + " is not allowed"
	case *kind.AdditionalItems:
		return fmt.Sprintf("the last %d of its elements are not allowed", k.Count)
	case *kind.DependentRequired:
		return fmt.Sprintf("with %q, the property %s is required too", k.Prop, quoted(k.Missing))
	case *kind.Pattern:
		return fmt.Sprintf("expected a string that matches %s, got %s", k.Want, encode(k.Got))
	case *kind.Format:
		if k.Want == "regex" {
			return encode(k.Got) + " is not a regular expression"
		}
		return fmt.Sprintf("expected a %s, got %s", k.Want, encode(k.Got))
	case *kind.MinLength:
		return fmt.Sprintf("expected at least %d characters, got %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("expected at most %d characters, got %d", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("expected at least %d elements, got %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("expected at most %d elements, got %d", k.Want, k.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("expected at least %d properties, got %d", k.Want, k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("expected at most %d properties, got %d", k.Want, k.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("elements %d and %d are the same", k.Duplicates[0], k.Duplicates[1])
	case *kind.Minimum:
		return "expected at least " + decimal(k.Want) + ", got " + decimal(k.Got)
	case *kind.Maximum:
		return "expected at most " + decimal(k.Want) + ", got " + decimal(k.Got)
	case *kind.ExclusiveMinimum:
		return "expected more than " + decimal(k.Want) + ", got " + decimal(k.Got)
	case *kind.ExclusiveMaximum:
		return "expected less than " + decimal(k.Want) + ", got " + decimal(k.Got)
	case *kind.MultipleOf:
		return "expected a multiple of " + decimal(k.Want) + ", got " + decimal(k.Got)
	case *kind.OneOf:
		return "matches more than one of the alternatives, but must match exactly one"
	case *kind.Not:
		return "matches what the schema excludes"
	case *kind.FalseSchema:
		return "is not allowed"
	case *kind.Contains, *kind.MinContains:
		return "has too few of the elements that the schema asks for"
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

func list(values []any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = encode(v)
	}
	return strings.Join(parts, ", ")
}

func quoted(names []string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(parts, ", ")
}

func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "something"
	}
	return shorten(strings.TrimSuffix(b.String(), "\n"), 60)
}

func decimal(r *big.Rat) string {
	return strings.TrimRight(strings.TrimRight(r.FloatString(6), "0"), ".")
}

// shorten cuts a text to so many runes, and says that it did.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
