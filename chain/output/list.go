package output

import (
	"regexp"
	"strings"
)

// List takes items that commas separate, or line ends, as in a CSV file: an
// item with a comma in it stands in double quotes. Blanks before an item do not
// count. An answer without any item is an error.
func List() Parser {
	return Parser{
		name: "list", typ: TypeList,
		instructions: "Your response should be a list of comma separated values, eg: `foo, bar, baz` or `foo,bar,baz`",
		parse: func(text string) (any, error) {
			if strip(text) == "" {
				return nil, &Error{Parser: "list", Expected: "a list of values separated by commas", Found: found(text)}
			}
			return separated(text), nil
		},
	}
}

// maxField is the longest item that Python's csv module reads.
const maxField = 131072

// separated reads text as Python's csv.reader does (delimiter ",", quotes ",
// blanks after a delimiter skipped); what that refuses is split at the commas.
func separated(text string) []string {
	var r csvReader
	for _, line := range strings.SplitAfter(text, "\n") {
		if line == "" {
			continue
		}
		if !r.line(line) {
			return split(text)
		}
	}
	r.eof()
	return r.items
}

func split(text string) []string {
	parts := strings.Split(text, ",")
	for i, p := range parts {
		parts[i] = strip(p)
	}
	return parts
}

// lineEnd stands for the end of a line that is not written.
const lineEnd rune = -1

type csvState int

const (
	startRecord csvState = iota
	startField
	inField
	inQuotes
	quoteInQuotes
	eatEnd
)

// csvReader is the state machine of Python's _csv module.
type csvReader struct {
	items []string
	state csvState
	field strings.Builder
	n     int // runes in field
}

// line takes a line in; false: it is none that the module reads.
func (r *csvReader) line(line string) bool {
	for _, c := range line {
		if !r.next(c) {
			return false
		}
	}
	return r.next(lineEnd)
}

func (r *csvReader) save() {
	r.items = append(r.items, r.field.String())
	r.field.Reset()
	r.n = 0
}

func (r *csvReader) add(c rune) bool {
	r.field.WriteRune(c)
	r.n++
	return r.n <= maxField
}

func (r *csvReader) next(c rune) bool {
	end := c == '\n' || c == '\r'
	switch r.state {
	case startRecord:
		switch {
		case c == lineEnd:
			return true
		case end:
			r.state = eatEnd
			return true
		}
		r.state = startField
		fallthrough
	case startField:
		switch {
		case end || c == lineEnd:
			r.save()
			r.endLine(c)
		case c == '"':
			r.state = inQuotes
		case c == ' ':
		case c == ',':
			r.save()
		default:
			r.state = inField
			return r.add(c)
		}
	case inField:
		switch {
		case end || c == lineEnd:
			r.save()
			r.endLine(c)
		case c == ',':
			r.save()
			r.state = startField
		default:
			return r.add(c)
		}
	case inQuotes:
		switch c {
		case lineEnd:
		case '"':
			r.state = quoteInQuotes
		default:
			return r.add(c)
		}
	case quoteInQuotes:
		switch {
		case c == '"':
			r.state = inQuotes
			return r.add(c)
		case c == ',':
			r.save()
			r.state = startField
		case end || c == lineEnd:
			r.save()
			r.endLine(c)
		default:
			r.state = inField
			return r.add(c)
		}
	case eatEnd:
		switch {
		case end:
		case c == lineEnd:
			r.state = startRecord
		default:
			return false
		}
	}
	return true
}

func (r *csvReader) endLine(c rune) {
	r.state = eatEnd
	if c == lineEnd {
		r.state = startRecord
	}
}

// eof saves a field whose quotes were not closed.
func (r *csvReader) eof() {
	if r.state == inQuotes || r.n > 0 {
		r.save()
	}
}

// Numbered takes the items of a list such as "1. foo". Lines without a number
// do not count; an answer without any item is an error.
func Numbered() Parser {
	return byPattern("numbered", "a numbered list, such as `1. foo`", `\p{Nd}+\.`+space+`([^\n]+)`,
		"Your response should be a numbered list with each item on a new line. For example: \n\n1. foo\n\n2. bar\n\n3. baz")
}

// Markdown takes the items of a list such as "- foo" or "* foo". Other lines do
// not count; an answer without any item is an error.
func Markdown() Parser {
	return byPattern("markdown", "a markdown list, such as `- foo`", `(?m)^`+space+`*[-*]`+space+`([^\n]+)$`,
		"Your response should be a markdown list, eg: `- foo\n- bar\n- baz`")
}

// space is what \s is to Python.
const space = `[\s\v\x1c-\x1f\x{85}\p{Z}]`

func byPattern(name, expected, pattern, instructions string) Parser {
	re := regexp.MustCompile(pattern)
	return Parser{
		name: name, typ: TypeList, instructions: instructions,
		parse: func(text string) (any, error) {
			var items []string
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				items = append(items, m[1])
			}
			if len(items) == 0 {
				return nil, &Error{Parser: name, Expected: expected, Found: found(text)}
			}
			return items, nil
		},
	}
}
