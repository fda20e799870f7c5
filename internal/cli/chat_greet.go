package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// greet says who answers, how to get help and how to leave, and of a conversation
// that is resumed where it is.
func (s *chatSession) greet() {
	if s.going {
		s.note(fmt.Sprintf("resuming %s, “%s” (%s)", s.chat.ID, s.chat.Title, turnCount(s.turns())))
		s.showLast()
	}
	s.note(s.asked())
	for _, line := range s.with() {
		s.note(line)
	}
	s.sayAttached(s.pending)
	s.note("/help shows the commands, Ctrl-D leaves")
}

// with are what the conversation has besides its messages, a line each.
func (s *chatSession) with() (lines []string) {
	if len(s.chat.Tools) > 0 {
		lines = append(lines, "tools: "+strings.Join(s.chat.Tools, ", "))
	}
	if s.chat.Collection != "" {
		lines = append(lines, "passages from: "+s.chat.Collection)
	}
	if s.req.Schema != nil {
		lines = append(lines, "answers are JSON that matches a schema")
	}
	return lines
}

// How much is shown of the last turn of a conversation that is resumed.
const (
	questionShown = 300 // letters
	answerShown   = 12  // lines
)

// showLast shows the last question and the end of its answer.
func (s *chatSession) showLast() {
	t := s.app.term
	if t.ErrWidth() == 0 || s.app.flags.quiet {
		return
	}
	for _, m := range s.chat.Messages[max(0, len(s.chat.Messages)-2):] {
		switch {
		case m.Role == provider.RoleUser:
			text := excerpt(m.Typed(), questionShown)
			if with := attachmentsOf(&m, true); len(with) > 0 {
				text += " (with " + attachedLine(with) + ")"
			}
			t.Noticef("%s", t.Dim(terminal.Hang("> ", text, t.ErrWidth())))
		case m.Text == "":
			s.warn("this message was not answered; /retry sends it again")
		default:
			s.showAnswer(&m)
		}
	}
}

// showAnswer shows the end of an answer as it was shown when it came.
func (s *chatSession) showAnswer(m *store.Said) {
	t := s.app.term
	text := strings.TrimRight(m.Text, "\n") + "\n"
	lines := strings.SplitAfter(text, "\n")
	cut := len(lines) - 1 - answerShown
	if cut > 0 {
		text = strings.Join(lines[cut:], "")
		if fence := openFence(lines[:cut]); fence != "" {
			text = fence + "\n" + text // it begins within code
		}
		t.Noticef("%s", t.Dim(fmt.Sprintf("… %s above; /show shows the whole conversation", count(cut, "line"))))
	}
	var err error
	if s.format {
		md := chatui.NewMarkdown(terminal.Raw(t.Err), chatui.Look{Width: t.ErrWidth}) // made safe before it is formatted
		_, err = terminal.NewSanitizer(md).WriteString(text)
		err = errors.Join(err, md.Close())
	} else {
		_, err = terminal.NewSanitizer(t.Err).WriteString(text)
	}
	if err != nil {
		return // a terminal that is gone shows itself at the next key
	}
	if m.Broken != "" || m.Finish == provider.FinishLength {
		s.warn("this answer is not complete")
	}
}

// openFence is the fence of the code block that lines end in; "": they end in none.
func openFence(lines []string) (fence string) {
	for _, line := range lines {
		mark, info := fenceOf(strings.TrimLeft(line, " \t"))
		switch {
		case fence == "" && mark != "" && !(mark[0] == '`' && strings.Contains(info, "`")):
			fence = mark
		case fence != "" && strings.HasPrefix(mark, fence) && strings.TrimSpace(info) == "":
			fence = ""
		}
	}
	return fence
}

// farewell says how to resume.
func (s *chatSession) farewell() {
	if s.chats == nil || len(s.chat.Messages) == 0 {
		return
	}
	s.note(fmt.Sprintf("saved as %s; `tandem chat -c` resumes it", s.chat.ID))
}

// resume is /resume: it takes up another conversation. Where messages had to stay on
// this machine before, they go on to.
func (s *chatSession) resume(ctx context.Context, id string) error {
	if s.chats == nil {
		return usageError{errors.New("this conversation is not saved, so it cannot be left for another one; start `tandem chat -c ID`")}
	}
	if id == "" {
		lines, err := s.chats.List(ctx, mostListed)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			s.tell("no conversation is saved yet")
		}
		for _, l := range lines {
			s.entry(l.ID, fmt.Sprintf("%s (%s, %s)", excerpt(l.Title, 60), l.Updated.Local().Format("2006-01-02 15:04"), turnCount(l.Turns)))
		}
		return nil
	}
	chat, err := findChat(ctx, s.chats, id)
	if err != nil {
		return err
	}
	var sample sampling
	sample.restore(chat.Settings)
	req := provider.Request{}
	if err := sample.apply(&req, s.stack, s.app.allowed(s.stack)); err != nil {
		return err
	}
	if before := s.chat; len(before.Messages) > 0 && before.ID != chat.ID {
		s.note(fmt.Sprintf("“%s” is saved as %s", before.Title, before.ID))
	}
	private := s.req.Privacy == provider.PrivacyLocal || chat.Privacy == provider.PrivacyLocal
	s.chat, s.sample, s.req, s.going = chat, sample, req, true
	s.req.Schema = chat.Settings.Schema
	if private {
		s.req.Privacy = provider.PrivacyLocal
	}
	s.left, s.atMost, s.noneUntil, s.ratio = 0, 0, 0, 0
	s.greet()
	return nil
}
