package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// unknownCommand is the error of a word that is none of cmd's commands.
func unknownCommand(cmd *cobra.Command, word string) error {
	whole := strings.TrimSpace(cmd.CommandPath() + " " + word)
	hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	switch top := !cmd.HasParent(); {
	case top && strings.ContainsAny(word, " \n\t?"):
		return usageError{fmt.Errorf("%q is not a command; to ask a model: `tandem ask %s`", terminal.OneLine(word), shellQuoted(word))}
	case top || cmd.Name() == "models":
		if other := instead(word); other != "" {
			return usageError{fmt.Errorf("unknown command %q; %s", whole, other)}
		}
	}
	near, ok := synonym(word, commandNames(cmd))
	if !ok {
		near, ok = diag.Nearest(word, commandNames(cmd))
	}
	if ok {
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return usageError{fmt.Errorf("unknown command %q; %s", whole, hint)}
}

// synonym is the known name of what other programs call word.
func synonym(word string, known []string) (string, bool) {
	for name, others := range map[string][]string{
		"rm": {"remove", "delete", "del", "unset"}, "add": {"create", "new", "make"}, "new": {"create", "add", "init"},
		"list": {"all"}, "show": {"get", "view", "info", "cat", "describe"},
		"listen": {"port", "host", "addr", "address", "bind"},
	} {
		if slices.Contains(others, word) && slices.Contains(known, name) {
			return name, true
		}
	}
	return "", false
}

// commandNames are the commands below cmd that its help shows.
func commandNames(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// shellQuoted is a text as one argument of a shell, on one line.
func shellQuoted(text string) string {
	text = terminal.OneLine(text)
	if strings.ContainsAny(text, "\"$`\\!") {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return `"` + text + `"`
}

// flagError is the error of a flag that cmd does not take, or not with that value.
func flagError(cmd *cobra.Command, err error) error {
	see := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		near, ok := synonym(unknown.GetSpecifiedName(), flagNames(cmd))
		if !ok {
			near, ok = diag.Nearest(unknown.GetSpecifiedName(), flagNames(cmd))
		}
		if ok {
			return usageError{fmt.Errorf("%w; did you mean --%s?", err, near)}
		}
	}
	if bare := new(unitError); errors.As(err, &bare) {
		return usageError{bare}
	}
	return usageError{fmt.Errorf("%w; %s", err, see)}
}

func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// span is a flag that is a time span.
type span struct {
	flag  string
	value *time.Duration
}

// spanVar adds a flag that is a time span, which is 0 without it.
func spanVar(f *pflag.FlagSet, value *time.Duration, name, usage string) {
	f.Var(span{name, value}, name, usage)
}

// unitError is a time span without its unit.
type unitError struct{ flag, number string }

func (e *unitError) Error() string {
	return fmt.Sprintf("--%s %s has no unit: write %[2]ss for seconds, or %[2]sm for minutes", e.flag, e.number)
}

var onlyNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// Set reads a span such as 30s or 2m.
func (s span) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); onlyNumber.MatchString(text) && err == nil && n != 0 {
		return &unitError{s.flag, text}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("it is not a time span, such as 30s or 2m")
	}
	*s.value = d
	return nil
}

func (s span) String() string {
	if s.value == nil || *s.value == 0 {
		return ""
	}
	return s.value.String()
}

// Type is what help calls the value.
func (s span) Type() string { return "duration" }

// helpRefusesUnknown makes `tandem help WORD` an error where there is no such command.
func helpRefusesUnknown(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, help := range root.Commands() {
		if help.Name() != "help" {
			continue
		}
		help.Run = nil
		help.RunE = func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd == nil {
				cmd, rest = root, args
			}
			if len(rest) > 0 && cmd.HasSubCommands() {
				return unknownCommand(cmd, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		}
	}
}
