package apierror

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// compiled are the rules with their expressions, made at the first error.
var compiled = sync.OnceValue(func() []compiledRule {
	list := rules()
	out := make([]compiledRule, len(list))
	for i, r := range list {
		out[i].rule = r
		if r.text != "" {
			out[i].re = regexp.MustCompile(r.text)
		}
	}
	return out
})

type compiledRule struct {
	rule
	re *regexp.Regexp
}

// Kind is the kind of an error that came with that HTTP status; 0: it came inside
// an answer. An error with a status of 4xx that nothing is known of is
// [provider.Invalid].
func (e *Error) Kind(status int) provider.Kind {
	if status == 0 {
		status = e.Status
	}
	text := ""
	if e.sort != isPage {
		text = plain(e.Message)
	}
	for _, r := range compiled() {
		if r.kind == provider.Unavailable && status == http.StatusTooManyRequests {
			continue // TGI: "Model is overloaded"
		}
		if slices.ContainsFunc(r.words, e.has) && strings.HasPrefix(e.Param, r.param) {
			return r.kind
		}
		if r.re != nil && (r.everywhere || e.upstream || !tellsEnough(status)) && r.re.MatchString(text) {
			return r.kind
		}
	}
	return kindOfStatus(status)
}

// tellsEnough reports whether a status is more telling than words beside it.
func tellsEnough(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func kindOfStatus(status int) provider.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return provider.Denied
	case http.StatusPaymentRequired:
		return provider.QuotaExhausted
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return provider.Timeout
	case http.StatusTooManyRequests:
		return provider.RateLimited
	case http.StatusRequestEntityTooLarge:
		return provider.ContextOverflow
	case http.StatusNotImplemented:
		return provider.Unsupported
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusLocked, http.StatusFailedDependency, http.StatusTooEarly,
		statusCapacity, statusClosed:
		return provider.Unavailable
	}
	if status >= 400 && status < 500 {
		return provider.Invalid
	}
	return provider.Unavailable
}

const (
	statusCapacity = 498 // Groq: flex tier capacity exceeded
	statusClosed   = 499 // nginx: the client closed the connection
)

// maxPlain is how much of a sentence is looked at, in bytes.
const maxPlain = 700

var (
	identifier = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[\w.\-+/:@<>\[\]]{1,200}$|^(tool|function) (calling|use|choice)$`)
	})
	echo = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[=:] ?[\[{]`) })
)

// unquote replaces what a text quotes: a name stands without its quotes, and
// anything else is ”. A quote opens behind a space or a bracket, and closes before
// anything but a letter or digit; one that does not close lasts to the end.
func unquote(text string) string {
	var b strings.Builder
	pairs := [][2]string{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}}
	for i := 0; i < len(text); {
		end, opens := "", i == 0 || strings.ContainsRune(" \t\n([{=:,", rune(text[i-1]))
		for _, pair := range pairs {
			if opens && strings.HasPrefix(text[i:], pair[0]) {
				end, i = pair[1], i+len(pair[0])
				break
			}
		}
		if end == "" {
			b.WriteByte(text[i])
			i++
			continue
		}
		inner := text[i:]
		for j := 0; j < len(inner); j++ {
			rest := inner[j:]
			if strings.HasPrefix(rest, end) && (len(rest) == len(end) || !isNamePart(rest[len(end)]|0x20)) {
				inner = inner[:j]
				break
			}
		}
		i = min(i+len(inner)+len(end), len(text))
		if !identifier().MatchString(inner) {
			inner = `''`
		}
		b.WriteString(inner)
	}
	return b.String()
}

// plain is a sentence as the rules see it: in lower case, on one line, without
// what it quotes. A server may echo what it was asked, which decides nothing: of
// quoted words only names stay, and JSON is cut off.
func plain(text string) string {
	text = textx.Head(text, maxPlain)
	if at := echo().FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return strings.ToLower(strings.Join(strings.Fields(unquote(text)), " "))
}
