package openai

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/tandem-llm/tandem/internal/compat"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// The members that a server's answer has its thinking in, and that it takes the
// thinking of a tool call back in: vLLM, OpenRouter and Groq say reasoning, most
// others reasoning_content. What came in the text, or in parts of it, goes back in
// neither.
const (
	longThinking  = "reasoning_content"
	shortThinking = "reasoning"
	noThinking    = ""
)

// thinkingLists are the lists of what a model thought, signed or encrypted, which a
// server wants back as they were: OpenRouter's and LiteLLM's. They are kept with
// the first tool call.
var thinkingLists = [...]string{"reasoning_details", "thinking_blocks"}

// thinkingMember is the member that thinking goes back in: the one that the
// server's latest tool calls had theirs in.
func (p *Provider) thinkingMember() string {
	if name := p.thinking.Load(); name != nil {
		return *name
	}
	return longThinking
}

// returned is what goes back with the tool calls of a conversation, besides what
// go-openai's structs can say.
func (p *Provider) returned(req *provider.Request, w *wire) []httpx.Amendment {
	var list []httpx.Amendment
	for i := range req.Messages {
		m := &req.Messages[i]
		if len(m.ToolCalls) == 0 {
			continue
		}
		a := httpx.Amendment{Message: i, Members: map[string]json.RawMessage{}}
		if m.Text == "" && len(m.Images) == 0 {
			// Servers in Rust and some in Python want the member, those in C++ and
			// Ollama's /v1 want it to be a text.
			a.Members["content"] = json.RawMessage(`""`)
		}
		if m.ReturnsTo(p.cfg.Name) {
			p.addReturned(&a, m, w)
		}
		list = append(list, a)
	}
	return list
}

// addReturned adds what the server sent with the message and its calls.
func (p *Provider) addReturned(a *httpx.Amendment, m *provider.Message, w *wire) {
	thinks := !w.omits(compat.ReasoningContent)
	if thinks && m.Thinking != "" && w.thinking == shortThinking {
		a.Members[shortThinking], _ = json.Marshal(m.Thinking) // a text always has a JSON form
	}
	for i := range m.ToolCalls {
		var members map[string]json.RawMessage
		if json.Unmarshal(m.ToolCalls[i].Extra, &members) != nil {
			continue
		}
		for _, name := range thinkingLists {
			if list, ok := members[name]; ok && thinks {
				a.Members[name] = list
			}
			delete(members, name)
		}
		if len(members) == 0 || w.omits(compat.ExtraContent) {
			continue
		}
		if a.Calls == nil {
			a.Calls = map[int]json.RawMessage{}
		}
		a.Calls[i], _ = json.Marshal(members) // each was valid
	}
}

// sends reports whether thinking, and whether extras of tool calls, are among the
// amendments.
func sends(list []httpx.Amendment) (thinking, extras bool) {
	for i := range list {
		a := &list[i]
		thinking = thinking || a.Members[shortThinking] != nil
		for _, name := range thinkingLists {
			thinking = thinking || a.Members[name] != nil
		}
		extras = extras || len(a.Calls) > 0
	}
	return thinking, extras
}

// thinkingSeen is what the documents of an answer tell of its thinking.
type thinkingSeen struct {
	member string                       // that had it; empty: none so far
	lists  [len(thinkingLists)][]detail // the elements of each
	size   int                          // bytes of details
}

// detail is an element of such a list. Its texts come in pieces.
type detail struct {
	members map[string]json.RawMessage
	texts   map[string][]byte // the members text, summary and thinking: JSON, without its quotes
}

func (d *detail) add(piece map[string]json.RawMessage) {
	for name, v := range piece {
		switch {
		case (name == "text" || name == "summary" || name == "thinking") && len(v) > 1 && v[0] == '"':
			d.texts[name] = append(d.texts[name], v[1:len(v)-1]...)
		case !isBlank(v) || d.members[name] == nil:
			d.members[name] = bytes.Clone(v) // the document is the transport's
		}
	}
}

// MarshalJSON writes the detail as the server would have sent it whole.
func (d *detail) MarshalJSON() ([]byte, error) {
	for name, inside := range d.texts {
		d.members[name] = slices.Concat([]byte{'"'}, inside, []byte{'"'})
	}
	return json.Marshal(d.members)
}

var (
	reasoningWord = []byte(`"reasoning`)
	detailsWord   = []byte(`"reasoning_details"`)
	blocksWord    = []byte(`"thinking_blocks"`)
)

// document looks at one document. Within a JSON text the quotes would be escaped,
// so that only names are found.
func (t *thinkingSeen) document(data []byte) {
	if bytes.Contains(data, blocksWord) || bytes.Contains(data, detailsWord) {
		t.addDetails(data)
	}
	for rest := data; ; {
		i := bytes.Index(rest, reasoningWord)
		if i < 0 {
			return
		}
		rest = rest[i+1:]
		switch {
		case hasText(rest, longThinking):
			t.sawMember(longThinking)
		case hasText(rest, shortThinking):
			t.sawMember(shortThinking)
		}
	}
}

// sawMember notes that a member had thinking; empty: none had.
func (t *thinkingSeen) sawMember(name string) {
	if name == longThinking || t.member == "" {
		t.member = name
	}
}

// hasText reports whether data begins with the name of a member whose value is a
// text that is not empty.
func hasText(data []byte, name string) bool {
	rest, ok := bytes.CutPrefix(data, []byte(name+`"`))
	if !ok {
		return false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte{':'})
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return ok && len(rest) > 1 && rest[0] == '"' && rest[1] != '"'
}

// maxDetails is the most bytes of details that are kept.
const maxDetails = 8 << 20

// addDetails takes the details of a document in. A stream has each of them in
// pieces, which go back as one.
func (t *thinkingSeen) addDetails(data []byte) {
	type message struct {
		Details []map[string]json.RawMessage `json:"reasoning_details"`
		Blocks  []map[string]json.RawMessage `json:"thinking_blocks"`
	}
	var d struct {
		Choices []struct{ Delta, Message message }
	}
	if json.Unmarshal(data, &d) != nil || len(d.Choices) == 0 {
		return
	}
	c := &d.Choices[0]
	t.addList(0, append(c.Message.Details, c.Delta.Details...))
	t.addList(1, append(c.Message.Blocks, c.Delta.Blocks...))
}

// addList takes what came of one of the lists in.
func (t *thinkingSeen) addList(at int, pieces []map[string]json.RawMessage) {
	list := &t.lists[at]
	for _, piece := range pieces {
		for name, v := range piece {
			t.size += len(name) + len(v)
		}
		if t.size > maxDetails {
			return
		}
		if n := len(*list); n == 0 || !continues((*list)[n-1].members, piece) {
			*list = append(*list, detail{map[string]json.RawMessage{}, map[string][]byte{}})
		}
		(*list)[len(*list)-1].add(piece)
	}
}

// continues reports whether a detail is the next piece of the one before: of the
// same type, index and id, and a text.
func continues(before, next map[string]json.RawMessage) bool {
	for _, name := range []string{"type", "index"} {
		if !bytes.Equal(before[name], next[name]) {
			return false
		}
	}
	if a, b := before["id"], next["id"]; !bytes.Equal(a, b) && len(a) > 0 && len(b) > 0 && string(a) != "null" && string(b) != "null" {
		return false
	}
	return next["data"] == nil && before["data"] == nil && isBlank(before["signature"])
}

// isBlank reports whether a member says nothing.
func isBlank(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" || string(v) == `""` }

// keepThinking keeps, of an answer that calls tools, what goes back with the calls.
func (a *answer) keepThinking(calls []provider.ToolCall) {
	if len(calls) == 0 {
		return
	}
	t := &a.seen.thinking
	if a.content.Thought() {
		name := t.member
		a.p.thinking.Store(&name)
	}
	if t.size > maxDetails {
		return
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(calls[0].Extra, &members) != nil {
		members = map[string]json.RawMessage{}
	}
	for i, name := range thinkingLists {
		if len(t.lists[i]) > 0 {
			members[name], _ = json.Marshal(t.lists[i]) // each was valid
		}
	}
	if len(members) > 0 {
		calls[0].Extra, _ = json.Marshal(members)
	}
}
