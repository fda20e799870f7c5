package normalize

// Delta is what an event of a chat, or a whole answer, says that is written as nearly all
// are: members that the API has, each once and of its own type, and nothing but text,
// thinking and why the answer ended. To read such a document into a Delta takes a
// twentieth of the time that a Form and a decoder take. Any other document is for those:
// what a Delta reads, they read in the same way.
//
// A Delta uses its memory again for the next document. Its zero value is ready.
type Delta struct {
	ID, Model      string
	Role           string
	Text, Thinking string
	Member         string // that has Thinking: reasoning_content or reasoning
	Finish         string
	Usage          *Usage // nil: none
	Counts         bool   // an event that has a usage alone

	id, model, role, finish string // of the documents before: most repeat them
	usage                   Usage
	text                    []byte
}

// Usage is what a server counted, in tokens. Cached and Reasoning are -1 where they were
// not told.
type Usage struct{ Prompt, Completion, Total, Cached, Reasoning int }

// Event reads one event of a stream. It reports whether it could: whether the event is
// JSON in that form. data is UTF-8.
func (d *Delta) Event(data []byte) bool { return d.read(data, "chat.completion.chunk", "delta") }

// Document reads a whole answer, as Event does an event.
func (d *Delta) Document(data []byte) bool { return d.read(data, "chat.completion", "message") }

func (d *Delta) clear() {
	d.ID, d.Model, d.Role, d.Text, d.Thinking, d.Member, d.Finish, d.Usage, d.Counts = "", "", "", "", "", "", "", nil, false
}

func (d *Delta) read(data []byte, object, message string) bool {
	d.clear()
	r := deltaReader{plain: plain{src: data}, d: d, object: object, message: message}
	return r.members(r.top) && r.atEnd() && r.found == foundChoice|foundMessage && (!d.Counts || d.Usage != nil)
}

// The parts that a document has to have.
const (
	foundChoice = 1 << iota
	foundMessage
)

// deltaReader reads one document.
type deltaReader struct {
	plain
	d               *Delta
	object, message string // what a document says that it is, and what it has its text in
	found           uint
}

// top reads a member of the document.
func (r *deltaReader) top(name []byte) bool {
	switch string(name) {
	case "id":
		return r.keep(&r.d.ID, &r.d.id)
	case "model":
		return r.keep(&r.d.Model, &r.d.model)
	case "object": // an error has it, too
		inside, escaped := r.text()
		return !escaped && string(inside) == r.object
	case "created":
		_, ok := r.digits(maxDigits)
		return ok
	case "system_fingerprint", "service_tier":
		return r.null() || r.skipText()
	case "obfuscation": // OpenAI's, so that lengths tell nothing
		return r.skipText()
	case "prompt_logprobs", "prompt_token_ids", "kv_transfer_params": // vLLM's
		return r.null()
	case "usage":
		return r.null() || r.readUsage()
	case "choices":
		return r.is('[') && r.choices()
	}
	return false
}

// choices reads the list of choices behind its beginning: one, or none of an event.
func (r *deltaReader) choices() bool {
	if r.is(']') {
		r.d.Counts = r.message == "delta"
		return r.d.Counts && r.once(foundChoice|foundMessage)
	}
	return r.members(r.choice) && r.is(']') && r.once(foundChoice)
}

// choice reads a member of the only choice.
func (r *deltaReader) choice(name []byte) bool {
	switch string(name) {
	case "index":
		n, ok := r.digits(1)
		return ok && n == 0
	case "finish_reason":
		return r.null() || r.keep(&r.d.Finish, &r.d.finish)
	case "logprobs", "stop_reason", "token_ids", "matched_stop", "content_filter_results": // vLLM's, SGLang's, Azure's
		return r.null()
	case r.message:
		return r.members(r.said) && r.once(foundMessage)
	}
	return false
}

// said reads a member of the message, or of a piece of it.
func (r *deltaReader) said(name []byte) bool {
	switch string(name) {
	case "role":
		return r.null() || r.keep(&r.d.Role, &r.d.role)
	case "content":
		return r.null() || r.take(&r.d.Text)
	case "reasoning_content", "reasoning":
		return r.null() || r.thought(string(name))
	case "tool_calls", "annotations":
		return r.null() || r.is('[') && r.is(']')
	case "refusal", "function_call", "audio":
		return r.null()
	}
	return false
}

// thought reads thinking. A text in both members is another matter.
func (r *deltaReader) thought(name string) bool {
	if r.d.Member != "" || !r.take(&r.d.Thinking) {
		return false
	}
	if r.d.Thinking != "" {
		r.d.Member = name
	}
	return true
}

func (r *deltaReader) readUsage() bool {
	u := &r.d.usage
	*u = Usage{Prompt: -1, Cached: -1, Reasoning: -1}
	r.d.Usage = u
	return r.members(r.counted) && u.Prompt >= 0 // others call it by another name
}

// counted reads a member of the usage.
func (r *deltaReader) counted(name []byte) bool {
	u := &r.d.usage
	switch string(name) {
	case "prompt_tokens":
		return r.count(&u.Prompt)
	case "completion_tokens":
		return r.count(&u.Completion)
	case "total_tokens":
		return r.count(&u.Total)
	case "prompt_tokens_details", "completion_tokens_details":
		return r.null() || r.members(r.detail)
	}
	return false
}

// detail reads a member of the details of a usage.
func (r *deltaReader) detail(name []byte) bool {
	var none int
	switch string(name) {
	case "cached_tokens":
		return r.count(&r.d.usage.Cached)
	case "reasoning_tokens":
		return r.count(&r.d.usage.Reasoning)
	case "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens":
		return r.count(&none)
	}
	return false
}

// maxCount is how many digits a count has that is an int on every machine.
const maxCount = 9

func (r *deltaReader) count(to *int) bool {
	n, ok := r.digits(maxCount)
	*to = int(n)
	return ok
}

// once notes that parts were found.
func (r *deltaReader) once(parts uint) bool {
	r.found |= parts
	return true
}

// keep reads a text that is mostly the same as in the document before.
func (r *deltaReader) keep(to, before *string) bool {
	inside, escaped := r.text()
	if inside == nil || escaped {
		return false
	}
	if string(inside) != *before {
		*before = string(inside)
	}
	*to = *before
	return true
}

// take reads a text.
func (r *deltaReader) take(to *string) bool {
	inside, escaped := r.text()
	if inside == nil {
		return false
	}
	if escaped {
		var ok bool
		if r.d.text, ok = unescape(r.d.text[:0], inside); !ok {
			return false
		}
		inside = r.d.text
	}
	*to = string(inside)
	return true
}

// skipText reads a text that nobody needs.
func (r *deltaReader) skipText() bool {
	inside, escaped := r.text()
	return inside != nil && !escaped
}
