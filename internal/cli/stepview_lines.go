package cli

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// summary shows who answered the calls of a step that others are in.
func (l *liveSteps) summary(r *chain.StepResult) {
	l.app.term.SetStatus("")
	delete(l.ended, r.Name)
	if len(r.Answered) == 0 {
		return
	}
	line := l.app.term.Dim(endLine(r))
	if l.latest != nil {
		l.latest.after = append(l.latest.after, line)
		return
	}
	l.line(line)
}

func (l *liveSteps) line(text string) {
	if !l.app.flags.quiet {
		l.app.term.Noticef("%s", text)
	}
}

func (l *liveSteps) lines(texts []string) {
	for _, t := range texts {
		l.line(t)
	}
}

// passagesLine says what was found, and who made the question's vector.
func passagesLine(r *chain.StepResult) string {
	var places []string
	for _, p := range r.Passages {
		places = append(places, p.Place())
	}
	line := "· " + count(len(places), "passage") + ": " + strings.Join(places, ", ")
	if r.Route != nil {
		line += " · by vectors of " + r.Route.Provider + " (" + r.Route.Model + ")"
	}
	return terminal.OneLine(line)
}

// endLine says who answered a step's calls.
func endLine(r *chain.StepResult) string {
	var who []string
	for _, a := range r.Answered {
		text := a.Provider + " (" + a.Model + ") answered"
		if a.Calls > 1 {
			text += fmt.Sprintf(" %d times", a.Calls)
		}
		if a.Local {
			text += " on this machine"
		}
		who = append(who, text)
	}
	line := "· " + r.Name + ": "
	switch {
	case r.Skipped:
		return line + "skipped, its condition is false"
	case len(who) > 0:
		line += strings.Join(who, ", ")
	case r.Route != nil:
		where := " at " + r.Route.Endpoint
		if r.Route.Local {
			where = " on this machine"
		}
		line += r.Route.Provider + " (" + r.Route.Model + ") answered" + where
	default:
		line += "done"
	}
	if r.Chosen != "" {
		line += ", the branch is " + r.Chosen
	}
	if u := r.Usage; u != nil {
		line += fmt.Sprintf(" · %d+%d tokens", u.InputTokens, u.OutputTokens)
	}
	return terminal.OneLine(line + " · " + short(r.Took))
}
