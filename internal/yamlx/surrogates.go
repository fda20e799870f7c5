package yamlx

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// PairSurrogates rewrites what JSON writes as two escapes and YAML as one, so
// that JSON with characters beyond U+FFFF, such as 😀, can be read as YAML.
// Text that is not JSON is returned as it is.
func PairSurrogates(data []byte) []byte {
	if t := bytes.TrimLeft(data, "\ufeff \t\r\n"); len(t) == 0 || t[0] != '{' && t[0] != '[' || !bytes.Contains(data, []byte(`\u`)) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		if data[i] != '\\' || i+1 >= len(data) {
			out = append(out, data[i])
			i++
			continue
		}
		high, low := escapeAt(data, i), escapeAt(data, i+6)
		if r := utf16.DecodeRune(high, low); high > 0 && low > 0 && r != '\ufffd' {
			out = fmt.Appendf(out, `\U%08x`, r)
			i += 12
			continue
		}
		out = append(out, data[i], data[i+1])
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
