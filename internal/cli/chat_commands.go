package cli

import (
	"cmp"
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
	group, name, args string
	does              string // empty: /help leaves it out
	run               func(s *chatSession, ctx context.Context, arg string) error
	// complete lists what arg may become; nil: it is not completed.
	complete func(s *chatSession, arg string) []string
}

func chatCommands() []chatCommand {
	const message, with, model, conversation = "Messages", "What goes with a message", "Who answers", "The conversation"
	leave := func(*chatSession, context.Context, string) error { return errLeave }
	return []chatCommand{
		{message, "retry", "", "asks the last message again and replaces its answer", (*chatSession).retry, nil},
		{message, "undo", "", "removes the last turn", (*chatSession).takeBack, nil},
		{message, "copy", "[code]", "copies the last answer, or its last code block, to the clipboard", (*chatSession).copy, words("code")},
		{message, "extract", "[FILE]", "prints the last code block of the last answer, or writes it to a new file", (*chatSession).extractBlock, completePath},
		{with, "file", "[PATH]", "attaches text files: a path, a folder or *.go; `off [NAME]` removes them; alone, lists them", (*chatSession).setFiles, completePath},
		{with, "image", "[PATH]", "attaches an image", (*chatSession).setImages, completePath},
		{with, "collection", "[NAME]", "looks up passages for each message; `off`: none", (*chatSession).setCollection, (*chatSession).completeCollection},
		{with, "tool", "[SERVER/TOOL]", "lets the model call a tool, after asking you; `off`: none; alone, lists them", (*chatSession).setTool, (*chatSession).completeTool},
		{with, "schema", "[FILE]", "makes answers JSON that matches a schema, or fields such as 'name, age int'; `off`: text", (*chatSession).setSchema, completePath},
		{model, "model", "[NAME]", "switches to a model, provider, or provider/model; `-`: the configured one", (*chatSession).setModel, (*chatSession).completeModel},
		{model, "models", "", "lists the models that can be chosen", (*chatSession).listModels, nil},
		{model, "system", "[TEXT]", "shows or sets the system message; `-`: none", (*chatSession).setSystem, nil},
		{model, "local", "", "keeps the conversation on this machine from now on", (*chatSession).setLocal, nil},
		{model, "summary", "on|off", "summarises turns that no longer fit the context window", (*chatSession).setSummary, words("on", "off")},
		{conversation, "clear", "", "starts a new conversation with the same settings, and saves this one", (*chatSession).begin, nil},
		{conversation, "rename", "TITLE", "gives the conversation another title", (*chatSession).rename, nil},
		{conversation, "resume", "[ID]", "resumes a saved conversation; alone, lists them", (*chatSession).resume, (*chatSession).completeChat},
		{conversation, "show", "", "shows the conversation and its settings", (*chatSession).show, nil},
		{conversation, "save", "FILE", "writes the conversation to a file: .md or .json", (*chatSession).save, completePath},
		{conversation, "help", "", "shows the commands", (*chatSession).help, nil},
		{conversation, "quit", "", "leaves the chat, like Ctrl-D", leave, nil},
		{conversation, "new", "", "", (*chatSession).begin, nil}, // /clear by its older name
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
	if path := pathsOf(text)[0]; isFile(path) {
		return usageError{fmt.Errorf("%s is a file; /file or /image before it attaches it. To send text starting with a slash, type //", path)}
	}
	if near, ok := diag.Nearest("/"+name, names); ok {
		return usageError{fmt.Errorf("unknown command /%s; did you mean %s? To send text starting with a slash, type //", name, near)}
	}
	return usageError{fmt.Errorf("unknown command /%s; see /help. To send text starting with a slash, type //", name)}
}

func (s *chatSession) setModel(ctx context.Context, arg string) error {
	if arg == "" {
		s.tell(s.asked())
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
	if err := s.app.checkModel(ctx, s.stack, arg); err != nil {
		return err
	}
	if arg != "" && s.app.answers.replay == "" {
		if info := s.app.inspected(ctx, s.stack, &req); cannotChat(&info) {
			return usageError{fmt.Errorf("%s cannot chat: it is for %s; /models lists others", cmp.Or(info.Name, arg), capabilityNames(info.Capabilities))}
		}
	}
	req.Privacy, req.Schema = s.req.Privacy, s.req.Schema
	s.req, s.sample = req, sample
	s.chat.Settings = s.settings()
	s.atMost, s.ratio = 0, 0 // another window, and another tokenizer
	s.keep(ctx)
	text := s.asked()
	if n := len(s.sent()); n > 0 {
		text += fmt.Sprintf("; the next message sends the conversation so far (%s) there", turnCount(n))
	}
	s.note("from now on " + text)
	s.sayUnable(ctx)
	return nil
}

// cannotChat reports whether a model is known to answer no messages.
func cannotChat(info *provider.ModelInfo) bool {
	can, known := info.Can(provider.CanChat)
	return known && !can && len(info.Capabilities) > 0
}

func capabilityNames(all []provider.Capability) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}

func (s *chatSession) setSystem(ctx context.Context, arg string) error {
	switch arg {
	case "":
		if s.chat.System == "" {
			s.tell("there is no system message")
		} else {
			s.app.term.Verbatimf("%s", terminal.StripControls(s.chat.System))
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
	s.note("this applies from the next message on")
	return nil
}

func (s *chatSession) takeBack(ctx context.Context, _ string) error {
	asked, ok := s.undo(ctx)
	if !ok {
		return usageError{errors.New("no turn to remove")}
	}
	s.note(fmt.Sprintf("removed: “%s”; %s left", excerpt(asked.Typed(), 60), turnCount(s.turns())))
	if with := attachmentsOf(&asked, false); len(with) > 0 {
		if err := s.attachOnce(with); err != nil {
			return err
		}
		s.note("what was attached goes with the next message: " + attachedLine(with) + "; /file off removes it")
	}
	return nil
}

// retry asks the last message again. The answer of before goes only when there
// is another.
func (s *chatSession) retry(ctx context.Context, _ string) error {
	all := s.chat.Messages
	gist := s.chat.Gist
	asked, ok := s.undo(ctx)
	if !ok {
		return usageError{errors.New("no message to ask again")}
	}
	left := len(s.chat.Messages)
	before := slices.Clone(all[left:])
	err := s.turn(ctx, asked.Typed(), attachmentsOf(&asked, true))
	n := len(s.chat.Messages)
	switch hadAnswer := len(before) > 1 && before[len(before)-1].Text != ""; {
	case err == nil, n > left && (!hadAnswer || s.chat.Messages[n-1].Text != ""):
		return err // there is a new turn
	case n > left:
		s.undo(context.WithoutCancel(ctx))
		fallthrough
	default:
		s.chat.Gist = gist
		for _, m := range before {
			s.add(context.WithoutCancel(ctx), m)
		}
		if hadAnswer {
			s.warn("no new answer: the earlier one is restored")
		}
	}
	return err
}

func (s *chatSession) begin(context.Context, string) error {
	before := s.chat
	if s.chats != nil && len(before.Messages) > 0 {
		s.note(fmt.Sprintf("this conversation is saved as %s; `/resume %[1]s` goes back to it, and `tandem chat -c %[1]s` does later", before.ID))
	}
	s.chat = newChat()
	s.chat.System, s.chat.Settings, s.chat.Memory, s.chat.Privacy = before.System, before.Settings, before.Memory, before.Privacy
	s.chat.Tools, s.chat.Collection = before.Tools, before.Collection
	s.left, s.going = 0, false
	s.note("a new conversation; " + s.asked())
	return nil
}

func (s *chatSession) setSummary(ctx context.Context, arg string) error {
	var on optionalBool
	if err := on.Set(arg); err != nil {
		return usageError{errors.New("type /summary on or /summary off")}
	}
	s.chat.Memory.Summary, s.noneUntil = *on.value, 0
	s.keep(ctx)
	s.note("turns that no longer fit are " + map[bool]string{true: "summarised", false: "left out, with a note"}[*on.value])
	return nil
}

func (s *chatSession) setLocal(ctx context.Context, _ string) error {
	s.req.Privacy, s.chat.Privacy = provider.PrivacyLocal, provider.PrivacyLocal
	s.keep(ctx)
	s.note("from now on this conversation stays on this machine, also when it is resumed")
	s.sayUnable(ctx)
	return nil
}

// sayUnable says which of the providers that are asked cannot answer in a conversation
// that stays on this machine, and whom to choose where that is all of them.
func (s *chatSession) sayUnable(ctx context.Context) {
	if s.req.Privacy != provider.PrivacyLocal || s.app.answers.replay != "" {
		return
	}
	use := s.req.Use
	if len(use) == 0 {
		use = s.stack.Config().Use
	}
	var unable []string
	for _, name := range use {
		if t, ok := s.stack.Target(name); ok && !s.stack.Here(ctx, t) {
			unable = append(unable, name)
		}
	}
	switch {
	case len(unable) == 0:
	case len(unable) < len(use):
		s.note(strings.Join(unable, ", ") + " cannot answer in it")
	default:
		remedy := "no configured provider is on this machine; `tandem chat` starts another conversation"
		for _, name := range append(slices.Clone(s.stack.Config().Use), s.choosableNames()...) {
			if t, ok := s.stack.Target(name); ok && s.stack.Here(ctx, t) && slices.Contains(s.choosableNames(), name) {
				remedy = "switch to one on this machine: /model " + name
				break
			}
		}
		s.warn(strings.Join(unable, ", ") + " cannot answer in this conversation; " + remedy)
	}
}

func turnCount(n int) string {
	if n == 1 {
		return "1 turn"
	}
	return fmt.Sprintf("%d turns", n)
}
