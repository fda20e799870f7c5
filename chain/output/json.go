package output

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/tandem-llm/tandem/internal/schema"
)

// JSON takes any JSON value: the whole answer, the content of its first code
// fence, or an object or list with words behind it. Line ends and tabs may
// stand in texts as they are. JSON that is cut or malformed is an error.
func JSON() Parser {
	return Parser{
		name: "json", typ: TypeAny, instructions: "Return a JSON object.",
		parse: func(text string) (any, error) {
			v, _, err := value(text)
			if err != nil {
				return nil, &Error{Parser: "json", Expected: "JSON", Found: found(text), Err: err}
			}
			return v, nil
		},
	}
}

// Schema takes JSON, as [JSON] does, that a JSON Schema accepts. Errors: the
// schema is invalid.
func Schema(raw []byte) (Parser, error) {
	s, err := schema.Compile(raw)
	if err != nil {
		return Parser{}, err
	}
	return Parser{
		name: "schema", typ: TypeAny, instructions: instructions(s.Text()), notes: s.Notes(),
		parse: func(text string) (any, error) {
			v, from, err := value(text)
			if err != nil {
				return nil, &Error{Parser: "schema", Expected: "JSON", Found: found(text), Err: err}
			}
			if problems := s.Check([]byte(from)); len(problems) > 0 {
				return nil, &Error{Parser: "schema", Expected: "JSON that matches the schema", Found: found(from), Err: errors.New(strings.Join(problems, "; "))}
			}
			return v, nil
		},
	}, nil
}

// instructions are LangChain's for a schema.
func instructions(schema []byte) string {
	return `STRICT OUTPUT FORMAT:
- Return only the JSON value that conforms to the schema. Do not include any additional text, explanations, headings, or separators.
- Do not wrap the JSON in Markdown or code fences (no ` + "``` or ```json" + `).
- Do not prepend or append any text (e.g., do not write "Here is the JSON:").
- The response must be a single top-level JSON value exactly as required by the schema (object/array/etc.), with no trailing commas or comments.

The output should be formatted as a JSON instance that conforms to the JSON schema below.

As an example, for the schema {"properties": {"foo": {"title": "Foo", "description": "a list of strings", "type": "array", "items": {"type": "string"}}}, "required": ["foo"]} the object {"foo": ["bar", "baz"]} is a well-formatted instance of the schema. The object {"properties": {"foo": ["bar", "baz"]}} is not well-formatted.

Here is the output schema (shown in a code block for readability only — do not include any backticks or Markdown in your output):
` + "```\n" + string(schema) + "\n```"
}

var (
	errNoJSON = errors.New("it is not JSON")
	errNotEnd = errors.New("the JSON is cut off")
)

// value finds the JSON in an answer, and returns it with its own text.
func value(text string) (v any, from string, err error) {
	whole := schema.EscapeControls(strings.Trim(strip(text), " \n\r\t`"))
	v, n, err := decode(whole)
	if err == nil && blank(whole[n:]) {
		return v, whole[:n], nil
	}
	if err == nil && openEnded(whole, n) {
		return v, whole[:n], nil
	}
	if _, inner, ok := strings.Cut(text, "```"); ok {
		inner = strings.TrimPrefix(strings.TrimPrefix(inner, "json"), "JSON")
		inner = schema.EscapeControls(strings.Trim(inner, " \n\r\t`"))
		fv, n, ferr := decode(inner)
		if ferr == nil && (blank(inner[n:]) || strings.HasPrefix(strings.TrimSpace(inner[n:]), "```")) {
			return fv, inner[:n], nil
		}
		if ferr != nil {
			err = ferr
		}
	}
	if err == nil {
		err = errNoJSON
	}
	return nil, "", err
}

// openEnded reports whether words follow an object or a list, and nothing that
// could belong to it, or be another one.
func openEnded(s string, n int) bool {
	rest := strings.TrimSpace(s[n:])
	return n > 0 && (s[n-1] == '}' || s[n-1] == ']') && !strings.ContainsRune("{}[],:\"", rune(rest[0]))
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// decode reads the first JSON value of s, and returns where it ends.
func decode(s string) (v any, n int, err error) {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var raw json.RawMessage
	err = dec.Decode(&raw)
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, 0, errNotEnd
	case errors.As(err, &syntax):
		return nil, 0, errNoJSON
	case err != nil:
		return nil, 0, err
	}
	n = int(dec.InputOffset())
	inner := json.NewDecoder(strings.NewReader(string(raw)))
	inner.UseNumber()
	if err := inner.Decode(&v); err != nil {
		return nil, 0, err
	}
	return v, n, nil
}
