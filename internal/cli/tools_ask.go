package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/chatui"
)

// toolFlags say which tools may run without being asked about; every command
// that may run tools shares them.
type toolFlags struct {
	allow []string
	limit int
}

func (t *toolFlags) register(f *pflag.FlagSet) {
	f.StringSliceVar(&t.allow, "allow-tools", nil, "`tools` that may run without asking, such as files/read_file,tickets/*")
	f.IntVar(&t.limit, "tool-limit", 0, "most `rounds` of tool calls in one answer (default 8)")
}

// toolOptions are those of a loop over tools: who is asked, and who is told.
// newLine ends the line of an answer that is being written, before something else
// is shown; record is told about each event. Both may be nil.
func (a *app) toolOptions(tools []tool.Tool, newLine func(), record func(tool.Event)) tool.Options {
	ask := &asker{app: a, allow: a.tools.allow, newLine: newLine}
	return ask.options(tools, record)
}

// options are those of a loop over tools that asks q. record may be nil.
func (q *asker) options(tools []tool.Tool, record func(tool.Event)) tool.Options {
	if q.newLine == nil {
		q.newLine = func() {}
	}
	observe := func(e tool.Event) {
		if record != nil {
			record(e)
		}
		q.showToolEvent(e, q.newLine)
	}
	return tool.Options{Tools: tools, Limit: q.app.tools.limit, Confirm: q.confirm, Observe: observe}
}

// asker asks before a tool runs.
type asker struct {
	*app
	allow   []string // SERVER/TOOL or SERVER/*, which run unasked
	newLine func()   // called before a question is shown

	mu     sync.Mutex // one question at a time
	always []string   // what the user allowed for good
}

// confirm asks whether a call may run. Without a terminal, nothing does but what is
// allowed.
func (q *asker) confirm(ctx context.Context, call tool.Call) (bool, error) {
	name := call.Tool.Title()
	if slices.ContainsFunc(q.allow, func(pattern string) bool { return tool.Matches(pattern, &call.Tool) }) {
		return true, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err() // it ended while another question was open
	case slices.Contains(q.always, name):
		return true, nil
	case !q.term.Interactive():
		return false, nil
	}
	q.newLine()
	title := fmt.Sprintf("%s %s", q.term.Bold("A model wants to run "+chatui.Visible(name)), q.term.Dim(source(call.Tool)))
	arguments := argumentsText(call.Arguments)
	q.term.Subjectf("%s", title)
	if len(arguments) > mostShown {
		q.term.Noticef("  its arguments have %d bytes, too many to review here, so it does not run; --allow-tools lets it run without asking", len(call.Arguments))
		return false, nil
	}
	q.term.Subjectf("  %s", arguments)
	if len(arguments) > mostRead {
		q.term.Subjectf("%s", title) // it has left the screen
	}
	answer, err := q.term.Ask(ctx, "Run it? [y]es, [N]o, [a]lways for this tool: ")
	switch answer {
	case "a", "always":
		q.always = append(q.always, name)
		return true, err
	case "y", "yes":
		return true, err
	}
	return false, err
}

func source(t tool.Tool) string {
	if t.Remote {
		return "(" + t.Source + "; its arguments may leave this machine)"
	}
	return "(" + t.Source + ", on this machine)"
}

// Of a call's arguments all are shown to whom is asked, or the call is refused:
// what decides may stand at their end.
const (
	mostShown = 64 << 10 // bytes
	mostRead  = 1 << 10  // that surely fit a screen
)

// argumentsText is a call's arguments for whoever decides on it: what is not seen, or
// turns the direction of text, is written as an escape.
func argumentsText(arguments json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, arguments) != nil {
		b.Reset()
		b.Write(arguments)
	}
	return chatui.Visible(b.String())
}

// showToolEvent tells on standard error what tools do.
func (a *app) showToolEvent(e tool.Event, newLine func()) {
	if a.flags.quiet {
		return
	}
	name := chatui.Visible(e.Name)
	if e.Tool != nil {
		name = chatui.Visible(e.Tool.Title())
	}
	line := ""
	switch e.Outcome {
	case tool.Running:
		a.wait.show("running " + name)
		line = fmt.Sprintf("running %s %s", name, briefly(argumentsText(e.Arguments)))
	case tool.Done:
		if a.flags.verbose {
			line = fmt.Sprintf("%s took %s and returned %d bytes", name, short(e.Took), len(e.Text))
		}
	case tool.Failed:
		line = fmt.Sprintf("%s failed: %s", name, briefly(chatui.Visible(strings.TrimPrefix(e.Text, "Error: "))))
	case tool.Refused:
		line = name + " was not run"
		if !a.term.Interactive() {
			line += ": there is no terminal to ask on; allow it with --allow-tools " + name
		}
	case tool.Wrong:
		line = fmt.Sprintf("the call of %s was invalid: %s", name, briefly(chatui.Visible(strings.TrimPrefix(e.Text, "Error: "))))
	}
	if line != "" {
		newLine()
		a.term.Noticef("%s", a.term.Dim("· "+line))
	}
	if e.Err != nil {
		_ = a.withLog(e.Err)
	}
}

// briefly cuts a text for one line.
func briefly(text string) string { return firstRunes(text, 200) }
