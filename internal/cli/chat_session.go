package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	app    *app
	stack  *stack.Stack
	chats  *store.Chats // nil: nothing is kept
	chat   store.Chat
	req    provider.Request // who is asked, and how; no messages
	sample sampling
	models map[string]string // that each provider is asked for
	format bool              // answers are printed as Markdown looks
	going  bool              // on with a conversation of before
	files  string            // of --file: they go before the next message that is answered

	left         int     // turns that were said to be left out
	atMost       int     // tokens that an engine has refused more than; 0: none has
	noneUntil    int     // the turn from which on a summary is tried again
	unsummarised error   // why there was none
	ratio        float64 // the tokens of the last prompt, as its engine counted them, to our estimate; 0: not known
}

// turn asks the conversation's next message, and keeps it and what is answered.
// An answer that broke off is shown and kept as that.
func (s *chatSession) turn(ctx context.Context, text string) error {
	n := s.turns()
	if s.chat.Title == "" {
		s.chat.Title = excerpt(text, 60)
	}
	before := s.answerer()
	if !strings.HasPrefix(text, s.files) { // it has them if it is asked again
		text = s.files + text
	}
	s.add(ctx, store.Said{Turn: n, Role: provider.RoleUser, Text: text, At: time.Now()})
	at := time.Now()
	r, err := s.answer(ctx)
	if err == nil {
		err = runner.Complete(r)
	}
	if r.Text != "" {
		s.files = ""
	}
	s.add(context.WithoutCancel(ctx), answered(n, at, r, err))
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
// engine finds that it does not.
func (s *chatSession) answer(ctx context.Context) (provider.Response, error) {
	for {
		fitted, err := s.fit(ctx)
		if err != nil {
			return provider.Response{}, err
		}
		req := s.req
		req.Messages = fitted.Messages
		r, err := s.stream(ctx, req)
		if provider.KindOf(err) != provider.ContextOverflow || r.Text != "" || fitted.Turns-fitted.LeftTurns <= 1 {
			if err == nil && r.Usage != nil && r.Usage.InputTokens > 0 {
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
func (s *chatSession) undo(ctx context.Context) (text string, ok bool) {
	n := s.turns() - 1
	if n < 0 {
		return "", false
	}
	all := s.chat.Messages
	for len(all) > 0 && all[len(all)-1].Turn == n {
		if m := all[len(all)-1]; m.Role == provider.RoleUser {
			text = m.Text
		}
		all = all[:len(all)-1]
	}
	s.chat.Messages = all
	if g := s.chat.Gist; g != nil && g.Turns > len(s.sent()) {
		s.chat.Gist = nil
	}
	if len(all) == 0 {
		s.chat.Title = "" // it says what was asked
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
	return text, true
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
