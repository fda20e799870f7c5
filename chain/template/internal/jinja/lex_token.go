package jinja

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// next takes one token from the beginning of rest.
func (l *lexer) next(rest string) token {
	c := rest[0]
	switch {
	case '0' <= c && c <= '9':
		return l.number(rest)
	case c == '"' || c == '\'':
		return l.quoted(rest)
	}
	if n := textx.NameLen(rest); n > 0 {
		return token{kind: tokenName, text: rest[:n]}
	}
	for _, op := range []string{"//", "**", "==", "!=", ">=", "<="} {
		if strings.HasPrefix(rest, op) {
			return token{kind: tokenOperator, text: op}
		}
	}
	if strings.IndexByte("+-/*%~[](){}><=.:|,", c) >= 0 {
		return token{kind: tokenOperator, text: rest[:1]}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	shown := string(r)
	if unicode.IsControl(r) {
		shown = strconv.QuoteRune(r)
	}
	fail(l.at, "there is a "+shown+" in a tag, where it means nothing", "remove it")
	return token{}
}

// digitsLen returns the length of the digits that s begins with, with a _ between
// them here and there.
func digitsLen(s string, digit func(byte) bool) int {
	n := 0
	for i := range len(s) {
		switch {
		case digit(s[i]):
			n = i + 1
		case s[i] == '_' && i > 0 && s[i-1] != '_':
		default:
			return n
		}
	}
	return n
}

func decimal(c byte) bool { return '0' <= c && c <= '9' }

func (l *lexer) number(rest string) token {
	if n := floatLen(rest); n > 0 && (l.at == 0 || l.text[l.at-1] != '.') {
		f, err := strconv.ParseFloat(strings.ReplaceAll(rest[:n], "_", ""), 64)
		if err != nil && f == 0 {
			fail(l.at, "this is not a number", "write it as 1.5")
		}
		return token{kind: tokenNumber, text: rest[:n], value: f}
	}
	base, n := 10, digitsLen(rest, decimal)
	if rest[0] == '0' {
		n = digitsLen(rest, func(c byte) bool { return c == '0' })
		for prefix, b := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
			if len(rest) > 2 && strings.EqualFold(rest[:2], prefix) {
				digit := func(c byte) bool {
					return strings.IndexByte("0123456789abcdef"[:b], c) >= 0 || b == 16 && 'A' <= c && c <= 'F'
				}
				if d := digitsLen(rest[2:], digit); d > 0 {
					base, n = b, d+2
				}
			}
		}
	}
	digits := strings.ReplaceAll(rest[:n], "_", "")
	if base != 10 {
		digits = digits[2:]
	}
	b, ok := new(big.Int).SetString(digits, base)
	if !ok || n > 1000 {
		fail(l.at, "this is not a number", "write it as 15")
	}
	return token{kind: tokenNumber, text: rest[:n], value: pyval.Int(b)}
}

// floatLen returns the length of the float that s begins with, or 0.
func floatLen(s string) int {
	n := digitsLen(s, decimal)
	end := 0
	if n < len(s) && s[n] == '.' {
		if d := digitsLen(s[n+1:], decimal); d > 0 && s[n+1] != '_' {
			n += 1 + d
			end = n
		}
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		exp := n + 1
		if exp < len(s) && (s[exp] == '+' || s[exp] == '-') {
			exp++
		}
		if d := digitsLen(s[exp:], decimal); d > 0 && s[exp] != '_' {
			end = exp + d
		}
	}
	return end
}

func (l *lexer) quoted(rest string) token {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			return token{kind: tokenString, text: rest[:i+1], value: l.unescape(rest[1:i])}
		}
	}
	fail(l.at, "this quote is never closed", "write "+rest[:1]+" at its end")
	return token{}
}

// unescape reads the escapes that Python's strings have; what is none stays.
func (l *lexer) unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		c := s[i]
		if j := strings.IndexByte(`abfnrtv\'"`, c); j >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v\\'\""[j])
			continue
		}
		length := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		switch {
		case c == '\n':
		case c == 'N':
			fail(l.at, "the escape \\N is not supported", "write the character itself")
		case length > 0:
			n, err := strconv.ParseUint(s[min(i+1, len(s)):min(i+1+length, len(s))], 16, 32)
			if err != nil || i+length >= len(s) || !utf8.ValidRune(rune(n)) { //nolint:gosec // 32 bits, and checked
				fail(l.at, "the escape \\"+string(c)+" in this text is none", "write \\\\ for a backslash")
			}
			b.WriteRune(rune(n)) //nolint:gosec // 32 bits
			i += length
		case '0' <= c && c <= '7':
			n := rune(0)
			end := min(i+3, len(s))
			for ; i < end && '0' <= s[i] && s[i] <= '7'; i++ {
				n = n*8 + rune(s[i]-'0')
			}
			i--
			b.WriteRune(n)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}
