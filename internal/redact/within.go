package redact

import (
	"encoding/json"
	"strings"
)

// Within returns data, a valid JSON text, with clean applied to what each of
// its strings and numbers says, names included. It is valid JSON again: a
// number that clean changes becomes a string, and all that clean leaves alone
// stays byte for byte. A string that holds a JSON object or list, as the
// arguments of a tool call do, is treated as that, and holds one again.
func Within(data []byte, clean func(string) string) []byte {
	var out []byte // nil while nothing has changed
	kept := 0
	for i := 0; i < len(data); {
		size := token(data[i:])
		if size > 1 {
			if text, changed := cleanToken(data[i:i+size], clean); changed {
				out = append(append(out, data[kept:i]...), quote(text)...)
				kept = i + size
			}
		}
		i += size
	}
	if out == nil {
		return data
	}
	return append(out, data[kept:]...)
}

// cleanToken is what a string or number says after clean.
func cleanToken(raw []byte, clean func(string) string) (text string, changed bool) {
	said := string(raw)
	if raw[0] == '"' {
		if said = said[1 : len(said)-1]; strings.Contains(said, `\`) && json.Unmarshal(raw, &said) != nil {
			return "", false
		}
	}
	if nested(said) {
		text = string(Within([]byte(said), clean))
	} else {
		text = clean(said)
	}
	return text, text != said
}

// nested reports whether a text is a JSON object or list.
func nested(text string) bool {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	return trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid([]byte(text))
}

// token is the length of what a valid JSON text begins with: a string, a number
// or a byte of something else.
func token(data []byte) int {
	switch c := data[0]; {
	case c == '"':
		for i := 1; i < len(data); i++ {
			switch data[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case c == '-' || '0' <= c && c <= '9':
		for i := 1; i < len(data); i++ {
			if !strings.ContainsRune("0123456789.eE+-", rune(data[i])) {
				return i
			}
		}
		return len(data)
	}
	return 1
}

func quote(text string) []byte {
	data, _ := json.Marshal(text) // a string has an encoding
	return data
}
