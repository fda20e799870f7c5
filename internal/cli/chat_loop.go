package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// errLeave is the wish to end the chat.
var errLeave = errors.New("leave")

// handle does what a message says: a command, or words for the model.
func (s *chatSession) handle(ctx context.Context, text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return nil
	case strings.HasPrefix(text, "//"):
		text = text[1:]
	case strings.HasPrefix(text, "/"):
		return s.command(ctx, text)
	}
	if err := checkText("the message", []byte(text)); err != nil {
		return err
	}
	return s.turn(ctx, text, s.pending)
}

// interactive takes messages from the terminal. A failure is told, and the chat
// goes on.
func (s *chatSession) interactive(ctx context.Context, prompt string) (err error) {
	t := s.app.term
	file, ok := t.In.(*os.File)
	if !ok {
		return errors.New("standard input is not a terminal")
	}
	tty, err := chatui.Raw(file)
	if err != nil {
		return fmt.Errorf("the terminal cannot be read key by key: %w", err)
	}
	defer func() {
		if rerr := tty.Restore(); err == nil && rerr != nil {
			err = fmt.Errorf("the terminal could not be restored: %w; type `reset`", rerr)
		}
	}()
	in := chatui.NewInput(file)
	defer in.Close()
	ed := s.editor(in, tty)
	defer ed.Close()
	s.greet()
	if prompt != "" {
		s.attended(ctx, in, prompt)
	}
	for once := false; ; {
		text, err := ed.Read(ctx, "> ", ". ")
		switch {
		case errors.Is(err, chatui.ErrInterrupted) && !once:
			once = true
			s.note("to leave, press Ctrl-C again or Ctrl-D, or type /quit")
			continue
		case errors.Is(err, chatui.ErrInterrupted), errors.Is(err, io.EOF):
			s.app.signals.markEnding()
			s.farewell()
			return nil
		case err != nil:
			return err
		}
		once = false
		message, _ := chatui.Message(text)
		if err := ed.History.Add(text); err != nil {
			s.app.infof("%s the input history is not saved: %s", t.Yellow("warning:"), s.app.explain(err))
		}
		if s.attended(ctx, in, message) {
			s.farewell()
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// attended handles a message while Ctrl-C is watched for, which ends that and
// not the chat. It reports whether the user wants to leave.
func (s *chatSession) attended(ctx context.Context, in *chatui.Input, message string) (leave bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	once := false
	interrupt := func() {
		if once { // what was to be ended has not
			s.app.signals.quit()
		}
		once = true
		cancel()
	}
	stop := in.Watch(interrupt)
	s.app.term.Answers = func(ctx context.Context, question string) (string, error) {
		stop() // the answer's keys are not for whom watches
		defer func() { stop = in.Watch(interrupt) }()
		answer, err := s.question(ctx, in, question)
		if errors.Is(err, chatui.ErrInterrupted) {
			interrupt()
			return "", context.Canceled
		}
		return answer, err
	}
	defer func() { s.app.term.Answers = nil }()
	before := s.chat.Updated
	err := s.handle(ctx, message)
	stop()
	if errors.Is(err, errLeave) {
		return true
	}
	s.failed(err, before)
	return false
}

// question asks at a terminal that is read key by key.
func (s *chatSession) question(ctx context.Context, in *chatui.Input, question string) (string, error) {
	t := s.app.term
	if file, ok := t.In.(*os.File); ok {
		if err := chatui.DropTyped(file); err != nil {
			return "", err
		}
	}
	fmt.Fprint(t.Err, question)
	return in.Answer(ctx, terminal.Raw(t.Err), time.Now())
}

// failed tells what a message came to, and what becomes of its answer if there
// is one since before.
func (s *chatSession) failed(err error, before time.Time) {
	stopped := errors.Is(err, context.Canceled)
	switch {
	case err == nil:
		return
	case !stopped:
		s.app.report(err)
	}
	n := len(s.chat.Messages)
	if n == 0 || s.chat.Messages[n-1].Role != provider.RoleAssistant || !s.chat.Updated.After(before) {
		if stopped {
			s.warn("Interrupted")
		}
		return
	}
	switch m := s.chat.Messages[n-1]; {
	case m.Broken != "" && m.Text == "" && stopped:
		s.warn("Interrupted before any answer; this message will be left out. /retry sends it again")
	case m.Broken != "" && m.Text == "":
		s.warn("No answer; this message will be left out. /retry sends it again")
	case m.Broken != "" && stopped:
		s.warn("Interrupted; the next message marks this answer as incomplete. /retry replaces it, /undo removes it")
	case m.Broken != "":
		s.warn("The answer broke off; the next message marks it as incomplete. /retry replaces it, /undo removes it")
	}
}

func (s *chatSession) editor(in *chatui.Input, tty *chatui.TTY) *chatui.Editor {
	t := s.app.term
	path := ""
	if s.chats != nil {
		path = filepath.Join(s.app.stateDir(), "chat_history")
	}
	history, err := chatui.OpenHistory(path, func(text string) bool { return s.stack.Redact(text) == text })
	if err != nil {
		s.app.infof("%s the input history is not available: %s", t.Yellow("warning:"), s.app.explain(err))
	}
	ed := &chatui.Editor{
		In: in, Out: terminal.Raw(t.Err), History: history, Suspend: tty.Suspend, Complete: s.complete, Paint: func(prompt string) string { return t.Direct(t.Bold(prompt)) },
		Whole: func(text string) bool { _, whole := chatui.Message(text); return whole },
	}
	if f, ok := terminal.Raw(t.Err).(*os.File); ok {
		ed.Size = func() (int, int) {
			w, h, _ := term.GetSize(int(f.Fd())) // 0 where it cannot be told
			return w, h
		}
	}
	return ed
}

// asked is who is asked, as far as that is known.
func (s *chatSession) asked() string {
	use := s.req.Use
	if len(use) == 0 {
		use = s.stack.Config().Use
	}
	var out []string
	for _, name := range use {
		t, ok := s.stack.Target(name)
		if !ok {
			continue
		}
		model := cmp.Or(s.models[name], t.Config.Model)
		if s.req.Model != "" {
			model = s.req.Model
		}
		who := name + " (" + model + ")"
		switch {
		case onThisMachine(&t):
			who += " on this machine"
		case t.Endpoint != "":
			who += " at " + t.Endpoint
		}
		out = append(out, who)
	}
	text := strings.Join(out, ", then ")
	if s.req.Privacy == provider.PrivacyLocal {
		text += "; nothing leaves this machine"
	}
	return terminal.StripControls(text)
}

// onThisMachine reports whether a server says of itself, by its address, that it is on
// this machine, and is known to run its models. It looks no name up.
func onThisMachine(t *stack.Configured) bool {
	u, err := url.Parse(t.Endpoint)
	if err != nil || t.Config.Kind == config.KindOpenAI && !t.Config.Local {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
