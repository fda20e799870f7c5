package pyval

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
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

func (f Spec) formatInt(b *big.Int) (string, error) {
	switch f.kind {
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		x, ok := Float(b)
		if !ok {
			return "", errors.New("int too large to convert to float")
		}
		return f.formatFloat(x, "int")
	case 's':
		return "", errors.New("unknown format code 's' for object of type 'int'")
	}
	if f.precision >= 0 {
		return "", errors.New("precision not allowed in integer format specifier")
	}
	if f.noNegZero {
		return "", errors.New("negative zero coercion (z) not allowed in format specifier with integer presentation type")
	}
	if f.kind == 'c' {
		return f.formatRune(b)
	}
	base, prefix, group := 10, "", 3
	switch f.kind {
	case 'b':
		base, prefix, group = 2, "0b", 4
	case 'o':
		base, prefix, group = 8, "0o", 4
	case 'x', 'X':
		base, prefix, group = 16, "0x", 4
	}
	digits := new(big.Int).Abs(b).Text(base)
	if !f.alternate {
		prefix = ""
	}
	if f.kind == 'X' {
		digits, prefix = strings.ToUpper(digits), strings.ToUpper(prefix)
	}
	return f.number(f.signOf(b.Sign() < 0)+prefix, digits, "", group), nil
}

func (f Spec) formatRune(b *big.Int) (string, error) {
	if f.sign != 0 {
		return "", errors.New("sign not allowed with integer format specifier 'c'")
	}
	if f.alternate {
		return "", errors.New("alternate form (#) not allowed with integer format specifier 'c'")
	}
	if !b.IsInt64() || b.Int64() < 0 || b.Int64() > utf8.MaxRune {
		return "", errors.New("%c arg not in range(0x110000)")
	}
	r := rune(b.Int64()) //nolint:gosec // it is in range
	if !utf8.ValidRune(r) {
		return "", errors.New("half of a surrogate pair is no character")
	}
	return f.number("", "", string(r), 3), nil
}

func (f Spec) formatFloat(x float64, typeName string) (string, error) {
	kind, precision, dot := f.kind, f.precision, false
	switch kind {
	case 0:
		dot = true
		kind = 'g'
		if precision < 0 {
			kind = 'r'
		}
	case 'n':
		kind = 'g'
	case '%':
		x *= 100
	case 'e', 'E', 'f', 'F', 'g', 'G':
	default:
		return "", fmt.Errorf("unknown format code '%c' for object of type '%s'", kind, typeName)
	}
	if precision < 0 {
		precision = 6
	}
	digits := f.floatDigits(math.Abs(x), kind, precision, dot)
	negative := math.Signbit(x) && !math.IsNaN(x)
	if f.noNegZero && negative && strings.Trim(digits, "0.eE+-%") == "" {
		negative = false
	}
	if kind == 'E' || kind == 'F' || kind == 'G' {
		digits = strings.ToUpper(digits)
	}
	if kind == '%' {
		digits += "%"
	}
	end := 0
	for end < len(digits) && '0' <= digits[end] && digits[end] <= '9' {
		end++
	}
	return f.number(f.signOf(negative), digits[:end], digits[end:], 3), nil
}

// floatDigits returns x, which is not negative, in one of the presentations.
// dot: what looks like an integer gets .0.
func (f Spec) floatDigits(x float64, kind byte, precision int, dot bool) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return FloatRepr(x)
	}
	switch kind {
	case 'r':
		s := FloatRepr(x)
		if f.alternate && !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".e", 1)
		}
		return s
	case 'f', 'F', '%':
		s := strconv.FormatFloat(x, 'f', precision, 64)
		if f.alternate && precision == 0 {
			s += "."
		}
		return s
	case 'e', 'E':
		s := strconv.FormatFloat(x, 'e', precision, 64)
		if f.alternate && precision == 0 {
			s = strings.Replace(s, "e", ".e", 1)
		}
		return s
	}
	return f.general(x, max(precision, 1), dot)
}

// general is the presentation g: the exponent decides between e and f, and
// zeros at the end go.
func (f Spec) general(x float64, precision int, dot bool) string {
	e := strconv.FormatFloat(x, 'e', precision-1, 64)
	at := strings.IndexByte(e, 'e')
	exp, _ := strconv.Atoi(e[at+1:])
	limit := precision
	if dot {
		limit--
	}
	mantissa, tail := e[:at], e[at:]
	if exp >= -4 && exp < limit {
		mantissa, tail = strconv.FormatFloat(x, 'f', max(precision-1-exp, 0), 64), ""
	}
	switch {
	case f.alternate && !strings.Contains(mantissa, "."):
		mantissa += "."
		if dot && tail == "" {
			mantissa += "0"
		}
	case f.alternate:
	case strings.Contains(mantissa, "."):
		mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
	}
	if dot && tail == "" && !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return mantissa + tail
}

func (f Spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.sign == '+' || f.sign == ' ':
		return string(f.sign)
	}
	return ""
}

// number puts a number together: the sign and prefix, the digits before the
// point, which are grouped, and the rest.
func (f Spec) number(sign, digits, rest string, group int) string {
	align, zero := f.align, f.zero || f.fill == '0'
	if align == 0 && f.zero {
		align = '='
	}
	least := 0
	if zero && align == '=' {
		least = f.width - len(sign) - utf8.RuneCountInString(rest)
	}
	if f.separator == 0 {
		group = 0
	}
	if digits != "" || least > 0 {
		digits = grouped(digits, group, least, f.separator)
	}
	f.align = align
	return f.pad(sign, digits+rest, '>')
}

// grouped puts separators between groups of digits, and zeros before them
// until they are least long.
func grouped(digits string, group, least int, separator byte) string {
	if group == 0 {
		return strings.Repeat("0", max(0, least-len(digits))) + digits
	}
	var parts []string
	for {
		n := min(group, max(len(digits), least, 1))
		part := digits[max(0, len(digits)-n):]
		digits = digits[:len(digits)-len(part)]
		parts = append(parts, strings.Repeat("0", n-len(part))+part)
		if least -= n; digits == "" && least <= 0 {
			break
		}
		least--
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(parts[i])
		if i > 0 {
			b.WriteByte(separator)
		}
	}
	return b.String()
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
