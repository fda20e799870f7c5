package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

const (
	mostResult  = 64 << 10 // bytes of a result that the model is told
	mostReason  = 1 << 10  // bytes of an error that the model is told
	mostCalls   = 32       // calls of one round that are run
	mostRepeats = 3        // times that the same call is wanted before the answer is given up
)

// normal is calls as they may stand in a conversation: with IDs of their own,
// names that engines take, and objects as arguments.
func (c *conversation) normal(calls []provider.ToolCall) []provider.ToolCall {
	ids := map[string]bool{}
	out := make([]provider.ToolCall, len(calls))
	for i, call := range calls {
		if call.ID == "" || ids[call.ID] {
			call.ID = fmt.Sprintf("call_%d_%d", c.round, i+1)
		}
		ids[call.ID] = true
		out[i] = call
	}
	return out
}

// call runs call number i of a round, if there is such a tool, its arguments
// fit and it is allowed to, and returns what the model is told. Its errors end
// the answer.
func (c *conversation) call(ctx context.Context, i int, asked *provider.ToolCall) (text string, err error) {
	e := Event{Round: c.round, Name: asked.Name, Arguments: asked.Arguments}
	tell := func(o Outcome, text string) string {
		e.Outcome, e.Text = o, text
		c.observe(e)
		return text
	}
	args, wrong := arguments(asked.Arguments)
	asked.Arguments = args
	if wrong != nil {
		asked.Arguments = json.RawMessage("{}")
	}
	t := slices.IndexFunc(c.o.Tools, func(t Tool) bool { return t.Name == asked.Name })
	if t < 0 {
		if !ValidName(asked.Name) {
			asked.Name = "unknown"
		}
		return tell(Wrong, fmt.Sprintf("Error: there is no tool %q. The tools are: %s.", brief(e.Name, 100), c.names())), nil
	}
	call := Call{ID: asked.ID, Tool: c.o.Tools[t], Round: c.round}
	e.Tool = &call.Tool
	if wrong == nil {
		args, wrong = fitting(c.schemas[asked.Name], args)
		asked.Arguments = args
	}
	call.Arguments = args
	switch {
	case i >= mostCalls:
		return tell(Wrong, fmt.Sprintf("Error: not run: there are more than %d calls at once. Call fewer.", mostCalls)), nil
	case c.repeated(asked):
		return "", &LimitError{Rounds: c.round - 1, Repeated: call.Tool.Title()}
	case wrong != nil:
		return tell(Wrong, "Error: not run: "+brief(wrong.Error(), mostReason)+". Call it again with arguments that fit its schema."), nil
	}
	ok, err := c.confirmed(ctx, call)
	switch {
	case err != nil:
		return "", fmt.Errorf("asking whether to run %s: %w", call.Tool.Title(), err)
	case !ok:
		return tell(Refused, "Error: not run: the user did not allow it. Do not call it again; answer without it."), nil
	}
	e.Outcome = Running
	c.observe(e)
	start := time.Now()
	r, err := run(ctx, call)
	e.Took = max(time.Since(start), 1)
	if own := ctx.Err(); own != nil {
		return "", own
	}
	switch {
	case err != nil:
		e.Err = err
		return tell(Failed, "Error: "+brief(err.Error(), mostReason)), nil
	case r.Failed:
		return tell(Failed, "Error: "+bounded(r.Text)), nil
	}
	return tell(Done, bounded(r.Text)), nil
}

func (c *conversation) observe(e Event) {
	if c.o.Observe != nil {
		c.o.Observe(e)
	}
}

func (c *conversation) confirmed(ctx context.Context, call Call) (bool, error) {
	if err := ctx.Err(); err != nil || c.o.Confirm == nil {
		return false, err
	}
	return c.o.Confirm(ctx, call)
}

// repeated counts a call, and reports whether it was wanted too often.
func (c *conversation) repeated(call *provider.ToolCall) bool {
	key := call.Name + "\x00" + canonical(call.Arguments)
	c.seen[key]++
	return c.seen[key] >= mostRepeats
}

// canonical is JSON with its members in order and without white space.
func canonical(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(out)
}

func (c *conversation) names() string {
	names := make([]string, len(c.o.Tools))
	for i, t := range c.o.Tools {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

// panicked is a tool's panic as an error. The model is told no more of it than
// that: a stack is for the program's author.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("the tool panicked: %v", p.value) }

// Stack returns the stack of a tool's panic, which is under the error of such a
// call, or nil.
func Stack(err error) []byte {
	var p *panicked
	if errors.As(err, &p) {
		return p.stack
	}
	return nil
}

func run(ctx context.Context, call Call) (r Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			r, err = Result{}, &panicked{v, debug.Stack()}
		}
	}()
	return call.Tool.Call(ctx, call.Arguments)
}

// bounded is a tool's text as the model is told it.
func bounded(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= mostResult {
		return text
	}
	return fmt.Sprintf("%s\n[cut: this is the first %d KiB of %d]", textx.Head(text, mostResult), mostResult>>10, (len(text)+1023)>>10)
}

// brief is a text on one line, cut where it is long.
func brief(text string, most int) string {
	return textx.Brief(strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " "), most)
}

// Run runs a tool once, outside any loop: what its schema does not take is an
// error, and so is a panic. ctx's own error comes back unchanged.
func (t *Tool) Run(ctx context.Context, args json.RawMessage) (Result, error) {
	s, err := compile(t.Parameters)
	if err != nil {
		return Result{}, err
	}
	if args, err = arguments(args); err == nil {
		args, err = fitting(s, args)
	}
	if err != nil {
		return Result{}, &ArgumentsError{err}
	}
	r, err := run(ctx, Call{Tool: *t, Arguments: args})
	if own := ctx.Err(); own != nil {
		return Result{}, own
	}
	return r, err
}

// ArgumentsError says why arguments are not a tool's. It did not run.
type ArgumentsError struct{ Err error }

// Error says what does not fit.
func (e *ArgumentsError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ArgumentsError) Unwrap() error { return e.Err }
