package schema

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// grammarPattern is a regular expression in the form that llama.cpp makes a
// grammar of: anchored at both ends, of literals, classes, groups and
// repetitions only, and of no character that would end the JSON string. It
// reports whether there is such a form.
func grammarPattern(pattern string) (string, bool) {
	if pattern == "" {
		return "", true
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	start, end, re := anchors(re)
	w := &patternWriter{}
	w.b.WriteByte('^')
	if !start {
		w.free()
	}
	ok := w.write(re)
	if !end {
		w.free()
	}
	w.b.WriteByte('$')
	if !ok || w.b.Len() > 4096 {
		return "", false
	}
	return w.b.String(), true
}

// anchors takes ^ and $ off an expression.
func anchors(re *syntax.Regexp) (start, end bool, rest *syntax.Regexp) {
	if re.Op != syntax.OpConcat {
		return false, false, re
	}
	subs := re.Sub
	if len(subs) > 0 && (subs[0].Op == syntax.OpBeginText || subs[0].Op == syntax.OpBeginLine) {
		start, subs = true, subs[1:]
	}
	if n := len(subs); n > 0 && (subs[n-1].Op == syntax.OpEndText || subs[n-1].Op == syntax.OpEndLine) {
		end, subs = true, subs[:n-1]
	}
	return start, end, &syntax.Regexp{Op: syntax.OpConcat, Sub: subs}
}

type patternWriter struct{ b strings.Builder }

// free is some text, where the expression is not anchored.
func (w *patternWriter) free() { w.b.WriteString("[A-Za-z0-9 _-]{0,20}") }

func (w *patternWriter) write(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return true
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if !w.literal(r, re.Flags&syntax.FoldCase != 0) {
				return false
			}
		}
		return true
	case syntax.OpCharClass:
		return w.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return w.class([]rune{0x20, 0x7E, 0xA0, lastPlain})
	case syntax.OpCapture:
		return w.group(re.Sub[0], "")
	case syntax.OpConcat:
		for _, s := range re.Sub {
			if !w.write(s) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		w.b.WriteByte('(')
		for i, s := range re.Sub {
			if i > 0 {
				w.b.WriteByte('|')
			}
			if s.Op == syntax.OpEmptyMatch || !w.write(s) { // an empty alternative is none that the grammar reads
				return false
			}
		}
		w.b.WriteByte(')')
		return true
	case syntax.OpStar:
		return w.group(re.Sub[0], "*")
	case syntax.OpPlus:
		return w.group(re.Sub[0], "+")
	case syntax.OpQuest:
		return w.group(re.Sub[0], "?")
	case syntax.OpRepeat:
		switch {
		case re.Max == re.Min:
			return w.group(re.Sub[0], fmt.Sprintf("{%d}", re.Min))
		case re.Max < 0:
			return w.group(re.Sub[0], fmt.Sprintf("{%d,}", re.Min))
		}
		return re.Max <= maxRepeat && w.group(re.Sub[0], fmt.Sprintf("{%d,%d}", re.Min, re.Max))
	}
	return false // word boundaries, inner anchors
}

// group writes a part that is repeated.
func (w *patternWriter) group(re *syntax.Regexp, times string) bool {
	if re.Op == syntax.OpCharClass {
		ok := w.class(re.Rune)
		w.b.WriteString(times)
		return ok
	}
	w.b.WriteByte('(')
	ok := w.write(re)
	w.b.WriteByte(')')
	w.b.WriteString(times)
	return ok && re.Op != syntax.OpEmptyMatch
}

// literal writes one character. Most are classes of one: nothing in the
// grammar's reading of an expression then depends on what follows.
func (w *patternWriter) literal(r rune, fold bool) bool {
	if isPlain(r) && !fold {
		w.b.WriteRune(r)
		return true
	}
	set := []rune{r, r}
	if fold {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			set = append(set, f, f)
		}
	}
	return w.class(set)
}

func isPlain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// class writes ranges, without what a JSON string writes otherwise: quotes,
// backslashes and control characters.
func (w *patternWriter) class(ranges []rune) bool {
	var b strings.Builder
	for i := 0; i+1 < len(ranges); i += 2 {
		lo, hi := max(ranges[i], 0x20), ranges[i+1]
		for _, hole := range []rune{'"', '\\'} {
			if lo <= hole && hole <= hi {
				writeRange(&b, lo, hole-1)
				lo = hole + 1
			}
		}
		writeRange(&b, lo, hi)
	}
	if b.Len() == 0 {
		return false
	}
	w.b.WriteString("[" + b.String() + "]")
	return true
}

// lastPlain is the last rune before the surrogates. What is beyond, as emoji, a
// range leaves out unless it begins there.
const lastPlain = 0xD7FF

func writeRange(b *strings.Builder, lo, hi rune) {
	if lo <= lastPlain {
		hi = min(hi, lastPlain)
	}
	if lo > hi {
		return
	}
	writeRune(b, lo)
	if hi > lo {
		b.WriteByte('-')
		writeRune(b, hi)
	}
}

func writeRune(b *strings.Builder, r rune) {
	switch {
	case isPlain(r):
		b.WriteRune(r)
	case r < 0xA0:
		fmt.Fprintf(b, `\x%02X`, r)
	default: // as it is: the grammar's escapes are no regular expression's
		b.WriteRune(r)
	}
}
