// Package apierror reads what servers say of failures: an error body in any of
// the shapes that OpenAI-compatible servers, gateways and proxies send, as one
// [Error], and of that its [provider.Kind]. It decides by status, code and type,
// and by words only as kinds.go lists them.
package apierror

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Error is what a server said of a failure.
type Error struct {
	Message string   // the sentence, on one or more lines; empty: none was found
	Words   []string // code, type, status, reason, …, in lower case
	Param   string   // the member of the request that is complained about
	Fields  []string // the members of a list of complaints, such as stream_options.include_usage
	Status  int      // the HTTP status that the body tells; 0: it tells none
	// RetryAfter is how long the body asks to wait; 0: it does not say.
	RetryAfter time.Duration

	sort     sort
	upstream bool // the sentence is that of a provider behind the server
}

// sort is what a body is.
type sort int

const (
	isEmpty sort = iota
	isJSON
	isPage
	isText
)

// Parse reads an error body.
func Parse(body []byte) Error {
	text := unframed(strings.TrimSpace(textx.TrimBOM(string(body))))
	switch {
	case text == "":
		return Error{}
	case text[0] == '<':
		return Error{Message: title(text), sort: isPage}
	}
	if v, ok := decode(text); ok {
		if _, scalar := v.(string); !scalar {
			e := Error{sort: isJSON}
			e.read(v, 0)
			return e
		}
	}
	e := Error{sort: isText}
	e.readText(text, 0)
	return e
}

// unframed is the data of a body that is an event of a stream.
func unframed(text string) string {
	if !strings.HasPrefix(text, "data:") && !strings.HasPrefix(text, "event:") {
		return text
	}
	var data []string
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "data:"); ok && strings.TrimSpace(value) != "[DONE]" {
			data = append(data, strings.TrimSpace(value))
		}
	}
	return strings.Join(data, "\n")
}

// Sentence is what is shown of a failure with that HTTP status: what the server
// said, never its JSON.
func (e *Error) Sentence(status int) string {
	switch {
	case e.sort == isPage:
		about := ""
		if e.Message != "" {
			about = fmt.Sprintf(" (%q)", textx.Brief(e.Message, 80))
		}
		return "the server sent a web page" + about
	case e.Message != "":
		return e.Message
	case e.sort == isJSON && len(e.Words) > 0:
		return strings.Join(e.Words, ", ")
	}
	reason := "the server gave no reason"
	if e.sort == isJSON {
		reason += " that can be read"
	}
	if text := http.StatusText(status); text != "" {
		reason += " (" + text + ")"
	}
	return reason
}

// Page reports whether the body was a web page.
func (e *Error) Page() bool { return e.sort == isPage }

// JSON reports whether the body was a JSON object or a list.
func (e *Error) JSON() bool { return e.sort == isJSON }

// has reports whether one of the words is w.
func (e *Error) has(w string) bool {
	for _, have := range e.Words {
		if have == w {
			return true
		}
	}
	return false
}

// decode reads a whole text of JSON. Numbers stay as they are written.
func decode(text string) (any, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	rest := bytes.TrimSpace([]byte(text[d.InputOffset():]))
	return v, len(rest) == 0
}

var pageTitle = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>|<h1[^>]*>(.*?)</h1>`)
})

// title is the title of a web page, or its first heading.
func title(page string) string {
	m := pageTitle().FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(html.UnescapeString(m[1]+m[2])), " ")
}
