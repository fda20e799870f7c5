package yamlx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"

	"github.com/tandem-llm/tandem/internal/textx"
)

// FromJSON rewrites JSON where YAML, which is to be a superset, is none: tabs
// between values become spaces, and a character beyond U+FFFF, such as 😀, that
// is written as two escapes becomes one, and \/ a plain /. Text that is not JSON
// is returned as it is. Places stay what they are, but for what follows one of
// the latter two on its line.
func FromJSON(data []byte) []byte {
	if t := bytes.TrimLeft(data, "\ufeff \t\r\n"); len(t) == 0 || t[0] != '{' && t[0] != '[' || !json.Valid(textx.TrimBOM(data)) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i, quoted := 0, false; i < len(data); {
		c := data[i]
		if !quoted || c != '\\' {
			if c == '"' {
				quoted = !quoted
			} else if c == '\t' && !quoted {
				c = ' '
			}
			out = append(out, c)
			i++
			continue
		}
		high, low := escapeAt(data, i), escapeAt(data, i+6)
		if r := utf16.DecodeRune(high, low); high > 0 && low > 0 && r != '\ufffd' {
			out = fmt.Appendf(out, `\U%08x`, r)
			i += 12
			continue
		}
		if data[i+1] != '/' { // valid JSON has something there
			out = append(out, c)
		}
		out = append(out, data[i+1])
		i += 2
	}
	return out
}

// escapeAt reads \uXXXX at offset i, or gives 0.
func escapeAt(data []byte, i int) rune {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}
