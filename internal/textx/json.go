package textx

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// DecodeJSON returns what a text that is one JSON value says, its numbers as
// [Numbers] has them. With an error comes the byte offset of what is wrong.
func DecodeJSON(text string) (value any, at int, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		at := int(dec.InputOffset())
		if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
			at = max(0, int(syntax.Offset)-1)
		}
		return nil, min(at, len(text)), err
	}
	end := int(dec.InputOffset())
	if _, err := dec.Token(); err != io.EOF {
		return nil, end, errors.New("there is more after the JSON")
	}
	return Numbers(value), 0, nil
}

// Numbers returns v with each number as a template or an expression counts
// with it: a whole one as int, another as float64. A json.Number that would
// lose digits before the point, or is too large for both, stays one. Lists and
// mappings are changed in place.
func Numbers(v any) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i)
		}
		f, err := v.Float64()
		if whole := !strings.ContainsAny(string(v), ".eE"); err != nil || whole {
			return v
		}
		return f
	case []any:
		for i := range v {
			v[i] = Numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = Numbers(v[k])
		}
	}
	return v
}
