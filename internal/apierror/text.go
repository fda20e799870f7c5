package apierror

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// embedded finds JSON, or Python's way to print it, at the end of a text: gateways
// put the error that they got behind words of their own.
var embedded = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)^(.{0,300}?)([\[{]\s*[\[{]?\s*["'].*[\]}])[\s.]*(?:$|\n)`)
})

// readText takes a text in that may itself be an error as JSON.
func (e *Error) readText(text string, depth int) {
	text = strings.TrimSpace(text)
	if m := embedded().FindStringSubmatch(text); m != nil && depth < maxDepth {
		v, ok := decode(m[2])
		if !ok {
			v, ok = decode(fromPython(m[2]))
		}
		if ok && (m[1] == "" || isError(v)) {
			one := Error{}
			one.read(v, depth+1)
			if one.Message != "" {
				e.addFacts(&one)
				e.Message = one.Message
				return
			}
		}
	}
	e.Message = text
}

// isError reports whether a value behind other words is an error, and not what a
// server was sent and has put there.
func isError(v any) bool {
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	m, _ := v.(map[string]any)
	if m["error"] != nil || m["detail"] != nil || m["msg"] != nil && m["loc"] != nil {
		return true
	}
	return m["message"] != nil && (m["code"] != nil || m["type"] != nil || m["status"] != nil)
}

// fromPython makes JSON of a text that is dicts, lists and tuples as Python
// prints them. Where it is none, the result is no JSON.
func fromPython(text string) string {
	var b []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'', '"':
			end := closing(text, i)
			if end < 0 {
				return ""
			}
			inner := strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(text[i+1 : end])
			quoted, err := json.Marshal(inner)
			if err != nil {
				return ""
			}
			b = append(b, quoted...)
			i = end
		case '(':
			b = append(b, '[')
		case ')', ']':
			b = append(bytes.TrimSuffix(bytes.TrimRight(b, " "), []byte{','}), ']') // ('body',) is a list of one
		default:
			word, means := pythonWord(text[i:])
			if word == "" {
				b = append(b, c)
				continue
			}
			b = append(b, means...)
			i += len(word) - 1
		}
	}
	return string(b)
}

// closing is where the quote at i is closed, or -1.
func closing(text string, i int) int {
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case text[i]:
			return j
		}
	}
	return -1
}

// pythonWord is the word of Python's that a text begins with, and JSON's for it.
func pythonWord(text string) (word, means string) {
	for _, w := range [][2]string{{"None", "null"}, {"True", "true"}, {"False", "false"}} {
		if strings.HasPrefix(text, w[0]) {
			return w[0], w[1]
		}
	}
	return "", ""
}
