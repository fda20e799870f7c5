package output

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DefaultLayout is that of [Time].
const DefaultLayout = "%Y-%m-%dT%H:%M:%S.%fZ"

// Time takes a date and time, with white space around it. The layout is one of
// Python's strptime, such as "%d.%m.%Y %H:%M", or one of Go's, which has no %;
// empty: [DefaultLayout]. Without a zone, the time is UTC. Errors: a directive
// that is not known, or none at all.
func Time(layout string) (Parser, error) {
	if layout == "" {
		layout = DefaultLayout
	}
	parse := func(text string) (time.Time, error) { return time.Parse(layout, text) }
	format := func(t time.Time) string { return t.Format(layout) }
	if strings.Contains(layout, "%") {
		l, err := compileLayout(layout)
		if err != nil {
			return Parser{}, err
		}
		parse, format = l.parse, func(t time.Time) string { return strftime(layout, t) }
	} else if format(time.Unix(0, 0).UTC()) == format(time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC)) {
		return Parser{}, fmt.Errorf("the layout %q of the parser \"datetime\" has no time directive; write it like %%Y-%%m-%%d", layout)
	}
	var examples []string
	for _, t := range []time.Time{
		time.Date(2023, 7, 4, 14, 30, 0, 0, time.UTC),
		time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		examples = append(examples, format(t))
	}
	return Parser{
		name: "datetime", typ: TypeTime,
		instructions: fmt.Sprintf("Write a datetime string that matches the following pattern: '%s'.\n\nExamples: %s\n\nReturn ONLY this string, no other words!",
			layout, strings.Join(examples, ", ")),
		parse: func(text string) (any, error) {
			t, err := parse(strip(text))
			if err != nil {
				return nil, &Error{Parser: "datetime", Expected: fmt.Sprintf("a time such as %q", examples[0]), Found: found(text)}
			}
			return t, nil
		},
	}, nil
}

// timeLayout is a strptime format, compiled.
type timeLayout struct {
	re     *regexp.Regexp
	fields []byte // the directive of each group
}

const (
	days   = "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday"
	months = "January|February|March|April|May|June|July|August|September|October|November|December"
)

// directive is the expression that strptime has for one, or "".
func directive(c byte) string {
	switch c {
	case 'd':
		return `3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]`
	case 'f':
		return `[0-9]{1,6}`
	case 'H':
		return `2[0-3]|[0-1]\d|\d`
	case 'I':
		return `1[0-2]|0[1-9]|[1-9]`
	case 'j':
		return `36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]`
	case 'm':
		return `1[0-2]|0[1-9]|[1-9]`
	case 'M':
		return `[0-5]\d|\d`
	case 'S':
		return `6[0-1]|[0-5]\d|\d`
	case 'y':
		return `\d\d`
	case 'Y':
		return `\d\d\d\d`
	case 'z':
		return `[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z)`
	case 'Z':
		return `UTC|GMT`
	case 'A':
		return days
	case 'a':
		return "Sun|Mon|Tue|Wed|Thu|Fri|Sat"
	case 'B':
		return months
	case 'b':
		return "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
	case 'p':
		return "AM|PM"
	}
	return ""
}

// expand writes out the directives that stand for several.
func expand(layout string) string {
	return strings.NewReplacer("%%", "%%", "%c", "%a %b %d %H:%M:%S %Y", "%x", "%m/%d/%y", "%X", "%H:%M:%S").Replace(layout)
}

func compileLayout(layout string) (*timeLayout, error) {
	var b strings.Builder
	l := &timeLayout{}
	b.WriteString(`(?i)\A`)
	long := expand(layout)
	for i := 0; i < len(long); i++ {
		c := long[i]
		switch {
		case c == '%' && i+1 < len(long) && long[i+1] == '%':
			b.WriteByte('%')
			i++
		case c == '%':
			if i++; i == len(long) || directive(long[i]) == "" {
				return nil, fmt.Errorf("the layout %q of the parser \"datetime\" has a %% without a known directive; the directives are: a A b B c d f H I j m M p S x X y Y z Z", layout)
			}
			if strings.IndexByte(string(l.fields), long[i]) >= 0 {
				return nil, fmt.Errorf("the layout %q of the parser \"datetime\" has %%%c twice", layout, long[i])
			}
			l.fields = append(l.fields, long[i])
			b.WriteString("(" + directive(long[i]) + ")")
		case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
			for i+1 < len(long) && strings.IndexByte(" \t\n\r\f\v", long[i+1]) >= 0 {
				i++
			}
			b.WriteString(space + "+")
		default:
			b.WriteString(regexp.QuoteMeta(long[i : i+1]))
		}
	}
	if len(l.fields) == 0 {
		return nil, fmt.Errorf("the layout %q of the parser \"datetime\" has no time directive; write it like %%Y-%%m-%%d", layout)
	}
	b.WriteString(`\z`)
	var err error
	l.re, err = regexp.Compile(b.String())
	return l, err
}

// moment is a time as far as it has been read.
type moment struct {
	year, month, day, yearDay int
	hour, minute, second, ns  int
	half                      string // AM or PM
	half12                    bool   // the hour is one of twelve
	zone                      *time.Location
}

func (l *timeLayout) parse(text string) (time.Time, error) {
	m := l.re.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, fmt.Errorf("%q does not match", text)
	}
	at := moment{year: 1900, month: 1, day: 1, zone: time.UTC}
	for i, f := range l.fields {
		if err := at.set(f, m[i+1]); err != nil {
			return time.Time{}, err
		}
	}
	return at.time()
}

func (at *moment) set(directive byte, s string) error {
	n, _ := strconv.Atoi(strings.TrimSpace(s)) // of digits, by the expression, or not used
	switch directive {
	case 'Y':
		at.year = n
	case 'y':
		if at.year = 1900 + n; n <= 68 {
			at.year = 2000 + n
		}
	case 'm':
		at.month = n
	case 'B', 'b':
		for i, name := range strings.Split(months, "|") {
			if len(s) >= 3 && strings.EqualFold(name[:3], s[:3]) {
				at.month = i + 1
			}
		}
	case 'd':
		at.day = n
	case 'j':
		at.yearDay = n
	case 'H':
		at.hour = n
	case 'I':
		at.hour, at.half12 = n, true
	case 'p':
		at.half = strings.ToUpper(s)
	case 'M':
		at.minute = n
	case 'S':
		at.second = n
	case 'f':
		at.ns, _ = strconv.Atoi((s + "00000000")[:9])
	case 'z':
		return at.offset(s)
	}
	return nil
}

func (at *moment) offset(s string) error {
	if s == "Z" {
		return nil
	}
	whole, _, _ := strings.Cut(s[1:], ".")
	digits := strings.ReplaceAll(whole, ":", "")
	if colons := strings.Count(whole, ":"); colons != 0 && colons != len(digits)/2-1 {
		return fmt.Errorf("the offset %q mixes forms with and without colons", s)
	}
	h, _ := strconv.Atoi(digits[:2])
	m, _ := strconv.Atoi(digits[2:4])
	sec := 0
	if len(digits) >= 6 {
		sec, _ = strconv.Atoi(digits[4:6])
	}
	if h > 23 {
		return fmt.Errorf("the offset %q is a day or more", s)
	}
	n := h*3600 + m*60 + sec
	if s[0] == '-' {
		n = -n
	}
	at.zone = time.FixedZone("", n)
	return nil
}

func (at *moment) time() (time.Time, error) {
	if at.half12 {
		at.hour %= 12
		if at.half == "PM" {
			at.hour += 12
		}
	}
	if at.second > 59 {
		return time.Time{}, fmt.Errorf("%d is not a valid second", at.second)
	}
	if at.year < 1 {
		return time.Time{}, fmt.Errorf("%d is not a valid year", at.year)
	}
	month, day := at.month, at.day
	if at.yearDay > 0 {
		month, day = 1, at.yearDay
	}
	t := time.Date(at.year, time.Month(month), day, at.hour, at.minute, at.second, at.ns, at.zone)
	if at.yearDay == 0 && t.Day() != at.day || at.yearDay > 0 && t.Year() != at.year {
		return time.Time{}, fmt.Errorf("there is no such date")
	}
	return t, nil
}

// strftime writes a time in UTC.
func strftime(layout string, t time.Time) string {
	long := expand(layout)
	var b strings.Builder
	for i := 0; i < len(long); i++ {
		if long[i] != '%' {
			b.WriteByte(long[i])
			continue
		}
		i++
		switch long[i] {
		case 'f':
			fmt.Fprintf(&b, "%06d", t.Nanosecond()/1000)
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case '%':
			b.WriteByte('%')
		default:
			b.WriteString(t.Format(map[byte]string{
				'd': "02", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'S': "05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
				'A': "Monday", 'a': "Mon", 'B': "January", 'b': "Jan", 'p': "PM",
			}[long[i]]))
		}
	}
	return b.String()
}
