package chain

import (
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// stays is why the rest of a run, or of one branch of it, stays on this machine:
// an answer made under privacy local, or a passage of a local collection, has
// come in. Which later text holds a part of it is not to be guessed, so it holds
// for every step that follows. The zero value keeps nothing.
//
// Steps that run at the same time cannot see each other's values until all are
// done. So each has a stays of its own, joined with the outer one at the end, and
// no order of events decides who may be asked.
type stays struct {
	passage string // the step whose passages are to stay; no step can share them
	answer  string // the step whose answer is to stay, unless that shares it
}

// local reports whether what follows stays on this machine.
func (l *stays) local() bool { return l.passage != "" || l.answer != "" }

// join adds what holds for steps that ran apart.
func (l *stays) join(o *stays) {
	if l.passage == "" {
		l.passage = o.passage
	}
	if l.answer == "" {
		l.answer = o.answer
	}
}

// after notes the end of a step; answered: it has a value that it made. inner is
// what holds at the end of the steps in it, l itself unless the step is shared.
func (l *stays) after(s *step, path string, inner *stays, answered bool) {
	switch {
	case s.share:
		l.join(&stays{passage: inner.passage})
	case answered && s.settings.Privacy == provider.PrivacyLocal:
		l.join(&stays{answer: path})
	}
}

// why says why a prompt stays, and what the author can do; "": it need not.
func (l *stays) why() string {
	switch {
	case l.passage != "":
		return fmt.Sprintf("it may contain passages of a local collection, which step %s looks up and which must not leave this machine", l.passage)
	case l.answer != "":
		return fmt.Sprintf("it may contain the answer of step %s, made under privacy local; write `share: true` in that step if its answer may leave this machine", l.answer)
	}
	return ""
}

// tightened is the privacy that holds where a step asks for p.
func (l *stays) tightened(p provider.Privacy) provider.Privacy {
	if l.local() {
		return provider.PrivacyLocal
	}
	return p
}

// explained is err with the reason for its privacy, where that is not own, the
// privacy that the step itself and those around it ask for.
func (l *stays) explained(err error, own provider.Privacy) error {
	if own == provider.PrivacyLocal || !l.local() || !errors.Is(err, provider.Private) {
		return err
	}
	return fmt.Errorf("%w; %s", err, l.why())
}
