package normalize

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// expected is what belongs where a kind is, in words.
var expected = map[kind]string{
	text: "a string", integer: "a whole number", natural: "a size", number: "a number within range", boolean: "true or false", moment: "a time",
	object: "an object", list: "a list", nothing: "nothing",
}

// what is what stands there, in words.
func what(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return string(raw)
	}
	return "the number " + string(raw[:min(len(raw), 40)])
}

// maxDigits is how long a number may be that is surely within range.
const maxDigits = 18

// inForm reports whether the decoder takes a value for one of its kind.
func inForm(k kind, raw []byte) bool {
	switch k {
	case text:
		return raw[0] == '"'
	case boolean:
		return raw[0] == 't' || raw[0] == 'f'
	case integer:
		return isDigits(raw) && (len(raw) <= maxDigits || fits(raw))
	case natural:
		return raw[0] != '-' && isDigits(raw) && (len(raw) <= maxDigits || fits(raw))
	case number:
		if !isNumber(raw) {
			return false
		}
		if len(raw) <= maxDigits && bytes.IndexByte(raw, 'e') < 0 && bytes.IndexByte(raw, 'E') < 0 {
			return true
		}
		_, err := strconv.ParseFloat(string(raw), 32)
		return err == nil
	case moment:
		var t time.Time
		return raw[0] == '"' && t.UnmarshalJSON(raw) == nil
	}
	return false
}

func fits(raw []byte) bool {
	_, err := strconv.ParseInt(string(raw), 10, 64)
	return err == nil
}

func isNumber(raw []byte) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }

// isDigits reports whether a value is a number without a fraction or an exponent.
func isDigits(raw []byte) bool {
	if raw[0] == '-' {
		raw = raw[1:]
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// mends are how each kind is read from others.
var mends = map[kind]func(raw []byte) ([]byte, error){
	text: asText, integer: asInteger, natural: asNatural, number: asNumber, boolean: asBoolean, moment: asMoment,
	object: asObject, list: asList, nothing: asNothing,
}

// asText takes a number, true and false for what they are written as.
func asText(raw []byte) ([]byte, error) {
	if raw[0] == '{' || raw[0] == '[' {
		return nil, errOther
	}
	return quoted(raw), nil
}

// maxExact is the largest whole number that a float64 has no neighbour of.
const maxExact = 1 << 53

// asInteger takes a fraction that is whole (5.0), and a text of a number.
func asInteger(raw []byte) ([]byte, error) {
	n, err := strconv.ParseFloat(inside(raw), 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > maxExact || raw[0] == '{' || raw[0] == '[' {
		return nil, errOther
	}
	return strconv.AppendInt(nil, int64(n), 10), nil
}

func asNatural(raw []byte) ([]byte, error) {
	out, err := asInteger(raw)
	if err == nil && out[0] == '-' {
		err = errOther
	}
	return out, err
}

// beyondRange reports whether a value has a number that a float64 does not hold.
func beyondRange(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			i = stringEnd(raw, i) - 1
		case c == '-' || c >= '0' && c <= '9':
			end := skip(raw, i)
			n := raw[i:end]
			if len(n) > 300 || bytes.ContainsAny(n, "eE") {
				if _, err := strconv.ParseFloat(string(n), 64); err != nil {
					return true
				}
			}
			i = end - 1
		}
	}
	return false
}

// asNumber takes a text of a number.
func asNumber(raw []byte) ([]byte, error) {
	n, err := strconv.ParseFloat(inside(raw), 32)
	if err != nil || raw[0] != '"' || math.IsInf(n, 0) || math.IsNaN(n) {
		return nil, errOther
	}
	return strconv.AppendFloat(nil, n, 'g', -1, 32), nil
}

func asBoolean(raw []byte) ([]byte, error) {
	switch s := strings.ToLower(inside(raw)); s {
	case "true", "false":
		return []byte(s), nil
	}
	return nil, errOther
}

// layouts are the times besides RFC 3339 that servers write.
var layouts = []string{
	"2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 -0700 MST", "2006-01-02", time.RFC1123, time.RFC1123Z,
}

// readTime reads a time as servers write it: as a text, or in seconds or
// milliseconds of Unix time, which may be a text too.
func readTime(raw []byte) (time.Time, bool) {
	s := inside(raw)
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && n < 1e14 {
		if n > 1e11 { // a year beyond 5000, in seconds
			n /= 1000
		}
		whole, part := math.Modf(n)
		return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
	}
	if raw[0] != '"' {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func asMoment(raw []byte) ([]byte, error) {
	t, ok := readTime(raw)
	if !ok {
		return nil, errOther
	}
	out, err := t.MarshalJSON()
	if err != nil {
		return nil, errOther
	}
	return out, nil
}

// asUnix takes a time in any form for whole seconds of Unix time.
func asUnix(raw []byte) ([]byte, error) {
	t, ok := readTime(raw)
	if !ok {
		return nil, errOther
	}
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// asObject takes the empty list, as PHP writes an empty object.
func asObject(raw []byte) ([]byte, error) {
	if raw[0] == '[' && isEmpty(raw) {
		return []byte("{}"), nil
	}
	return nil, errOther
}

// asList takes an object for a list of one, and the empty one for none.
func asList(raw []byte) ([]byte, error) {
	switch {
	case raw[0] != '{':
		return nil, errOther
	case isEmpty(raw):
		return []byte("[]"), nil
	}
	return append(append([]byte{'['}, raw...), ']'), nil
}

// orNone is a mend that takes false and an empty text for none: some servers write
// so that there is no object or list.
func orNone(mend func([]byte) ([]byte, error)) func([]byte) ([]byte, error) {
	return func(raw []byte) ([]byte, error) {
		if raw[0] == 'f' || string(raw) == `""` {
			return null, nil
		}
		return mend(raw)
	}
}

func asNothing([]byte) ([]byte, error) { return null, nil }

// isEmpty reports whether an object or a list has nothing in it.
func isEmpty(raw []byte) bool { return len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0 }

// inside is what a JSON string says, without blanks around it, or another value
// as it is written.
func inside(raw []byte) string {
	if raw[0] != '"' {
		return string(raw)
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it is valid
	return strings.TrimSpace(s)
}

// quoteJSON is a JSON value as a JSON string, its bytes as they are.
func quoteJSON(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+16)
	out = append(out, '"')
	for _, c := range raw {
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n', '\r', '\t': // there are no other controls between values
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
