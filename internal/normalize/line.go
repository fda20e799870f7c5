package normalize

// Line is what a line of an answer of Ollama's says that is written as Ollama writes it,
// without tool calls: as [Delta], which it has its text in. The reason of the end is
// Finish.
type Line struct {
	Delta
	// Generates says that the lines are those of /api/generate.
	Generates bool

	Done              bool
	Prompt, Answer    int // tokens
	Cached            int // of Prompt; -1: not told
	Total, Load       int64
	PromptEval, Eval  int64 // as Total and Load: nanoseconds
	seenDone, seenSay bool
}

// Event reads one line. It reports whether it could, as [Delta.Event] does.
func (l *Line) Event(data []byte) bool {
	l.Delta.clear()
	l.Done, l.Prompt, l.Answer, l.Cached, l.Total, l.Load, l.PromptEval, l.Eval = false, 0, 0, -1, 0, 0, 0, 0
	l.seenDone, l.seenSay = false, false
	r := lineReader{deltaReader{plain: plain{src: data}, d: &l.Delta}, l}
	return r.members(r.top) && r.atEnd() && l.seenDone && l.seenSay
}

// Document reads none: a whole answer is a line, too.
func (l *Line) Document([]byte) bool { return false }

type lineReader struct {
	deltaReader
	l *Line
}

// top reads a member of the line.
func (r *lineReader) top(name []byte) bool {
	l := r.l
	switch string(name) {
	case "model":
		return r.keep(&l.Model, &l.model)
	case "created_at":
		return r.skipText()
	case "done":
		l.seenDone = true
		return r.readDone()
	case "done_reason":
		return r.keep(&l.Finish, &l.finish)
	case "message":
		l.seenSay = !l.Generates
		return l.seenSay && r.members(r.message)
	case "response":
		l.seenSay = l.Generates
		return l.seenSay && r.take(&l.Text)
	case "thinking":
		return l.Generates && r.take(&l.Thinking)
	}
	return r.metric(name)
}

// message reads a member of the message.
func (r *lineReader) message(name []byte) bool {
	switch string(name) {
	case "role": // in any case, and others than the model are mistakes
		inside, escaped := r.text()
		return !escaped && string(inside) == "assistant"
	case "content":
		return r.take(&r.l.Text)
	case "thinking":
		return r.take(&r.l.Thinking)
	}
	return false
}

// metric reads a member that comes with the end.
func (r *lineReader) metric(name []byte) bool {
	l := r.l
	switch string(name) {
	case "prompt_eval_count":
		return r.count(&l.Prompt)
	case "eval_count":
		return r.count(&l.Answer)
	case "prompt_eval_cached_count":
		return r.count(&l.Cached)
	case "total_duration":
		return r.duration(&l.Total)
	case "load_duration":
		return r.duration(&l.Load)
	case "prompt_eval_duration":
		return r.duration(&l.PromptEval)
	case "eval_duration":
		return r.duration(&l.Eval)
	}
	return false
}

func (r *lineReader) duration(to *int64) bool {
	n, ok := r.digits(maxDigits)
	*to = n
	return ok
}

func (r *lineReader) readDone() bool {
	if r.word(yes) {
		r.l.Done = true
		return true
	}
	return r.word(no)
}
