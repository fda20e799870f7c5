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
		return "", errors.New("half of a surrogate pair is not a character")
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
