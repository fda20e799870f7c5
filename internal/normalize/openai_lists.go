package normalize

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// What go-openai decodes besides chats: vectors and models.

// OpenAIEmbeddings is an answer of /embeddings.
var OpenAIEmbeddings = &Form{document: func() node {
	vector := &node{kind: list, flat: true, each: &node{kind: number, needed: true}, mend: asVector}
	n := node{kind: object, mend: asListing("data"), rebuild: rebuildEmbeddings, members: []member{
		{name: "data", node: &node{kind: list, each: &node{kind: object, mend: asEmbedding, members: []member{
			{name: "embedding", node: vector}, {name: "index", node: maybeInteger}, {name: "object", node: maybeText},
		}}}},
		{name: "model", node: maybeText},
		{name: "object", node: maybeText},
		{name: "usage", node: usageNode},
	}}
	n.required = n.bits("data")
	return n
}()}

// asListing takes a list for an object that has it as a member.
func asListing(name string) func([]byte) ([]byte, error) {
	return func(raw []byte) ([]byte, error) {
		if raw[0] != '[' {
			return nil, errOther
		}
		return fmt.Appendf(nil, "{%q:%s}", name, raw), nil
	}
}

// rebuildEmbeddings looks for the vectors where other APIs have them.
func rebuildEmbeddings(o map[string]json.RawMessage) (changed bool, err error) {
	if v := o["embedding"]; len(v) > 0 && v[0] == '[' { // of one text
		o["embedding"] = fmt.Appendf(nil, "[%s]", v)
	}
	return rename(o, "data", "[{", "embeddings", "embedding", "vectors", "result"), nil
}

// rename gives the first of an object's members of other names, whose value begins
// with one of begin, the name that is read; it reports whether there was one.
func rename(o map[string]json.RawMessage, name, begin string, others ...string) bool {
	for _, other := range others {
		if v := o[other]; len(v) > 0 && strings.IndexByte(begin, v[0]) >= 0 {
			delete(o, other)
			o[name] = v
			return true
		}
	}
	return false
}

// asEmbedding takes a vector for an object that has it.
func asEmbedding(raw []byte) ([]byte, error) {
	if raw[0] != '[' && raw[0] != '"' {
		return nil, errOther
	}
	return fmt.Appendf(nil, `{"embedding":%s}`, raw), nil
}

// asVector takes a vector that is in a list of one or in an object, and one in
// base64 (OpenAI's other encoding: 32 bits a number, the lowest byte first).
func asVector(raw []byte) ([]byte, error) {
	switch raw[0] {
	case '[':
		var l []json.RawMessage
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, err
		}
		if len(l) != 1 {
			return nil, &Error{Problem: fmt.Sprintf("is %d vectors instead of one", len(l))}
		}
		return l[0], nil
	case '{':
		var o struct{ Values, Float, Embedding json.RawMessage }
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, err
		}
		for _, v := range []json.RawMessage{o.Values, o.Float, o.Embedding} {
			if len(v) > 0 {
				return v, nil
			}
		}
		return nil, errOther
	case '"':
		data, err := base64.StdEncoding.DecodeString(inside(raw))
		if err != nil || len(data)%4 != 0 {
			return nil, &Error{Problem: "is a string that is not a base64 vector"}
		}
		out := []byte{'['}
		for ; len(data) > 0; data = data[4:] {
			f := math.Float32frombits(binary.LittleEndian.Uint32(data))
			if f64 := float64(f); math.IsNaN(f64) || math.IsInf(f64, 0) {
				return nil, &Error{Problem: "contains a value that is not a number"}
			}
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = strconv.AppendFloat(out, float64(f), 'g', -1, 32)
		}
		return append(out, ']'), nil
	}
	return nil, errOther
}

// OpenAIModels is an answer of /models.
var OpenAIModels = &Form{document: func() node {
	n := node{kind: object, mend: asListing("data"), rebuild: rebuildModels, members: []member{
		{name: "data", node: &node{kind: list, each: modelNode}},
	}}
	n.required = n.bits("data")
	return n
}()}

var modelNode = func() *node {
	n := &node{kind: object, mend: asModel, rebuild: nameModel, members: []member{
		{name: "id", node: textNode},
		{name: "created", node: &node{kind: integer, optional: true, mend: asUnix}},
		{name: "object", node: unread},
		{name: "owned_by", node: unread},
		{name: "permission", node: unread},
		{name: "root", node: unread},
		{name: "parent", node: unread},
	}}
	n.required = n.bits("id")
	return n
}()

// asModel takes a name for a model.
func asModel(raw []byte) ([]byte, error) {
	if raw[0] != '"' {
		return nil, errOther
	}
	return fmt.Appendf(nil, `{"id":%s}`, raw), nil
}

// nameModel gives a model the id that it has by another name.
func nameModel(o map[string]json.RawMessage) (changed bool, err error) {
	if !rename(o, "id", `"`, "name", "model", "model_name", "slug", "key") {
		return false, &Error{Problem: "is a model without an id"}
	}
	return true, nil
}

// rebuildModels looks for the list where other APIs have it.
func rebuildModels(o map[string]json.RawMessage) (changed bool, err error) {
	return rename(o, "data", "[", "models", "result", "items"), nil
}
