// Package cli is the command line: it parses arguments into plain structs,
// runs the command on the stack that internal/stack builds, and turns errors
// into text and exit codes, each in one place. docs/architecture.md walks one
// command from here to its output.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// Main runs one command and returns the exit code. environ is the environment, as
// os.Environ gives it. Main writes data to stdout
// and everything else to stderr, and never calls os.Exit. Cancelling ctx is
// what Ctrl-C does: the generation ends upstream and the code is 130, or that
// of the signal where ctx is from [Signals]. A panic is shown without secrets,
// and is code 1; one in another goroutine ends the process as Go does.
func Main(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	a := &app{term: terminal.New(stdin, stdout, stderr), environ: environ, signals: signalsOf(ctx)}
	defer func() {
		if p := recover(); p != nil {
			a.term.SetStatus("")
			a.term.Noticef("%s this is a bug in tandem; please report it with what follows\npanic: %v\n\n%s", a.term.Red("tandem:"), p, debug.Stack())
			code = exitError
		}
	}()
	a.interrupted = func(err error) error { return interrupted(ctx, err) }
	a.term.Secrets.AddEnviron(environ)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.term.Out)
	root.SetErr(a.term.Err)
	err := root.ExecuteContext(ctx)
	a.wait.close()
	if err != nil && ctx.Err() != nil {
		shown := errors.Is(err, errReported)
		if err = a.interrupted(ctx.Err()); shown {
			err = reported(err)
		}
	}
	if unread(err) {
		return exitUnread // as everybody's: `| head` has seen enough
	}
	if err != nil && !errors.Is(err, errReported) {
		a.report(err)
	}
	return exitCode(err)
}

// app is one run of the program.
type app struct {
	term    *terminal.Terminal
	environ []string // NAME=value
	signals *signals // nil: no one watches for them
	// interrupted is an error, or the signal behind it.
	interrupted func(error) error
	flags       globalFlags
	wait        waiting        // for an answer
	config      *config.Loaded // that was loaded last; nil: none was
	answers     answerFlags
	// ownOnly: the project's file is not read, for the command is about the user's own.
	ownOnly bool
	plain   bool // answers are not formatted
	// unlogged: the command was told to keep nothing.
	unlogged bool
	skipped  bool // it was said that ./config.yaml is another program's
	quoted   bool // it was said whose quotation marks are dropped
	tools    toolFlags
	// rowEvents: what the router does is told with the number of the row that it does it for.
	rowEvents bool
	// budget bounds what the command may cost, in US dollars, besides the
	// configuration's own budgets; nil: nothing does.
	budget *float64
	// pace finds out how many calls each provider serves at a time; nil: nothing does.
	pace *pace.Set
}

// lookupEnv finds a variable of the environment, as os.LookupEnv does.
func (a *app) lookupEnv(name string) (string, bool) {
	for _, v := range a.environ {
		key, value, ok := strings.Cut(v, "=")
		if ok && (key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name)) {
			return value, true
		}
	}
	return "", false
}

func (a *app) getenv(name string) string {
	value, _ := a.lookupEnv(name)
	return value
}

// globalFlags are the flags that every command takes.
type globalFlags struct {
	config    string
	color     string
	use       []string
	localOnly bool
	offline   bool
	quiet     bool
	verbose   bool
}

func (g *globalFlags) register(f *pflag.FlagSet) {
	f.StringVar(&g.config, "config", "", "configuration `file` to read instead of the usual ones; none reads no file")
	f.StringVar(&g.color, "color", "auto", "colours on the terminal: auto, always or never")
	f.StringSliceVar(&g.use, "use", nil, "`providers` that may answer, in order, such as local,openai")
	f.BoolVar(&g.localOnly, "local-only", false, "the prompt must not leave this machine (privacy: local)")
	f.BoolVar(&g.offline, "offline", false, "refuse every connection that is not to this machine")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "print only the answer and errors")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "show live which provider is asked, skipped or retried, and why")
}

// errReported is an error that the command itself has shown already.
var errReported = errors.New("already reported")

// reported marks err as shown; its exit code stays.
func reported(err error) error {
	if err == nil {
		return nil
	}
	return &reportedError{err}
}

type reportedError struct{ error }

func (e *reportedError) Unwrap() []error { return []error{e.error, errReported} }

// Command is the tree of commands, for what describes it: manual pages and
// completions. To run one, call [Main].
func Command() *cobra.Command { return (&app{term: terminal.New(nil, nil, nil)}).root() }

func (a *app) root() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "tandem",
		Short: "Run prompts and chains on your own GPU, with an OpenAI-compatible API as fallback",
		Long: `Tandem runs prompts on a model on your own machine, through Ollama, and on an
OpenAI-compatible API if you choose it or the local model cannot answer. It
always says who answered, and never passes off a broken answer as complete.`,
		Example: `  tandem ask "Who is the Prime Minister of India?" --temperature 0.5
  cat notes.txt | tandem ask "Summarise"
  tandem run examples/president.yaml -p country="United States of America"`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			if version {
				return a.printVersion()
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if !answers(cmd) {
				a.term.Out = a.term.Secrets.Writer(a.term.Out)
			}
			_, noColor := a.lookupEnv("NO_COLOR")
			if err := a.term.SetColor(a.flags.color, noColor, a.getenv("TERM")); err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.Flags().BoolVar(&version, "version", false, "print the version")
	a.flags.register(root.PersistentFlags())
	root.AddCommand(
		a.askCommand(), a.chatCommand(), a.chatsCommand(), a.runCommand(), a.batchCommand(), a.compareCommand(), a.chainCommand(), a.promptCommand(),
		a.embedCommand(), a.similarCommand(), a.collectionsCommand(),
		a.useCommand(), a.modelsCommand(), a.engineCommand(), a.serveCommand(), a.nodeCommand(), a.nodesCommand(), a.connectCommand(),
		a.configCommand(), a.keysCommand(), a.cacheCommand(), a.doctorCommand(), a.setupCommand(),
		a.costCommand(), a.logsCommand(), a.toolsCommand(), a.roleCommand(), a.shellWidgetCommand(), a.suggestCommand(), a.versionCommand(),
	)
	root.AddCommand(a.ollamaVerbs()...)
	root.InitDefaultCompletionCmd()
	helpRefusesUnknown(root)
	a.helpFits(root)
	noFileArgs(root)
	a.completions(root)
	ownCompletions(root)
	return root
}

// answers reports whether a command's data are the user's own, such as answers
// and what was kept of them. The others' are what servers and files say of
// themselves, and have no secrets in them.
func answers(cmd *cobra.Command) bool {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	return !slices.Contains([]string{"use", "models", "doctor", "config", "engine", "tools", "keys", "setup", "connect", "node", "nodes", "list", "ps", "pull", "show"}, cmd.Name())
}

// noFileArgs gives every command without an argument rule of its own the rule
// that it takes none, and subcommand parents an error for unknown words.
func noFileArgs(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.HasSubCommands() && c.Run == nil && c.RunE == nil {
			c.Args = cobra.ArbitraryArgs
			c.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return unknownCommand(cmd, args[0])
				}
				return cmd.Help()
			}
		}
		noFileArgs(c)
	}
}

// bareLists makes a command that others are below do something without one of them.
func bareLists(cmd *cobra.Command, list func(context.Context) error) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return list(cmd.Context())
	}
}

// exactArgs is cobra.ExactArgs with an error that says what is missing.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		want := strings.Join(names, " and ")
		switch {
		case len(args) < len(names):
			want = "needs " + want
		case len(names) == 0:
			want = "takes no arguments"
		default:
			want = fmt.Sprintf("takes only %s, but got %d arguments", want, len(args))
		}
		return usageError{fmt.Errorf("`%s` %s; see `%[1]s --help`", cmd.CommandPath(), want)}
	}
}

// report shows an error on standard error: one line a problem.
func (a *app) report(err error) {
	for _, e := range diag.Split(err) {
		a.term.Noticef("%s %s", a.term.Red("tandem:"), a.explain(e))
	}
}
