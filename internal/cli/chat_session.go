package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// chatSession is one conversation under way.
type chatSession struct {
	app     *app
	stack   *stack.Stack
	chats   *store.Chats // nil: nothing is kept
	chat    store.Chat
	req     provider.Request // who is asked, and how; no messages
	sample  sampling
	format  bool            // answers are printed as Markdown looks
	extract bool            // only the last code block of an answer is printed
	going   bool            // on with a conversation of before
	pending []attachment    // goes with the next message that is answered
	gone    map[string]bool // digests of images that cannot be read again
	tools   chatTools
	models  map[string]string   // that each provider is asked for
	listed  map[string][]string // models that providers listed, for Tab

	left         int     // turns that were said to be left out
	atMost       int     // tokens that an engine has refused more than; 0: none has
	noneUntil    int     // the turn from which on a summary is tried again
	unsummarised error   // why there was none
	ratio        float64 // the tokens of the last prompt, as its engine counted them, to our estimate; 0: not known
}

// turn asks the conversation's next message, with what is attached to it, and keeps
// it and what is answered. An answer that broke off is shown and kept as that.
func (s *chatSession) turn(ctx context.Context, text string, with []attachment) error {
	n, before := s.turns(), s.answerer()
	if !slices.ContainsFunc(with, func(a attachment) bool { return a.Kind == store.AttachedPassages }) {
		found, err := s.passages(ctx, text)
		if err != nil {
			return err
		}
		with = slices.Concat(with, found)
	}
	by, done, err := s.withTools(ctx)
	if err != nil {
		return err
	}
	defer done()
	m := store.Said{Turn: n, Role: provider.RoleUser, At: time.Now()}
	for i := range with {
		m.Attached = append(m.Attached, with[i].Attachment)
		m.Text += with[i].text
	}
	m.Text += text
	if s.chat.Title == "" {
		s.chat.Title = excerpt(text, 60)
	}
	s.add(ctx, m)
	at := time.Now()
	r, err := s.answer(ctx, by)
	if err == nil {
		err = runner.Complete(r)
	}
	if best := bestAnswer(err); best != "" {
		s.note("the best answer was: " + best)
	}
	if r.Text != "" {
		s.detach(with)
	}
	s.add(context.WithoutCancel(ctx), answered(n, at, r, err))
	if s.extract && r.Text != "" {
		_, err = s.app.printBlock(r, err)
	}
	stopped, err := runner.Accept(err, s.sample.strict || s.extract)
	s.app.sayStopped(&s.sample, stopped)
	s.app.sayRoute(r.Route, r.Usage)
	s.sayChange(before, r.Route)
	return err
}

// answered is an answer as it is kept. One that was cut at its limit has its
// Finish, which says so.
func answered(turn int, at time.Time, r provider.Response, err error) store.Said {
	if errors.As(err, new(runner.IncompleteError)) {
		err = nil
	}
	return store.Answered(turn, at, r, err)
}

// answer asks with as much of the conversation as fits, and with less where the
// engine finds that it does not. Once tools have run it does not ask again: they
// would run twice.
func (s *chatSession) answer(ctx context.Context, by provider.Provider) (provider.Response, error) {
	for {
		fitted, err := s.fit(ctx)
		if err != nil {
			return provider.Response{}, err
		}
		req := s.req
		req.Messages = fitted.Messages
		r, err := s.stream(ctx, by, req)
		if provider.KindOf(err) != provider.ContextOverflow || s.tools.ran > 0 || r.Text != "" || fitted.Turns-fitted.LeftTurns <= 1 {
			if err == nil && r.Usage != nil && r.Usage.InputTokens > 0 && s.tools.ran == 0 {
				s.ratio = float64(r.Usage.InputTokens) / float64(tokens.Request(&req))
			}
			return r, err
		}
		s.atMost = fitted.Tokens * 3 / 4
	}
}

// turns is how many turns there are.
func (s *chatSession) turns() int {
	if n := len(s.chat.Messages); n > 0 {
		return s.chat.Messages[n-1].Turn + 1
	}
	return 0
}

// add adds a message, and keeps it. What another process has made local
// meanwhile goes nowhere else from here on.
func (s *chatSession) add(ctx context.Context, m store.Said) {
	s.chat.Messages = append(s.chat.Messages, m)
	s.chat.Updated = time.Now()
	s.keep(ctx, m)
	if s.chat.Privacy == provider.PrivacyLocal {
		s.req.Privacy = provider.PrivacyLocal
	}
}

// keep writes the conversation down, with messages that are new. One that
// another process has continued meanwhile becomes one of its own.
func (s *chatSession) keep(ctx context.Context, added ...store.Said) {
	if s.chats == nil || len(s.chat.Messages) == 0 {
		return
	}
	err := s.chats.Put(ctx, &s.chat, added...)
	if errors.Is(err, store.ErrMovedOn) {
		err = s.fork(ctx)
	}
	s.unwritten(ctx, err)
}

// fork makes the conversation one of its own.
func (s *chatSession) fork(ctx context.Context) error {
	s.app.infof("%s another tandem process has continued this conversation; from here on, this is a separate one", s.app.term.Yellow("warning:"))
	s.chat.ID = store.NewID()
	return s.chats.Put(ctx, &s.chat, s.chat.Messages...)
}

// unwritten says that the conversation could not be written down, where it
// could not.
func (s *chatSession) unwritten(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.chats = nil
		s.app.infof("%s the conversation is no longer saved: %s", s.app.term.Yellow("warning:"), s.app.explain(err))
	}
}

// undo takes the last turn back, and returns what was asked in it.
func (s *chatSession) undo(ctx context.Context) (asked store.Said, ok bool) {
	n := s.turns() - 1
	if n < 0 {
		return asked, false
	}
	all := s.chat.Messages
	for len(all) > 0 && all[len(all)-1].Turn == n {
		if m := all[len(all)-1]; m.Role == provider.RoleUser {
			asked = m
		}
		all = all[:len(all)-1]
	}
	s.chat.Messages = all
	if g := s.chat.Gist; g != nil && g.Turns > len(s.sent()) {
		s.chat.Gist = nil
	}
	if len(all) == 0 && s.chat.Title == excerpt(asked.Typed(), 60) {
		s.chat.Title = ""
	}
	if s.chats != nil {
		err := s.chats.Undo(ctx, s.chat.ID, n)
		if err == nil && len(all) == 0 {
			err = s.chats.Remove(ctx, s.chat.ID)
		}
		if errors.Is(err, store.ErrMovedOn) {
			err = s.fork(ctx)
		}
		s.unwritten(ctx, err)
	}
	return asked, true
}

// answerer is who answered last.
func (s *chatSession) answerer() *provider.Route {
	for i := len(s.chat.Messages) - 1; i >= 0; i-- {
		if rt := s.chat.Messages[i].Route; rt != nil {
			return rt
		}
	}
	return nil
}

// sayChange says it where somebody else answers than before.
func (s *chatSession) sayChange(before, now *provider.Route) {
	if before == nil || now == nil || before.Provider == now.Provider && before.Model == now.Model {
		return
	}
	where := "the conversation went to " + now.Endpoint
	if now.Local {
		where = "the conversation stayed on this machine"
	}
	text := fmt.Sprintf("%s (%s) answered this time, %s (%s) the last time; %s", now.Provider, now.Model, before.Provider, before.Model, where)
	s.app.infof("%s", s.app.term.Paint("1;33", "! "+terminal.StripControls(text)))
}
