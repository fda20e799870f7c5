package cli

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// maxLine is the most bytes of a command line, read or suggested.
const maxLine = 16 << 10

//go:embed widget
var widgets embed.FS

// widgetShells are the shells that a widget is written for.
func widgetShells() []string { return []string{"bash", "zsh", "fish"} }

func (a *app) shellWidgetCommand() *cobra.Command {
	key := "alt-e"
	cmd := &cobra.Command{
		Use:   "shell-widget [flags] bash|zsh|fish",
		Short: "Print a key binding that turns a line into a command",
		Long: `Print a key binding for your shell. Type what you want, such as "the five largest
files here", and press Alt-E: the model's command takes the place of the line. You
can edit it, and it runs only when you press Enter. Ctrl-C ends the wait. If there is
no command, the line stays, and the reason is shown.`,
		Example: `  eval "$(tandem shell-widget bash)"           # in ~/.bashrc
  eval "$(tandem shell-widget zsh)"            # in ~/.zshrc
  tandem shell-widget fish | source            # in ~/.config/fish/config.fish
  eval "$(tandem shell-widget --key ctrl-g bash)"`,
		Args:      exactArgs("a shell: bash, zsh or fish"),
		ValidArgs: widgetShells(),
		RunE: func(_ *cobra.Command, args []string) error {
			script, err := widgetScript(args[0], key)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.term.Out, script)
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", key, "the `key`: alt- or ctrl- and a letter")
	return cmd
}

var widgetKey = regexp.MustCompile(`^(alt|ctrl)-([a-z])$`)

// widgetScript is the script that binds the key in a shell. The line goes to tandem on
// standard input, so that no process list shows it.
func widgetScript(shell, key string) (string, error) {
	k := widgetKey.FindStringSubmatch(strings.ToLower(key))
	if k == nil {
		return "", usageError{fmt.Errorf("--key %q: expected alt- or ctrl- and a letter, such as alt-e or ctrl-g", key)}
	}
	alt := k[1] == "alt"
	pick := func(ifAlt, ifCtrl string) string {
		if alt {
			return ifAlt
		}
		return ifCtrl
	}
	script, err := widgets.ReadFile("widget/" + shell)
	if err != nil || !slices.Contains(widgetShells(), shell) {
		return "", usageError{fmt.Errorf("there is no widget for %q; there are: %s", shell, strings.Join(widgetShells(), ", "))}
	}
	bound := map[string]string{
		"bash": pick(`\e`, `\C-`) + k[2],
		"zsh":  pick("^["+k[2], "^"+strings.ToUpper(k[2])),
		"fish": pick(`\e`, `\c`) + k[2],
	}
	return strings.ReplaceAll(string(script), "KEY", bound[shell]), nil
}

// suggestCommand is what the widget calls. Its standard output is the command, or
// where its exit code says that there is none, the reason: standard error is where
// the shell has made room for what is waited for.
func (a *app) suggestCommand() *cobra.Command {
	var sample sampling
	cmd := &cobra.Command{
		Use: "suggest-command [flags] SHELL", Short: "Print a command for what standard input says", Hidden: true,
		Args: exactArgs("a shell: bash, zsh or fish"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.flags.quiet = true
			command, err := a.suggest(cmd.Context(), args[0], sample)
			if err != nil {
				return a.printReason(err)
			}
			_, err = fmt.Fprintln(a.term.Out, command)
			return err
		},
	}
	sample.register(cmd.Flags())
	return cmd
}

// printReason prints an error as data, for the terminal's width, and marks it as shown. Of
// a Ctrl-C there is nothing to say.
func (a *app) printReason(err error) error {
	err = a.interrupted(err)
	if exitCode(err) == exitInterrupted {
		return reported(err)
	}
	for _, e := range diag.Split(err) {
		text := a.explain(e)
		if partial(e) || provider.KindOf(e) == provider.BadAnswer { // none of it is shown above
			text = e.Error()
		}
		text = terminal.OneLine(a.term.Secrets.Text("tandem: " + text))
		if width := a.term.ErrWidth(); width > 0 {
			text = strings.Join(chatui.Fold(text, width-1), "\n")
		}
		if _, werr := fmt.Fprintln(a.term.Out, text); werr != nil {
			return werr
		}
	}
	return reported(err)
}

// suggest returns a command that does what standard input says.
func (a *app) suggest(ctx context.Context, shell string, sample sampling) (string, error) {
	if !slices.Contains(widgetShells(), shell) {
		return "", usageError{fmt.Errorf("there is no widget for %q", shell)}
	}
	line, err := readText(ctx, "the line", a.term.In)
	line = strings.TrimSuffix(line, "\n") // fish writes one behind it
	switch {
	case err != nil:
		return "", err
	case strings.TrimSpace(line) == "":
		return "", usageError{errors.New("the line is empty; type what the command should do, and press the key again")}
	case len(line) > maxLine:
		return "", usageError{errors.New("the line is too long")}
	}
	st, err := a.open(ctx)
	if err != nil {
		return "", err
	}
	defer st.Close()
	req := provider.Request{NoStream: true, Messages: []provider.Message{
		provider.System(fmt.Sprintf("You write command lines for %s on %s. Answer with one command line that does what the user asks, in a code block, and nothing else.", shell, runtime.GOOS)),
		provider.User(line),
	}}
	if err := sample.apply(&req, st, a.allowed(st)); err != nil {
		return "", err
	}
	ctx = begin(ctx, store.Run{Command: "shell-widget"})
	a.wait.always(a)
	defer a.wait.close()
	r, err := provider.Collect(st.Chat(a.wait.follows(ctx), req))
	if err == nil {
		err = runner.Complete(r)
	}
	if err != nil {
		return "", err
	}
	command := commandLine(r.Text)
	if command == "" || len(command) > maxLine {
		return "", noCommand(r)
	}
	return command, nil
}

// noCommand is the error of an answer that is no command.
func noCommand(r provider.Response) error {
	const most = 200 // columns of the answer that are shown
	e := provider.Errorf(provider.BadAnswer, "", "", "the answer has no code block: “%s”", chatui.Cut(terminal.OneLine(r.Text), most))
	if r.Route != nil {
		e.Provider, e.Model, e.Sent = r.Route.Provider, r.Route.Model, true
	}
	return e
}

// commandLine is the command of an answer: its last code block, or all of it where that
// is code. It is as the model wrote it, for a line's end may be within quotes, but for
// what does something to a terminal or hides in it, for prompts, and for the remarks
// before the command. Empty: there is none.
func commandLine(text string) string {
	block, ok := lastBlock(text)
	if !ok {
		block, ok = inlineCode(text)
	}
	if !ok {
		return ""
	}
	lines := strings.Split(strings.TrimRight(terminal.StripControls(block), " \t\n"), "\n")
	lines = lines[remarks(lines):]
	if len(lines) > 0 {
		lines = withoutPrompts(lines)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), " \t")
}

// inlineCode is a text that is one span of code.
func inlineCode(text string) (code string, ok bool) {
	code = strings.Trim(strings.TrimSpace(text), "`")
	marks := len(strings.TrimSpace(text)) - len(code)
	return code, marks >= 2 && marks%2 == 0 && !strings.Contains(code, "`") && code != ""
}

// remarks is how many lines before the command are comments, which zsh would run, or
// empty.
func remarks(lines []string) (n int) {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			break
		}
		n++
	}
	return n
}

// withoutPrompts are the lines of a session without its prompts, which it has where the
// first line does.
func withoutPrompts(lines []string) []string {
	lines[0] = strings.TrimLeft(lines[0], " \t")
	for _, prompt := range []string{"$ ", "% ", "> "} {
		if !strings.HasPrefix(lines[0], prompt) {
			continue
		}
		for i, line := range lines {
			bare := strings.TrimLeft(line, " \t")
			for _, p := range []string{prompt, "> "} {
				if command, ok := strings.CutPrefix(bare, p); ok {
					lines[i] = command
					break
				}
			}
		}
		break
	}
	return lines
}
