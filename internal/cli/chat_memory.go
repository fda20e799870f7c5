package cli

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain/memory"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

// sentTurn is a turn as it is sent.
type sentTurn struct{ asked, answered *store.Said }

// sent are the turns that are sent, without the one under way: those that had an
// answer, if only a part of one.
func (s *chatSession) sent() (out []sentTurn) {
	all := s.chat.Messages
	for i := range all {
		if m := &all[i]; m.Role == provider.RoleAssistant && m.Text != "" && i > 0 {
			out = append(out, sentTurn{&all[i-1], m})
		}
	}
	return out
}

// messages is the conversation as it is sent, were there room for all of it. An
// answer that is not whole says so, so that it is not taken for one.
func (s *chatSession) messages(ctx context.Context) (out []provider.Message) {
	if s.chat.System != "" {
		out = append(out, provider.System(s.chat.System))
	}
	for _, t := range s.sent() {
		text := t.answered.Text
		switch {
		case t.answered.Broken != "":
			text += "\n\n[This answer broke off here.]"
		case t.answered.Finish == provider.FinishLength:
			text += "\n\n[This answer was cut here, at its limit.]"
		}
		out = append(out, s.userMessage(ctx, t.asked), provider.Assistant(text))
	}
	if n := len(s.chat.Messages); n > 0 && s.chat.Messages[n-1].Role == provider.RoleUser {
		out = append(out, s.userMessage(ctx, &s.chat.Messages[n-1]))
	}
	return out
}

// fit chooses what of the conversation is sent, and says what is not whenever
// that changes.
func (s *chatSession) fit(ctx context.Context) (memory.Fitted, error) {
	most, window := s.room(ctx)
	p := memory.Policy{Window: s.chat.Memory.Turns, Tokens: most, Summary: s.chat.Memory.Summary, Request: s.req, Count: s.count}
	if s.chat.Gist != nil {
		p.Gist = memory.Gist(*s.chat.Gist)
	}
	all := s.messages(ctx)
	var by provider.Provider = s.stack
	if s.turns() < s.noneUntil {
		by = nil
	}
	f, err := memory.Fit(ctx, by, all, p)
	if provider.KindOf(err) == provider.ContextOverflow {
		// An estimate says so; the engine knows. It is asked with the least.
		p.Tokens, p.Window, p.Summary = 0, 1, false
		f, err = memory.Fit(ctx, nil, all, p)
	}
	if err != nil {
		return f, err
	}
	for _, r := range f.Summaries {
		s.note("summarising turns that no longer fit:")
		s.app.sayRoute(r.Route, r.Usage)
	}
	if f.Gist.Text != "" && (s.chat.Gist == nil || *s.chat.Gist != store.Gist(f.Gist)) {
		s.chat.Gist = provider.Ptr(store.Gist(f.Gist))
		s.keep(ctx)
	}
	switch {
	case f.Unsummarised != nil && by != nil: // it may fail again: not every message is to wait for that
		s.noneUntil, s.unsummarised = s.turns()+4, f.Unsummarised
	case f.Unsummarised != nil:
		f.Unsummarised = s.unsummarised
	}
	s.sayLeft(&f, most, window)
	return f, nil
}

// room is how many tokens of the conversation may be sent, and the window that
// this comes from; 0: not known.
func (s *chatSession) room(ctx context.Context) (most, window int) {
	if n, known := s.stack.Window(ctx, &s.req); known {
		window = n
		answer := min(1024, n/4)
		if s.req.MaxTokens != nil {
			answer = min(*s.req.MaxTokens, n/2)
		}
		most = max(1, n-answer)
	}
	for _, n := range []int{s.chat.Memory.Tokens, s.atMost} {
		if n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	return most, window
}

// count estimates what messages take, by what the engine counted the last time.
func (s *chatSession) count(_ context.Context, messages []provider.Message) (int, error) {
	n := tokens.Request(&provider.Request{Messages: messages})
	if s.ratio > 0 {
		n = int(float64(n)*min(max(s.ratio, 0.3), 2)*1.05) + 1
	}
	return n, nil
}

// sayLeft says which turns are not sent.
func (s *chatSession) sayLeft(f *memory.Fitted, most, window int) {
	if f.LeftTurns == s.left {
		return
	}
	if s.left = f.LeftTurns; f.LeftTurns == 0 {
		return
	}
	which := fmt.Sprintf("the first %d of %d turns (about %d tokens)", f.LeftTurns, f.Turns, f.LeftTokens)
	if f.LeftTurns == 1 {
		which = fmt.Sprintf("the first of %d turns (about %d tokens)", f.Turns, f.LeftTokens)
	}
	does := "do"
	if f.LeftTurns == 1 {
		does = "does"
	}
	var why string
	switch {
	case s.chat.Memory.Turns > 0 && f.Turns-f.LeftTurns >= s.chat.Memory.Turns:
		why = fmt.Sprintf("at most %d are sent", s.chat.Memory.Turns)
	case window > 0 && s.chat.Memory.Tokens == 0 && s.atMost == 0:
		why = fmt.Sprintf("%s not fit the window of %d", does, window)
	case most > 0:
		why = fmt.Sprintf("%s not fit into %d tokens", does, most)
	default:
		why = does + " not fit"
	}
	text := "left out: " + which + ": " + why
	switch {
	case f.Unsummarised != nil:
		text += "; without a summary: " + terminal.OneLine(f.Unsummarised.Error())
	case f.Gist.Turns > 0:
		text += "; a summary of them is sent"
	default:
		text += "; to send a summary of them, type /summary on"
	}
	s.warn("" + text)
}
