package cli

import (
	"github.com/tandem-llm/tandem/chain"
)

// summary shows who answered the calls of a step that others are in.
func (l *liveSteps) summary(r *chain.StepResult) {
	l.app.wait.close()
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
