package apierror

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Refuses reports whether an error that came with that HTTP status says of a
// member of the request that the server does not take it: of the member itself,
// not of its value. names are the member's, and other ways to call it.
func (e *Error) Refuses(status int, names ...string) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusNotImplemented:
	default:
		return false
	}
	text, _ := cutAlternatives(strings.ToLower(textx.Head(e.Message, maxPlain)))
	refused := refusal().MatchString(text)
	for _, name := range names {
		if hasPath(e.Param, name) && (refused || e.has("unsupported_parameter") || e.has("unknown_parameter") || e.has("unsupported_value")) {
			return true
		}
		if slices.ContainsFunc(e.Fields, func(field string) bool { return hasPath(field, name) }) && (refused || e.has("extra_forbidden") || e.has("value_error.extra")) {
			return true
		}
		if refused && hasWord(text, name) {
			return true
		}
	}
	return false
}

// refusal is how servers say that they do not take a member. Sources:
//
//	extra inputs are not permitted    pydantic 2: Mistral, vLLM (modelscope/ms-agent#489), Fireworks (FlowiseAI/Flowise#2866),
//	                                  Databricks (microsoft/semantic-kernel#10510), NVIDIA (NVIDIA/garak#748)
//	extra fields not permitted        pydantic 1
//	extra parameters … not allowed    Azure AI (CherryHQ/cherry-studio#9214)
//	unrecognized request argument     OpenAI, Azure (pydantic/pydantic-ai#169)
//	unknown name …: cannot find field Gemini (discuss.ai.google.dev, 51788)
//	property … is unsupported         Groq (janhq/jan#8136)
//	unsupported parameter             OpenAI's reasoning models
//	unknown field, unknown variant    Go's encoding/json and Rust's serde
//	unexpected keyword argument       Python
//	additional properties             JSON Schema validators
//	does not support parameters       LiteLLM
//	is unavailable now                DeepSeek (langchain-ai/langchain#29282)
var refusal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(extra|additional) (inputs?|fields?|parameters?|propert(y|ies)|keys?|arguments?)\b.{0,120}\b(not|forbidden)\b` +
		`|\b(unrecognized|unrecognised|unknown|unexpected|unsupported|extra|extraneous|disallowed|illegal) (request |keyword |input |body |json |top-level )*(arguments?|parameters?|params?|fields?|names?|keys?|propert(y|ies)|options?|members?|inputs?|variant|value|attribute)\b` +
		`|\binvalid (parameters?|arguments?|fields?|propert(y|ies)|options?): ?\S+$` +
		`|\b(is|are|was|were)( currently)?( not|n't) (\S+ )?(supported|allowed|permitted|recognized|recognised|available|accepted|a valid (parameter|field|argument|property)|enabled)\b` +
		`|\bis (unsupported|unavailable|unexpected|unknown|invalid here|forbidden)\b|\bwas unexpected\b|\bnot (permitted|allowed|supported|recognized)\b` +
		`|\b(does|do)( not|n't) (support|accept|recognize|allow|take)\b|\bcannot find field\b` +
		`|\binvalid schema for\b|\bfailed to (parse|compile) (the )?grammar\b|\bjson schema conversion failed\b|\.type'? must be\b|\btoo many states for serving\b`)
})

// alternatives begin what a server takes instead of what it refuses.
var alternatives = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`,? ?(expected one of|did you mean|supported (parameters|fields|values|arguments)|allowed (parameters|fields|values)|valid (parameters|fields|options)|permitted (parameters|fields)|use ['"` + "`" + `])`)
})

// WantsShortIDs reports whether the error is Mistral's about the id of a tool call.
func (e *Error) WantsShortIDs() bool {
	return strings.HasPrefix(e.Message, "Tool call id was ") && strings.Contains(e.Message, "length of 9")
}

// cutAlternatives is a sentence in two: before what the server takes instead, and
// from there on.
func cutAlternatives(text string) (before, after string) {
	if at := alternatives().FindStringIndex(text); at != nil && at[0] > 0 {
		return text[:at[0]], text[at[0]:]
	}
	return text, ""
}

// hasPath reports whether one of the parts of a path such as
// messages[2].reasoning_content is name.
func hasPath(path, name string) bool {
	return slices.Contains(strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return strings.ContainsRune(".[]/#", r) }), name)
}

// hasWord reports whether name stands in a text by itself.
func hasWord(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(name)
		if (at == 0 || !isNamePart(text[at-1])) && (end == len(text) || !isNamePart(text[end])) {
			return true
		}
		at = end
	}
}

func isNamePart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
}
