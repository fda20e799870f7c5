package apierror

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// InBand reports whether a JSON document that came where an answer was due is an
// error: it or one of its choices has a member "error" that says something, it
// calls itself one, or it is no answer and has a status, or a type, of an error.
func InBand(document []byte) bool {
	named := bytes.Contains(document, errorWord) || bytes.Contains(document, errorName) || bytes.Contains(document, respWord)
	if !named && (bytes.Contains(document, choicesWord) || bytes.Contains(document, doneWord) || !bytes.Contains(document, messageWord) && !bytes.Contains(document, detailWord)) {
		return false
	}
	if list := bytes.TrimLeft(document, " \t\r\n"); len(list) > 0 && list[0] == '[' {
		var items []json.RawMessage
		if !named || json.Unmarshal(document, &items) != nil || len(items) == 0 {
			return false
		}
		document = items[0]
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(document, &o) != nil {
		return false
	}
	var object string
	if _ = json.Unmarshal(o["object"], &object); says(o["error"]) || strings.EqualFold(object, "error") {
		return true
	}
	var own struct { // MiniMax's status
		Code int `json:"status_code"`
	}
	if json.Unmarshal(o["base_resp"], &own) == nil && own.Code != 0 || choiceFails(o["choices"]) {
		return true
	}
	return !answers(o) && failed(document)
}

// Instead reports whether a JSON document that came in place of an answer, and
// not inside one, tells of a failure: it does if it has a sentence.
func Instead(document []byte) bool {
	var o map[string]json.RawMessage
	if InBand(document) {
		return true
	}
	e := Parse(document)
	return json.Unmarshal(document, &o) == nil && !answers(o) && e.sort == isJSON && e.Message != ""
}

// Complains reports whether an event of a chat tells of a failure in a sentence and
// has nothing of an answer: no choice. It may be a notice all the same.
func Complains(event []byte) bool {
	var o struct{ Choices []json.RawMessage }
	if json.Unmarshal(event, &o) != nil || len(o.Choices) > 0 {
		return false
	}
	e := Parse(event)
	return e.sort == isJSON && e.Message != ""
}

// answers reports whether an object has a member of an answer's.
func answers(o map[string]json.RawMessage) bool {
	return slices.ContainsFunc(answerMembers, func(name string) bool { _, ok := o[name]; return ok })
}

// answerMembers are members that answers have, and errors do not.
var answerMembers = []string{"choices", "data", "models", "done", "embeddings", "embedding", "object", "delta", "response", "usage", "tokens", "prompt"}

// failed reports whether a document says that something failed, in its status or
// in a word.
func failed(document []byte) bool {
	e := Parse(document)
	if e.Message == "" {
		return false
	}
	return e.Status >= 400 || slices.ContainsFunc(e.Words, func(w string) bool {
		return strings.Contains(w, "error") || strings.Contains(w, "exhausted") || strings.Contains(w, "invalid") || strings.Contains(w, "unavailable")
	})
}

func choiceFails(data json.RawMessage) bool {
	type failing struct {
		Error json.RawMessage `json:"error"`
	}
	type choice struct {
		failing
		Delta, Message failing
	}
	var choices []choice
	if json.Unmarshal(data, &choices) != nil {
		return false
	}
	return slices.ContainsFunc(choices, func(c choice) bool { return says(c.Error) || says(c.Delta.Error) || says(c.Message.Error) })
}

// says reports whether a member "error" says that there is one.
func says(member json.RawMessage) bool {
	switch string(member) {
	case "", "null", `""`, "false":
		return false
	}
	return true
}

var (
	errorWord   = []byte(`"error"`)
	errorName   = []byte(`"Error"`)
	doneWord    = []byte(`"done"`)
	choicesWord = []byte(`"choices"`)
	messageWord = []byte(`"message"`)
	detailWord  = []byte(`"detail"`)
	respWord    = []byte(`"base_resp"`)
)
