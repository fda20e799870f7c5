package pyval

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// MaxWidth bounds the width and the precision of a format.
const MaxWidth = 10_000

// Spec is a format as str.format has them: [[fill]align][sign][z][#][0][width]
// [grouping][.precision][type].
type Spec struct {
	text      string
	fill      rune // 0: not given
	align     byte // < > ^ =, 0: by the value's type
	sign      byte // + - space
	noNegZero bool
	alternate bool
	zero      bool // a 0 before the width
	width     int
	separator byte // , _ or 0
	precision int  // -1: not given
	kind      byte // d, f, …; 0: by the value's type
}

// ParseSpec reads a format. Errors are worded as Python's are.
func ParseSpec(s string) (Spec, error) {
	f := Spec{text: s, precision: -1}
	invalid := errors.New("invalid format specifier")
	rest := s
	if r, size := utf8.DecodeRuneInString(rest); len(rest) > size && isAlign(rest[size]) {
		f.fill, f.align, rest = r, rest[size], rest[size+1:]
	} else if rest != "" && isAlign(rest[0]) {
		f.align, rest = rest[0], rest[1:]
	}
	take := func(set string) byte {
		if rest == "" || strings.IndexByte(set, rest[0]) < 0 {
			return 0
		}
		c := rest[0]
		rest = rest[1:]
		return c
	}
	f.sign = take("+- ")
	f.noNegZero = take("z") != 0
	f.alternate = take("#") != 0
	if f.fill == 0 && take("0") != 0 {
		f.zero = true
	}
	var err error
	if f.width, rest, err = integer(rest); err != nil {
		return f, err
	}
	f.separator = take(",_")
	if f.separator != 0 && take(",_") != 0 {
		return f, errors.New("cannot specify both ',' and '_'")
	}
	if take(".") != 0 {
		digits := rest
		if f.precision, rest, err = integer(rest); err != nil {
			return f, err
		}
		if digits == rest {
			return f, errors.New("format specifier missing precision")
		}
	}
	if len(rest) > 1 {
		return f, invalid
	}
	if rest != "" {
		f.kind = rest[0]
		if strings.IndexByte("bcdeEfFgGnosxX%", f.kind) < 0 {
			return f, fmt.Errorf("unknown format code %q", rest)
		}
	}
	if f.separator != 0 && f.kind != 0 && strings.IndexByte("deEfFgG%", f.kind) < 0 &&
		(f.separator == ',' || strings.IndexByte("boxX", f.kind) < 0) {
		return f, fmt.Errorf("cannot specify '%c' with '%c'", f.separator, f.kind)
	}
	return f, nil
}

func isAlign(c byte) bool { return c == '<' || c == '>' || c == '^' || c == '=' }

func integer(s string) (n int, rest string, err error) {
	for s != "" && '0' <= s[0] && s[0] <= '9' {
		if n = n*10 + int(s[0]-'0'); n > MaxWidth {
			return 0, s, fmt.Errorf("more than %d characters", MaxWidth)
		}
		s = s[1:]
	}
	return n, s, nil
}

// NeedsNumber reports whether no text can have this format.
func (f Spec) NeedsNumber() bool {
	return f.kind != 0 && f.kind != 's' || f.sign != 0 || f.noNegZero || f.alternate || f.align == '=' || f.separator != 0
}

// Format returns a plain value as the format shows it. Errors are worded as
// Python's are: a format that does not go with the type of the value.
func Format(v any, f Spec) (string, error) {
	if f.text == "" {
		return Str(v, nil)
	}
	switch v := v.(type) {
	case string:
		return f.formatText(v)
	case bool, int64, *big.Int:
		b, _ := Big(v)
		return f.formatInt(b)
	case float64:
		return f.formatFloat(v, "float")
	}
	return "", fmt.Errorf("unsupported format string passed to %s.__format__", TypeName(v))
}

func (f Spec) formatText(s string) (string, error) {
	switch {
	case f.kind != 0 && f.kind != 's':
		return "", fmt.Errorf("unknown format code '%c' for object of type 'str'", f.kind)
	case f.sign == ' ':
		return "", errors.New("space not allowed in string format specifier")
	case f.sign != 0:
		return "", errors.New("sign not allowed in string format specifier")
	case f.noNegZero:
		return "", errors.New("negative zero coercion (z) not allowed in string format specifier")
	case f.alternate:
		return "", errors.New("alternate form (#) not allowed in string format specifier")
	case f.align == '=':
		return "", errors.New("'=' alignment not allowed in string format specifier")
	case f.separator != 0:
		return "", fmt.Errorf("cannot specify '%c' with 's'", f.separator)
	}
	if f.precision >= 0 && utf8.RuneCountInString(s) > f.precision {
		s = string([]rune(s)[:f.precision])
	}
	return f.pad("", s, '<'), nil
}

// pad fills up to the width; usual is the alignment where none is given.
func (f Spec) pad(sign, s string, usual byte) string {
	n := f.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(s)
	if n <= 0 {
		return sign + s
	}
	fill, align := f.fill, f.align
	switch {
	case fill != 0:
	case f.zero:
		fill = '0'
	default:
		fill = ' '
	}
	if align == 0 {
		align = usual
	}
	left := 0
	switch align {
	case '>':
		left = n
	case '^':
		left = n / 2
	case '=':
		return sign + strings.Repeat(string(fill), n) + s
	}
	return strings.Repeat(string(fill), left) + sign + s + strings.Repeat(string(fill), n-left)
}
