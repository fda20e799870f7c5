package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// chatInput is what `tandem chat` was told.
type chatInput struct {
	words    []string
	attach   attachFlags
	images   []string
	tools    []string
	schema   string
	extract  bool
	system   string
	role     string
	sample   sampling
	memory   store.Memory
	summary  optionalBool
	goOn     bool
	id       string
	noSave   bool
	systemIs bool // --system was given
}

func (a *app) chatCommand() *cobra.Command {
	var in chatInput
	cmd := &cobra.Command{
		Use:   "chat [flags] [PROMPT]",
		Short: "Chat with a model",
		Long: `Chat with a model. Each message is sent with as much of the conversation before
it as fits the context window. The conversation is saved on this machine, and -c
resumes it. Type /help to see the commands.

Without a terminal, each line of standard input is a message or a command. With a
PROMPT, that is the only message, and text piped in goes before it.`,
		Example: `  tandem chat
  tandem chat -m openai/gpt-6-luna -s "You are terse."
  tandem chat -c "And in one sentence?"
  tandem chat -f notes.txt --tool 'files/*'
  tandem chat --local-only`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.goOn && in.id == "" && len(args) > 0 && a.meansChat(cmd.Context(), args[0]) {
				in.id, args = args[0], args[1:]
			}
			in.words, in.systemIs = args, cmd.Flags().Changed("system")
			return a.chat(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.system, "system", "s", "", "system `message`: how the model should behave")
	f.StringVar(&in.role, "role", "", "a saved system message with settings, by its `name`")
	f.BoolVarP(&in.goOn, "continue", "c", false, "resume the last conversation, or the one whose id follows")
	f.StringVar(&in.id, "conversation", "", "resume the conversation with this `id`")
	f.BoolVar(&in.noSave, "no-save", false, "save nothing: no conversation, no history, no log, no cache")
	a.plainFlag(f)
	f.IntVar(&in.memory.Turns, "turns", 0, "send at most the last `N` turns (0: as many as fit)")
	f.IntVar(&in.memory.Tokens, "tokens", 0, "send at most `N` tokens of the conversation (0: as many as fit)")
	f.Var(&in.summary, "summary", "summarise turns that no longer fit")
	f.Lookup("summary").NoOptDefVal = "true"
	f.StringArrayVar(&in.images, "image", nil, "image `file` to send with the first message (repeatable)")
	in.attach.register(f)
	f.StringArrayVar(&in.tools, "tool", nil, "`tool` that the model may call, SERVER/TOOL or SERVER/* (repeatable)")
	f.StringVar(&in.schema, "schema", "", "JSON Schema `file` (JSON or YAML) that answers must satisfy, or their fields: 'name, age int'")
	f.BoolVarP(&in.extract, "extract", "x", false, "print only the last code block of each answer")
	in.sample.register(f)
	a.answers.register(f)
	a.tools.register(f)
	return cmd
}

// chat runs the command: take up or begin a conversation, and take messages for
// it from where they come.
func (a *app) chat(ctx context.Context, in chatInput) error {
	if in.goOn && in.noSave || in.id != "" && in.noSave {
		return usageError{errors.New("--no-save cannot resume a saved conversation; leave it out, or start a new conversation")}
	}
	if in.noSave {
		if a.answers.record != "" || a.answers.cache {
			return usageError{errors.New("--no-save saves nothing, but --record and --cache save answers; use only one of them")}
		}
		a.answers.noCache = true
	}
	if in.memory.Turns < 0 || in.memory.Tokens < 0 {
		return usageError{errors.New("--turns and --tokens must be at least 0")}
	}
	if err := a.takeRole(in.role, &in.system, &in.sample); err != nil {
		return err
	}
	in.systemIs = in.systemIs || in.role != ""
	system, err := cleanText("--system", []byte(in.system))
	if err != nil {
		return err
	}
	in.system = system
	given := in.sample.model
	kept := store.New(a.stateDir())
	defer kept.Close()
	s := &chatSession{app: a}
	s.chats = store.NewChats(kept, func(text string) string { return s.stack.Redact(text) })
	if err := s.takeUp(ctx, &in); err != nil {
		return err
	}
	a.unlogged = in.noSave
	if s.chat.Privacy == provider.PrivacyLocal {
		a.flags.localOnly = true // once local, always local
	}
	files, words, err := a.attach(ctx, in.attach, in.words)
	if err != nil {
		return err
	}
	a.sayAttached(&files)
	files.images = append(slices.Clone(in.images), files.images...)
	var prompt string
	if len(words) > 0 {
		if prompt, err = readPrompt(ctx, a.term, words); err != nil {
			return err
		}
	}
	if s.stack, err = a.open(ctx); err != nil {
		return err
	}
	defer s.stack.Close()
	if err := in.sample.apply(&s.req, s.stack, a.allowed(s.stack)); err != nil {
		return err
	}
	if err := a.checkModel(ctx, s.stack, given); err != nil {
		return err
	}
	if s.req.Privacy == provider.PrivacyLocal {
		s.chat.Privacy = provider.PrivacyLocal
	}
	s.findModels(ctx)
	if err := s.attach(ctx, &files); err != nil {
		return err
	}
	s.extract = in.extract
	s.unkept(in.noSave)
	s.format = a.term.OutIsTTY && a.term.Color && !a.plain
	ctx = begin(ctx, store.Run{Command: "chat"})
	switch {
	case a.term.InIsTTY && a.term.ErrIsTTY && a.getenv("TERM") != "dumb":
		return s.interactive(ctx, prompt)
	case prompt != "" && !a.term.InIsTTY:
		return s.turn(ctx, prompt, s.pending)
	}
	return s.byLine(ctx, prompt)
}

// findModels looks up which models are asked while a default one is missing. A server
// that does not answer soon is not waited for.
func (s *chatSession) findModels(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s.models = map[string]string{}
	for _, name := range s.stack.Config().Use {
		s.models[name] = s.stack.Model(ctx, name)
	}
}

// unkept says why the conversation is not kept, where it is not.
func (s *chatSession) unkept(noSave bool) {
	switch log := s.stack.Config().Log; {
	case noSave:
		s.chats = nil
	case log == config.LogOff || log == config.LogMeta:
		s.chats = nil
		s.note("the configuration says `log: " + log + "`: this conversation is not saved")
	}
}

// takeUp finds the conversation to go on with, or begins one. What it was set
// to holds, unless a flag says otherwise.
func (s *chatSession) takeUp(ctx context.Context, in *chatInput) error {
	if !in.goOn && in.id == "" {
		s.chat = newChat()
		s.chat.System = in.system
	} else {
		chat, err := findChat(ctx, s.chats, in.id)
		if err != nil {
			return err
		}
		s.chat, s.going = chat, true
		in.sample.restore(chat.Settings)
		if in.systemIs {
			s.chat.System = in.system
		}
	}
	if in.memory.Turns > 0 {
		s.chat.Memory.Turns = in.memory.Turns
	}
	if in.memory.Tokens > 0 {
		s.chat.Memory.Tokens = in.memory.Tokens
	}
	if in.summary.value != nil {
		s.chat.Memory.Summary = *in.summary.value
	}
	s.req.Schema = s.chat.Settings.Schema
	if in.schema != "" {
		schema, err := s.app.readSchema(ctx, in.schema)
		if err != nil {
			return err
		}
		s.req.Schema = schema
	}
	if in.extract && s.req.Schema != nil {
		return usageError{errors.New("--extract prints a code block of a text, but answers are JSON that matches a schema; leave one of them out")}
	}
	for _, name := range in.tools {
		if !slices.Contains(s.chat.Tools, name) {
			s.chat.Tools = append(s.chat.Tools, name)
		}
	}
	s.sample = in.sample
	s.chat.Settings = s.settings()
	return nil
}

func newChat() store.Chat {
	now := time.Now()
	return store.Chat{ID: store.NewID(), Created: now, Updated: now}
}

// optionalBool is a flag that says yes or no, or nothing.
type optionalBool struct{ value *bool }

// String, Set and Type make it a pflag.Value.
func (o *optionalBool) String() string {
	if o.value == nil {
		return ""
	}
	return fmt.Sprint(*o.value)
}

// Set parses the flag's text.
func (o *optionalBool) Set(text string) error {
	switch strings.ToLower(text) {
	case "true", "on", "yes":
		o.value = provider.Ptr(true)
	case "false", "off", "no":
		o.value = provider.Ptr(false)
	default:
		return errors.New("expected on or off")
	}
	return nil
}

// Type names the value in help texts.
func (o *optionalBool) Type() string { return "bool" }
