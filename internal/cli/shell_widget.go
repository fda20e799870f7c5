package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// maxLine is the most bytes of a command line, read or suggested.
const maxLine = 16 << 10

// widgetShells are the shells that a widget is written for.
func widgetShells() []string { return []string{"bash", "zsh", "fish"} }

func (a *app) shellWidgetCommand() *cobra.Command {
	key := "alt-e"
	cmd := &cobra.Command{
		Use:   "shell-widget [flags] bash|zsh|fish",
		Short: "Print a key binding that turns a line into a command",
		Long: `Print a key binding for your shell. Type what you want, such as "the five largest
files here", and press Alt-E: the model's command takes the place of the line. You
can edit it, and it runs only when you press Enter. If there is no command, the line
stays, and the reason is shown.`,
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
	switch shell {
	case "bash":
		return fmt.Sprintf(`__tandem_widget() {
	local line
	if line=$(printf '%%s' "$READLINE_LINE" | command tandem suggest-command bash); then
		READLINE_LINE=$line
		READLINE_POINT=65536
	fi
}
if [[ $- == *i* ]]; then
	if (( BASH_VERSINFO[0] >= 4 )); then
		bind -m emacs -x '"%[1]s": __tandem_widget'
		bind -m vi-insert -x '"%[1]s": __tandem_widget'
	else
		echo 'tandem shell-widget needs bash 4 or newer' >&2
	fi
fi
`, pick(`\e`, `\C-`)+k[2]), nil
	case "zsh":
		return fmt.Sprintf(`__tandem_widget() {
	emulate -L zsh
	local line
	zle -I
	if line=$(print -rn -- "$BUFFER" | command tandem suggest-command zsh); then
		BUFFER=$line
		CURSOR=${#BUFFER}
	fi
	zle reset-prompt
}
zle -N tandem-widget __tandem_widget
bindkey -M emacs '%[1]s' tandem-widget
bindkey -M viins '%[1]s' tandem-widget
`, pick("^["+k[2], "^"+strings.ToUpper(k[2]))), nil
	case "fish":
		return fmt.Sprintf(`function __tandem_widget
	set -l line (commandline -b | command tandem suggest-command fish)
	and commandline -r -- "$line"
	commandline -f repaint
end
bind %[1]s __tandem_widget
bind -M insert %[1]s __tandem_widget
`, pick(`\e`, `\c`)+k[2]), nil
	}
	return "", usageError{fmt.Errorf("there is no widget for %q; there are: %s", shell, strings.Join(widgetShells(), ", "))}
}

// suggestCommand is what the widget calls.
func (a *app) suggestCommand() *cobra.Command {
	var sample sampling
	cmd := &cobra.Command{
		Use: "suggest-command [flags] SHELL", Short: "Print a command for what standard input says", Hidden: true,
		Args: exactArgs("a shell: bash, zsh or fish"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.flags.quiet = true
			return a.suggest(cmd.Context(), args[0], sample)
		},
	}
	sample.register(cmd.Flags())
	return cmd
}

// suggest prints one line: a command that does what standard input says.
func (a *app) suggest(ctx context.Context, shell string, sample sampling) error {
	if !slices.Contains(widgetShells(), shell) {
		return usageError{fmt.Errorf("there is no widget for %q", shell)}
	}
	line, err := readText(ctx, "the line", a.term.In)
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(line) == "":
		return usageError{errors.New("the line is empty; type what the command should do, and press the key again")}
	case len(line) > maxLine:
		return usageError{errors.New("the line is too long")}
	}
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	req := provider.Request{NoStream: true, Messages: []provider.Message{
		provider.System(fmt.Sprintf("You write command lines for %s on %s. Answer with one command line that does what the user asks, in a code block, and nothing else.", shell, runtime.GOOS)),
		provider.User(line),
	}}
	if err := sample.apply(&req, st, a.allowed(st)); err != nil {
		return err
	}
	r, err := provider.Collect(st.Chat(begin(ctx, store.Run{Command: "shell-widget"}), req))
	if err == nil {
		err = runner.Complete(r)
	}
	if err != nil {
		return err
	}
	command := commandLine(r.Text)
	if command == "" || len(command) > maxLine {
		return noCommand(r)
	}
	_, err = fmt.Fprintln(a.term.Out, command)
	return err
}

// noCommand is the error of an answer that is no command.
func noCommand(r provider.Response) error {
	e := provider.Errorf(provider.BadAnswer, "", "", "the answer has no command")
	if r.Route != nil {
		e.Provider, e.Model, e.Sent = r.Route.Provider, r.Route.Model, true
	}
	return e
}

// commandLine is the command of an answer as one line, without anything that does
// something to a terminal or hides in it: its last code block, or all of it. Comments
// and prompts go; lines are joined, so that nothing runs before Enter.
func commandLine(text string) string {
	if block, ok := lastBlock(text); ok {
		text = block
	} else {
		text = strings.Trim(strings.TrimSpace(text), "`")
	}
	text = strings.ReplaceAll(terminal.StripControls(text), "\t", " ")
	var b strings.Builder
	joint := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		for _, prompt := range []string{"$ ", "% ", "> "} {
			line = strings.TrimPrefix(line, prompt)
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		b.WriteString(joint)
		joint = "; "
		if rest, continued := strings.CutSuffix(line, `\`); continued {
			line, joint = strings.TrimRight(rest, " "), " "
		} else if opens(line) {
			joint = " "
		}
		b.WriteString(line)
	}
	return b.String()
}

// opens reports whether a line goes on in the next one without a semicolon.
func opens(line string) bool {
	return slices.ContainsFunc([]string{"|", "&&", "||", "{", "(", ";", "do", "then", "else"}, func(end string) bool {
		before, ok := strings.CutSuffix(line, end)
		word := end[0] >= 'a' && end[0] <= 'z'
		return ok && (!word || before == "" || strings.HasSuffix(before, " ") || strings.HasSuffix(before, ";"))
	})
}
