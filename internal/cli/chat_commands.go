package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// chatCommand is what can be typed in a chat besides messages.
type chatCommand struct {
	name, args, does string
	run              func(s *chatSession, ctx context.Context, arg string) error
}

func chatCommands() []chatCommand {
	return []chatCommand{
		{"help", "", "shows the commands", (*chatSession).help},
		{"model", "[NAME]", "switches to a model, provider, or provider/model; `-`: the configured one", (*chatSession).setModel},
		{"system", "[TEXT]", "shows or sets the system message; `-`: none", (*chatSession).setSystem},
		{"retry", "", "asks the last message again and replaces its answer", (*chatSession).retry},
		{"undo", "", "removes the last turn", (*chatSession).takeBack},
		{"new", "", "starts a new conversation", (*chatSession).begin},
		{"show", "", "shows the conversation and its settings", (*chatSession).show},
		{"save", "FILE", "writes the conversation to a file: .md or .json", (*chatSession).save},
		{"summary", "on|off", "summarises turns that no longer fit the context window", (*chatSession).setSummary},
		{"local", "", "keeps the conversation on this machine from now on", (*chatSession).setLocal},
		{"quit", "", "leaves the chat, like Ctrl-D", func(*chatSession, context.Context, string) error { return errLeave }},
	}
}

// command runs a line that begins with a slash.
func (s *chatSession) command(ctx context.Context, text string) error {
	name, arg, _ := strings.Cut(text[1:], " ")
	if at := strings.IndexByte(name, '\n'); at >= 0 {
		name, arg = name[:at], name[at+1:]+" "+arg
	}
	arg = strings.TrimSpace(arg)
	if name == "exit" || name == "bye" {
		name = "quit"
	}
	var names []string
	for _, c := range chatCommands() {
		names = append(names, "/"+c.name)
		if c.name != name {
			continue
		}
		if c.args == "" && arg != "" {
			return usageError{fmt.Errorf("/%s takes no argument; to send text starting with a slash, type //", name)}
		}
		return c.run(s, ctx, arg)
	}
	if near, ok := diag.Nearest("/"+name, names); ok {
		return usageError{fmt.Errorf("unknown command /%s; did you mean %s? To send text starting with a slash, type //", name, near)}
	}
	return usageError{fmt.Errorf("unknown command /%s; see /help. To send text starting with a slash, type //", name)}
}

// completeCommand is what Tab makes of a line that begins with a slash.
func completeCommand(line string) (out []string) {
	for _, c := range chatCommands() {
		whole := "/" + c.name
		if c.args != "" {
			whole += " "
		}
		if strings.HasPrefix(line, "/") && strings.HasPrefix(whole, line) {
			out = append(out, whole)
		}
	}
	return out
}

func (s *chatSession) help(context.Context, string) error {
	for _, c := range chatCommands() {
		s.app.term.Noticef("  %-18s %s", strings.TrimSpace("/"+c.name+" "+c.args), c.does)
	}
	s.app.term.Noticef(`
  """ starts and ends a message of several lines. A backslash at the end of a
  line, or Alt-Enter, starts a new line. To send text starting with a slash, type
  //. Ctrl-C stops the answer. Ctrl-R searches your earlier messages.`)
	return nil
}

func (s *chatSession) setModel(ctx context.Context, arg string) error {
	if arg == "" {
		s.app.term.Noticef("%s", s.asked())
		return nil
	}
	if arg == "-" {
		arg = ""
	}
	req, sample := provider.Request{}, s.sample
	sample.model = arg
	if err := sample.apply(&req, s.stack, s.app.allowed(s.stack)); err != nil {
		return err
	}
	if err := (&provider.Request{Model: req.Model, Messages: []provider.Message{provider.User("x")}}).Validate(); err != nil {
		return err
	}
	req.Privacy = s.req.Privacy
	s.req, s.sample = req, sample
	s.chat.Settings = sample.kept()
	s.atMost, s.ratio = 0, 0 // another window, and another tokenizer
	s.keep(ctx)
	text := s.asked()
	if n := len(s.sent()); n > 0 {
		text += fmt.Sprintf("; the next message sends the conversation so far (%s) there", turnCount(n))
	}
	s.app.infof("%s", s.app.term.Dim("· from now on "+text))
	return nil
}

func (s *chatSession) setSystem(ctx context.Context, arg string) error {
	switch arg {
	case "":
		if s.chat.System == "" {
			s.app.term.Noticef("there is no system message")
		} else {
			s.app.term.Noticef("%s", terminal.StripControls(s.chat.System))
		}
		return nil
	case "-":
		arg = ""
	}
	system, err := cleanText("the system message", []byte(arg))
	if err != nil {
		return err
	}
	s.chat.System = system
	s.keep(ctx)
	s.app.infof("%s", s.app.term.Dim("· this applies from the next message on"))
	return nil
}

func (s *chatSession) takeBack(ctx context.Context, _ string) error {
	text, ok := s.undo(ctx)
	if !ok {
		return usageError{errors.New("no turn to remove")}
	}
	s.app.infof("%s", s.app.term.Dim(fmt.Sprintf("· removed: “%s”; %s left", excerpt(text, 60), turnCount(s.turns()))))
	return nil
}

// retry asks the last message again. The answer of before goes only when there
// is another.
func (s *chatSession) retry(ctx context.Context, _ string) error {
	all := s.chat.Messages
	gist := s.chat.Gist
	text, ok := s.undo(ctx)
	if !ok {
		return usageError{errors.New("no message to ask again")}
	}
	before := slices.Clone(all[len(s.chat.Messages):])
	err := s.turn(ctx, text)
	if n := len(s.chat.Messages); err != nil && before[len(before)-1].Text != "" && len(before) > 1 && s.chat.Messages[n-1].Text == "" {
		ctx := context.WithoutCancel(ctx)
		s.undo(ctx)
		s.chat.Gist = gist
		for _, m := range before {
			s.add(ctx, m)
		}
		s.app.infof("%s", s.app.term.Yellow("· no new answer: the earlier one is restored"))
	}
	return err
}

func (s *chatSession) begin(context.Context, string) error {
	before := s.chat
	if s.chats != nil && len(before.Messages) > 0 {
		s.app.infof("%s", s.app.term.Dim(fmt.Sprintf("· saved as %s; `tandem chat --conversation %[1]s` resumes it", before.ID)))
	}
	s.chat = newChat()
	s.chat.System, s.chat.Settings, s.chat.Memory, s.chat.Privacy = before.System, before.Settings, before.Memory, before.Privacy
	s.left, s.going = 0, false
	s.app.infof("%s", s.app.term.Dim("· a new conversation; "+s.asked()))
	return nil
}

func (s *chatSession) setSummary(ctx context.Context, arg string) error {
	var on optionalBool
	if err := on.Set(arg); err != nil {
		return usageError{errors.New("type /summary on or /summary off")}
	}
	s.chat.Memory.Summary, s.noneUntil = *on.value, 0
	s.keep(ctx)
	s.app.infof("%s", s.app.term.Dim("· turns that no longer fit are "+map[bool]string{true: "summarised", false: "left out, with a note"}[*on.value]))
	return nil
}

func (s *chatSession) setLocal(ctx context.Context, _ string) error {
	s.req.Privacy, s.chat.Privacy = provider.PrivacyLocal, provider.PrivacyLocal
	s.keep(ctx)
	s.app.infof("%s", s.app.term.Dim("· from now on this conversation stays on this machine, also when it is resumed"))
	return nil
}

func turnCount(n int) string {
	if n == 1 {
		return "1 turn"
	}
	return fmt.Sprintf("%d turns", n)
}
