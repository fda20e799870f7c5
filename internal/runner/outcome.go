package runner

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
)

// outcome is what a run brought, whether or not it came to its end.
type outcome struct {
	names  []string // of the outermost steps
	steps  []stepRun
	open   []openStep         // asked, and not yet ended
	last   *chain.StepResult  // of the last outermost step that ended
	done   bool               // the run came to its end
	final  bool               // the chain's answer came in chunks of its own
	route  *provider.Route    // of the end of these chunks
	usage  provider.Usage     // of all calls
	untold bool               // a server did not say what a call used
	cut    *provider.Response // what came of the answer when the run failed
}

// stepRun is the end of a step, or an answer that does not count.
type stepRun struct {
	chain.StepResult
	tools []ToolCall
	void  string // why the answer does not count
}

// openStep is what has come of an answer.
type openStep struct {
	path           string
	text, thinking *strings.Builder // of an answer that is asked again, others
	usage          *provider.Usage
	tools          []ToolCall
	final          bool
}

// collect gathers what a run brings, and passes it on.
func (o *outcome) collect(events iter.Seq2[chain.Event, error], observe func(chain.Event) error) error {
	for e, err := range events {
		if err != nil {
			o.addUnfinished()
			return err
		}
		o.addEvent(e)
		if observe == nil {
			continue
		}
		if err := observe(e); err != nil {
			return err
		}
	}
	o.done = true
	return nil
}

func (o *outcome) addEvent(e chain.Event) {
	switch e.Type {
	case chain.StepStart:
		o.open = append(o.open, newOpenStep(e.Step))
	case chain.StepChunk:
		if i := o.openIndex(e.Step); i >= 0 {
			o.open[i].addChunk(e)
		}
		if e.Final {
			o.final = true
			o.route = cmp.Or(e.Chunk.Route, o.route)
		}
	case chain.StepTool:
		if i := o.openIndex(e.Step); i >= 0 {
			o.open[i].tools = AppendCall(o.open[i].tools, *e.Tool)
		}
	case chain.StepEnd, chain.StepSkipped:
		run := stepRun{StepResult: *e.Result}
		if i := o.openIndex(e.Step); i >= 0 {
			o.addUsage(o.open[i].usage)
			run.tools = o.open[i].tools
			o.open = slices.Delete(o.open, i, i+1)
		}
		o.steps = append(o.steps, run)
		if slices.Contains(o.names, e.Step) {
			o.last = e.Result
		}
	case chain.StepRetry:
		if i := o.openIndex(e.Step); i >= 0 {
			s := &o.open[i]
			o.addUsage(s.usage)
			o.steps = append(o.steps, stepRun{s.result(), s.tools, oneLine(e.Err.Error())})
			*s = newOpenStep(s.path)
		}
	case chain.StepFallback:
		o.discard(e.Step, oneLine(e.Err.Error()))
	}
}

// discard notes that what is open in a step does not count.
func (o *outcome) discard(path, why string) {
	was := len(o.steps)
	o.open = slices.DeleteFunc(o.open, func(s openStep) bool {
		if !within(s.path, path) {
			return false
		}
		o.addUsage(s.usage)
		o.steps = append(o.steps, stepRun{s.result(), s.tools, why})
		return true
	})
	if len(o.steps) == was {
		o.steps = append(o.steps, stepRun{StepResult: chain.StepResult{Name: path}, void: why})
	}
}

// addUnfinished keeps what came of the steps that did not end.
func (o *outcome) addUnfinished() {
	for _, s := range o.open {
		o.untold = o.untold || s.usage == nil
		o.steps = append(o.steps, stepRun{StepResult: s.result(), tools: s.tools})
		if s.final {
			r := s.result()
			o.cut = &provider.Response{Text: r.Text, Thinking: r.Thinking}
		}
	}
	o.open = nil
}

func (o *outcome) openIndex(path string) int {
	return slices.IndexFunc(o.open, func(s openStep) bool { return s.path == path })
}

func (o *outcome) addUsage(u *provider.Usage) {
	if u == nil {
		o.untold = true
		return
	}
	o.usage = o.usage.Add(*u)
}

// complete checks how the chain's answer ended. What no model wrote is whole.
func (o *outcome) complete() error {
	if !o.final || o.last == nil {
		return nil
	}
	return Complete(provider.Response{Text: o.last.Text, Finish: o.last.Finish, Usage: o.last.Usage, Route: o.route})
}

func newOpenStep(path string) openStep {
	return openStep{path: path, text: &strings.Builder{}, thinking: &strings.Builder{}}
}

func (s *openStep) addChunk(e chain.Event) {
	e.Chunk.AppendTo(s.text, s.thinking)
	if e.Chunk.Usage != nil {
		s.usage = e.Chunk.Usage
	}
	s.final = s.final || e.Final
}

func (s *openStep) result() chain.StepResult {
	return chain.StepResult{Name: s.path, Text: s.text.String(), Thinking: s.thinking.String()}
}

// within reports whether path is the step outer, or is inside it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// oneLine folds an error's text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// result is what the run brought; err is its error.
func (o *outcome) result(err error) Result {
	r := Result{OK: err == nil, Error: NewError(err), Streamed: o.final, Ended: o.done}
	for _, s := range o.steps {
		r.Steps = append(r.Steps, Step{
			Name: s.Name, Answer: s.Text, Value: valueOf(&s.StepResult), Thinking: s.Thinking,
			Finish: s.Finish, Usage: s.Usage, Route: s.Route, Answered: s.Answered,
			Skipped: s.Skipped, Chosen: s.Chosen, Took: s.Took, Void: s.void, Passages: Passages(s.Passages), Tools: s.tools,
		})
	}
	switch {
	case o.done && o.last != nil:
		r.Answer, r.Value, r.Thinking = o.last.Text, valueOf(o.last), o.last.Thinking
		r.Finish, r.Route, r.Answered = o.last.Finish, o.last.Route, o.last.Answered
	case o.cut != nil:
		r.Answer, r.Thinking = o.cut.Text, o.cut.Thinking
	}
	if !o.untold {
		r.Usage = &o.usage
	}
	return r
}

// valueOf is a step's value where it is more than its text.
func valueOf(r *chain.StepResult) any {
	if _, text := r.Value.(string); text {
		return nil
	}
	return r.Value
}
