package apierror

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDepth is how deep an error is looked into; maxComplaints how many of a list
// are read.
const (
	maxDepth      = 8
	maxComplaints = 3
)

// The members that may hold the sentence, the likeliest first; the same name may
// hold an object or a list that holds it. Sources:
//
//	error           OpenAI and most; text: Ollama, LM Studio, TGI, xAI; in a list: Gemini
//	errors          Cloudflare Workers AI (developers.cloudflare.com/api)
//	fault           Apigee (docs.apigee.com, "fault": {"faultstring": …})
//	message         vLLM to 0.9, FastChat, Mistral, Cohere; object or list: Mistral (partITech/php-mistral#76)
//	detail          FastAPI and pydantic, RFC 9457, NVIDIA (NVIDIA/garak#748)
//	msg             items of pydantic, DashScope's gateways
//	base_resp       MiniMax (platform.minimax.io): status_code, status_msg, with HTTP 200
//	error_msg       Baidu Qianfan, with HTTP 200
//	err, failure    gateways
//	title           RFC 9457
var sentenceMembers = []string{
	"error", "errors", "fault", "message", "detail", "details", "msg", "error_message", "error_msg", "errormessage", "errmsg",
	"error_description", "faultstring", "base_resp", "status_msg", "exception", "err", "failure", "description", "reason", "title",
}

// echoes are members that may hold what the server was sent.
var echoes = []string{"request", "input", "inputs", "messages", "prompt", "headers", "body", "ctx"}

// The members whose values are words to decide by.
var wordMembers = []string{"code", "type", "status", "reason", "error_type", "error_code", "errorcode", "errortype", "__type", "status_code", "statuscode", "kind", "name"}

// read takes a JSON value in: the first sentence, and all words.
func (e *Error) read(v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case string:
		e.readText(v, depth)
	case []any:
		e.readList(v, depth)
	case map[string]any:
		e.readObject(v, depth)
	}
}

// readList takes the complaints of a list in, and joins their sentences.
func (e *Error) readList(list []any, depth int) {
	var said []string
	for _, v := range list {
		if len(said) == maxComplaints {
			break
		}
		one := Error{}
		one.read(v, depth+1)
		e.addFacts(&one)
		if one.Message != "" && !slices.Contains(said, one.Message) {
			said = append(said, one.Message)
		}
	}
	if e.Message == "" {
		e.Message = strings.Join(said, "; ")
	}
}

func (e *Error) readObject(object map[string]any, depth int) {
	m := lowerNames(object)
	for _, name := range wordMembers {
		e.addWord(name, m[name])
	}
	if s, ok := m["param"].(string); ok && e.Param == "" {
		e.Param = s
	}
	e.readDetails(m, depth)
	if e.readUpstream(m, depth) {
		delete(m, "message") // "Provider returned error"
	}
	for _, name := range sentenceMembers {
		e.readSentence(m[name], depth)
	}
	if choices, ok := m["choices"].([]any); ok && e.Message == "" {
		e.readList(choices, depth)
	}
	if e.Message == "" {
		e.readOther(m, depth)
	}
	if e.Message == "" {
		e.readFields(m["errors"])
	}
	e.readPlace(m)
}

// readSentence takes a member in that may hold the sentence. Where there is one
// already, only the facts beside it count: {"error":"Bad Request","message":"…"}
// is settled in readObject by the order, but for a name that is no sentence.
func (e *Error) readSentence(v any, depth int) {
	if v == nil {
		return
	}
	one := Error{}
	one.read(v, depth+1)
	e.addFacts(&one)
	if e.Message == "" || bare(e.Message) && !bare(one.Message) {
		e.Message = first(one.Message, e.Message)
	}
}

// bare reports whether a text says no more than a status does: "Bad Request".
func bare(text string) bool {
	return len(strings.Fields(text)) <= 2 && len(text) < 30
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// addFacts takes in what another part of the body tells besides its sentence.
func (e *Error) addFacts(o *Error) {
	for _, w := range o.Words {
		if !e.has(w) {
			e.Words = append(e.Words, w)
		}
	}
	e.Fields = append(e.Fields, o.Fields...)
	e.Param = first(e.Param, o.Param)
	if e.Status == 0 {
		e.Status = o.Status
	}
	e.RetryAfter = max(e.RetryAfter, o.RetryAfter)
	e.upstream = e.upstream || o.upstream
}

// addWord takes in the value of a member such as code: a word, or an HTTP status.
func (e *Error) addWord(name string, v any) {
	word := ""
	switch v := v.(type) {
	case string:
		word = strings.ToLower(strings.TrimSpace(v))
	case json.Number:
		word = v.String()
	}
	if word == "" || len(word) > 80 || word == "null" || word == "none" {
		return
	}
	if n, err := strconv.Atoi(word); err == nil {
		if n >= 400 && n <= 599 && e.Status == 0 && name != "type" {
			e.Status = n
		}
		return // another server gives the number another meaning
	}
	if !e.has(word) {
		e.Words = append(e.Words, word)
	}
}

// readDetails takes in Google's list of details (google.rpc.ErrorInfo, RetryInfo,
// QuotaFailure), and Azure's inner errors.
func (e *Error) readDetails(m map[string]any, depth int) {
	for _, name := range []string{"innererror", "inner_error"} {
		one := Error{}
		one.read(m[name], depth+1)
		e.addFacts(&one)
	}
	list, _ := m["details"].([]any)
	for _, v := range list {
		d, ok := v.(map[string]any)
		if !ok {
			continue
		}
		e.addWord("reason", d["reason"])
		if s, ok := d["retryDelay"].(string); ok {
			if wait, err := time.ParseDuration(s); err == nil && wait > 0 {
				e.RetryAfter = max(e.RetryAfter, min(wait, 24*time.Hour))
			}
		}
		violations, _ := d["violations"].([]any)
		for _, v := range violations {
			if q, ok := v.(map[string]any); ok && strings.Contains(fmt.Sprint(q["quotaId"]), "PerDay") {
				e.addWord("reason", quotaPerDay)
			}
		}
	}
	if list != nil {
		delete(m, "details") // its descriptions repeat the message
	}
}

// Words that the reader adds itself.
const (
	quotaPerDay = "quota_per_day" // a QuotaFailure names a quota of a day
	flagged     = "flagged"       // OpenRouter's moderation names what it found
)

// readUpstream takes in what OpenRouter has from the provider behind it
// (openrouter.ai/docs/api-reference/errors): metadata.raw, text or JSON. That is
// the sentence then.
func (e *Error) readUpstream(m map[string]any, depth int) (found bool) {
	meta, ok := m["metadata"].(map[string]any)
	if !ok {
		return false
	}
	if meta["flagged_input"] != nil {
		e.addWord("reason", flagged)
	}
	one := Error{}
	one.read(meta["raw"], depth+1)
	e.addFacts(&one)
	if one.Message == "" {
		return false
	}
	e.Message, e.upstream = one.Message, true
	if name, ok := meta["provider_name"].(string); ok && name != "" {
		e.Message = name + ": " + e.Message
	}
	return true
}

// likelyParts are in the names of members that may hold a sentence.
var likelyParts = []string{"message", "msg", "error", "detail", "reason", "fault", "exception", "cause"}

// readOther looks for a sentence under names that are not listed: those that sound
// like one first, and then in whatever objects there are.
func (e *Error) readOther(m map[string]any, depth int) {
	var objects []any
	for _, name := range slices.Sorted(maps.Keys(m)) {
		may := slices.ContainsFunc(likelyParts, func(part string) bool { return strings.Contains(name, part) })
		switch {
		case slices.Contains(sentenceMembers, name) || slices.Contains(echoes, name):
		case !may:
			if hasObject(m[name]) {
				objects = append(objects, m[name])
			}
		case e.Message == "":
			e.readSentence(m[name], depth)
		}
	}
	for _, v := range objects {
		if e.Message == "" {
			e.readSentence(v, depth)
		}
	}
}

// hasObject reports whether a value is an object, or a list that begins with one.
func hasObject(v any) bool {
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	_, ok := v.(map[string]any)
	return ok
}

// readFields takes complaints in that stand under the member that each is about,
// {"errors":{"sky":["…"]}}: Laravel, Rails, ASP.NET.
func (e *Error) readFields(v any) {
	m, _ := v.(map[string]any)
	var said []string
	for _, field := range slices.Sorted(maps.Keys(m)) {
		v := m[field]
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		if text, ok := v.(string); ok && text != "" && len(said) < maxComplaints {
			said = append(said, field+": "+text)
			e.Fields = append(e.Fields, field)
		}
	}
	e.Message = strings.Join(said, "; ")
}

// readPlace takes the place of a complaint of pydantic's in, {"loc":["body","seed"],
// "msg":…}: it stands before the sentence.
func (e *Error) readPlace(m map[string]any) {
	loc, ok := m["loc"].([]any)
	if !ok {
		return
	}
	parts := make([]string, 0, len(loc))
	for _, p := range loc {
		if s := fmt.Sprint(p); s != "body" {
			parts = append(parts, s)
		}
	}
	if field := strings.Join(parts, "."); field != "" {
		e.Fields = append(e.Fields, field)
		if e.Message != "" {
			e.Message = field + ": " + e.Message
		}
	}
}

func lowerNames(object map[string]any) map[string]any {
	m := make(map[string]any, len(object))
	for name, v := range object {
		if low := strings.ToLower(name); m[low] == nil {
			m[low] = v
		}
	}
	return m
}
