// Package toolcall puts the tool calls of an answer together. OpenAI streams a
// call in fragments, and each server that speaks its API has its own idea of
// which members a fragment has. An [Assembler] decides which fragment belongs to
// which call, by one rule for all servers; what can be read in two ways is an
// error, and no call is made up, merged with another or lost.
package toolcall

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// maxBytes is the most bytes of tool calls, and maxCalls the most calls, that
// one answer may have.
const (
	maxBytes = 8 << 20
	maxCalls = 1 << 10
)

// Fragment is what one event of a stream says of a tool call.
type Fragment struct {
	Index     *int   // of the call in the answer; nil: not said
	ID        string // empty: not said
	Name      string // of the tool, or a part of it; empty: not said
	Arguments string // JSON, or a part of it
	// Extra is what came besides: see [provider.ToolCall].
	Extra map[string]json.RawMessage
	// At is the fragment's place among the Of fragments of its event, from 0.
	At, Of int
}

// Error is an answer whose tool calls cannot be told for certain.
type Error struct {
	Name string // of the tool, as far as it is known
	Cut  bool   // the arguments end before their JSON does
	Why  string
}

// Error names the tool and says what is wrong.
func (e *Error) Error() string {
	if e.Name == "" {
		return "a tool call " + e.Why
	}
	return fmt.Sprintf("the call of tool %q %s", e.Name, e.Why)
}

const (
	whyArguments = "has arguments that are not a JSON object"
	whyTwice     = "came with two different sets of arguments"
	whyNameless  = "came without the name of a tool"
	whyUnclear   = "is ambiguous: the server did not say whether this is one call or two (no id, no index of its own)"
)

// Assembler puts the calls of one answer together. Its zero value is ready. It
// is not safe for concurrent use.
type Assembler struct {
	// Tools are those of the request: their names tell a name that comes again
	// from one that comes in pieces.
	Tools []provider.Tool

	calls  []*call
	size   int // bytes that came
	extras int // bytes that came besides
}

// call is a call as far as it has come.
type call struct {
	index   *int
	id      string
	name    string
	args    arguments
	letters httpx.Letters // of args
	extra   map[string]json.RawMessage
	at      int  // the place, in its event, of the fragment that began it
	several bool // that event had several
	unclear bool // it may be one of two equal calls, or two
	again   bool // the name came again, and nothing says of which call

	object json.RawMessage // the arguments; nil: not made yet
}

// Len is how many calls have begun.
func (a *Assembler) Len() int { return len(a.calls) }

// Add takes the next fragment in. Its error is [httpx.ErrTooLarge].
func (a *Assembler) Add(f Fragment) error {
	if err := a.count(&f); err != nil {
		return err
	}
	c, skip := a.callOf(&f)
	if skip {
		return nil
	}
	if c == nil {
		var err error
		if c, err = a.begin(&f); err != nil {
			return err
		}
	}
	c.add(a, &f)
	return nil
}

// AddWhole takes a call in that came as one piece, and is none but itself.
func (a *Assembler) AddWhole(f Fragment) error {
	if err := a.count(&f); err != nil {
		return err
	}
	c, err := a.begin(&f)
	if err != nil {
		return err
	}
	c.add(a, &f)
	return nil
}

func (a *Assembler) count(f *Fragment) error {
	a.size += len(f.ID) + len(f.Name) + len(f.Arguments)
	for name, v := range f.Extra {
		a.extras += len(name) + len(v)
	}
	if a.size > maxBytes || a.extras > maxBytes {
		return httpx.ErrTooLarge
	}
	return nil
}

func (a *Assembler) begin(f *Fragment) (*call, error) {
	if len(a.calls) >= maxCalls {
		return nil, httpx.ErrTooLarge
	}
	c := &call{at: f.At, several: f.Of > 1}
	a.calls = append(a.calls, c)
	return c, nil
}

// add takes a fragment of the call in. The first id and index that are said stay.
func (c *call) add(a *Assembler, f *Fragment) {
	if c.index == nil && f.Index != nil {
		i := *f.Index
		c.index = &i
	}
	if c.id == "" {
		c.id = f.ID
	}
	c.name = a.joinName(c.name, f.Name)
	if !blank(f.Arguments) {
		c.again = false
	}
	c.args.add(c.letters.Add(f.Arguments))
	c.object = nil
	if c.extra == nil {
		c.extra = f.Extra
	} else {
		maps.Copy(c.extra, f.Extra)
	}
}

// Calls are the calls of the whole answer, in the order in which they began, or
// an [*Error]. before is the conversation that was answered: a call that the
// server gave no ID gets one that is not in it, the same each time.
func (a *Assembler) Calls(before []provider.Message) ([]provider.ToolCall, error) {
	if len(a.calls) == 0 {
		return nil, nil
	}
	out := make([]provider.ToolCall, len(a.calls))
	for i, c := range a.calls {
		if err := c.check(); err != nil {
			return nil, err
		}
		out[i] = provider.ToolCall{ID: c.id, Name: c.name, Arguments: c.object, Extra: extraJSON(c.extra)}
	}
	assignIDs(out, before)
	return out, nil
}

// check makes c.object, or the error that the call is.
func (c *call) check() error {
	if c.object != nil {
		return nil
	}
	object, why, cut := c.args.object(c.letters.End())
	switch {
	case why != "":
	case c.name == "":
		why = whyNameless
	case c.unclear || c.again:
		why = whyUnclear
	}
	if why != "" {
		return &Error{Name: c.name, Cut: cut, Why: why}
	}
	c.object = object
	return nil
}

func extraJSON(members map[string]json.RawMessage) json.RawMessage {
	if len(members) == 0 {
		return nil
	}
	data, err := json.Marshal(members)
	if err != nil {
		return nil // each was valid
	}
	return data
}

// assignIDs gives IDs to the calls without one, and to those whose ID an earlier
// one has: a result is told apart by nothing else.
func assignIDs(calls []provider.ToolCall, before []provider.Message) {
	missing, n := false, 0
	for i := range calls {
		missing = missing || calls[i].ID == "" || hasID(calls[:i], calls[i].ID)
	}
	if !missing {
		return
	}
	for i := range before {
		n += len(before[i].ToolCalls)
	}
	for i := range calls {
		c := &calls[i]
		if c.ID != "" && !hasID(calls[:i], c.ID) {
			continue
		}
		for {
			n++
			if c.ID = "call_" + strconv.Itoa(n); !hasID(calls[:i], c.ID) && !hasID(calls[i+1:], c.ID) && !said(before, c.ID) {
				break
			}
		}
	}
}

// Same reports whether two calls are of the same tool, with the same arguments.
func Same(a, b *provider.ToolCall) bool {
	return a.Name == b.Name && sameJSON(a.Arguments, b.Arguments)
}

func hasID(calls []provider.ToolCall, id string) bool {
	for i := range calls {
		if calls[i].ID == id {
			return true
		}
	}
	return false
}

func said(messages []provider.Message, id string) bool {
	for i := range messages {
		if hasID(messages[i].ToolCalls, id) {
			return true
		}
	}
	return false
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
