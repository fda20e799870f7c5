package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/check"
)

// compareInput is what `tandem compare` was told.
type compareInput struct {
	file   string
	in     string
	coding string
	params []string
	pick   pickInput
	work   workInput

	with         []string
	models       []string
	temperatures []string
	numCtx       []string
	seeds        []string
	prompts      []string
	repeats      int
	noise        bool

	cluster string
	margin  share
	until   share
	minPass share

	scoring scoringInput
	reports reportInput
	labels  string
	rescore string
	dry     bool
	trusted trusted
	sample  sampling
}

// scoringInput says how answers are checked.
type scoringInput struct {
	files      []string
	inline     check.Inline
	judgeModel string
}

// reportInput says which reports are written.
type reportInput struct {
	html, csv, junit, md string
	json, overwrite      bool
}

func (in *compareInput) register(f *pflag.FlagSet) {
	f.StringVar(&in.in, "in", "", "`file` of rows, whose columns are the chain's inputs and what the checks need")
	f.StringVar(&in.coding, "encoding", "", "`encoding` of --in, if it is not recognised, such as latin1 or shift_jis")
	f.StringArrayVarP(&in.params, "param", "p", nil, "an input that every row has, as `name=value`; value @FILE reads a file")
	f.StringSliceVar(&in.with, "with", nil, "`targets` to compare, such as local,openai or local/qwen3:8b; the others are compared with the first")
	f.StringSliceVarP(&in.models, "model", "m", nil, "`models` to compare")
	f.StringSliceVarP(&in.temperatures, "temperature", "t", nil, "`temperatures` to compare, such as 0,0.7; one holds for all")
	f.StringSliceVar(&in.numCtx, "num-ctx", nil, "context `windows` of Ollama to compare, in tokens")
	f.StringSliceVar(&in.seeds, "seed", nil, "`seeds` to compare; one holds for all")
	f.StringSliceVar(&in.prompts, "prompt", nil, "other chain `files` to compare with FILE")
	f.IntVar(&in.repeats, "repeats", 1, "ask each row `n` times")
	f.BoolVar(&in.noise, "noise", false, "run the first target twice, to see how far it differs from itself")
	f.StringVar(&in.cluster, "cluster", "", "`column` that says which rows belong together, such as questions about one document")
	f.Var(&in.margin, "margin", "smallest `difference` that matters, such as 0.05 or 5%")
	f.Var(&in.until, "until", "stop when the verdict stands, or its interval is as narrow as `width`, such as 0.1; rows are run in random order")
	f.Var(&in.minPass, "min-pass", "exit with 3 if a target scores less than this `share`, such as 0.9 or 90%")
	f.StringVar(&in.labels, "labels", "", "`file` of labels that the report exported: say how far the checks agree with them")
	f.StringVar(&in.rescore, "rescore", "", "score the stored answers of the comparison `ID` again, and call no target; last is the newest")
	f.BoolVar(&in.work.nodes, "nodes", false, nodesUsage)
	f.BoolVar(&in.dry, "dry-run", false, "show what would be compared, and what these rows can show; call no model")
	in.scoring.register(f)
	in.reports.register(f)
	in.pick.register(f)
	in.work.register(f)
	in.trusted.register(f)
	f.Var(&in.sample.topP, "top-p", "nucleus sampling, from 0 to 1")
	f.Var(&in.sample.maxTokens, "max-tokens", "most tokens to generate")
	f.StringArrayVar(&in.sample.stop, "stop", nil, "stop before this `text` (repeatable)")
	f.StringVar(&in.sample.think, "think", "", "reasoning: off, on, low, medium or high")
	f.VarP(&in.sample.options, "option", "o", "the engine's own option as `key=value` (repeatable)")
}

func (in *scoringInput) register(f *pflag.FlagSet) {
	f.StringArrayVar(&in.files, "checks", nil, "`file` of checks")
	f.StringVar(&in.inline.ExpectColumn, "expect-column", "", "check: the answer is what this `column` says")
	f.StringVar(&in.inline.Equals, "equals", "", "check: the answer is this `text`")
	f.StringArrayVar(&in.inline.Contains, "contains", nil, "check: the answer contains this `text`")
	f.StringArrayVar(&in.inline.Regex, "regex", nil, "check: the answer matches this regular `expression`")
	f.StringArrayVar(&in.inline.Expr, "expr", nil, "check: this `expression` over answer, value and the columns is true")
	f.StringVar(&in.inline.SchemaFile, "json-schema", "", "check: the answer is JSON of the schema in this `file`")
	f.StringVar(&in.inline.Judge, "judge", "", "check: a model says that the answer fulfils this `rubric`")
	f.StringVar(&in.inline.Prefer, "prefer", "", "check: a model says which of two answers fulfils this `rubric` better, asked in both orders")
	f.StringVar(&in.judgeModel, "judge-model", "", "`model` that judges, such as openai/gpt-6-sol")
}

func (in *reportInput) register(f *pflag.FlagSet) {
	f.StringVar(&in.html, "html", "", "`file` for the report as one HTML page")
	f.StringVar(&in.csv, "csv", "", "`file` for every answer with its scores, as CSV")
	f.StringVar(&in.junit, "junit", "", "`file` for the checks as JUnit tests")
	f.StringVar(&in.md, "md", "", "`file` for the verdict as Markdown")
	f.BoolVar(&in.json, "json", false, "print one JSON object")
	f.BoolVar(&in.overwrite, "overwrite", false, "replace the reports' files")
}

// share is a number from 0 to 1, which may be written as a percentage.
type share float64

// String, Set and Type make it a pflag.Value.
func (s *share) String() string { return strconv.FormatFloat(float64(*s), 'g', -1, 64) }

// Set reads 0.05 or 5%.
func (s *share) Set(text string) error {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		n /= 100
	}
	if err != nil || !(n > 0 && n <= 1) {
		return errors.New("expected a number above 0 and up to 1, such as 0.05 or 5%")
	}
	*s = share(n)
	return nil
}

// Type names the value in help texts.
func (*share) Type() string { return "share" }

func (a *app) compareCommand() *cobra.Command {
	var in compareInput
	cmd := &cobra.Command{
		Use:   "compare [flags] FILE | NAME --with TARGETS --in ROWS",
		Short: "Compare models, settings or prompts on the same rows, with honest statistics",
		Long: `Run a chain or prompt file for every row of a table with each target, check the
answers, and say which target is better, by how much, and how sure that is. A
comparison is a batch: it is stored as it runs, and an interrupted one continues
with tandem batch resume. FILE may be a configuration of promptfoo, where it means
the same. See docs/compare.md.`,
		Example: `  tandem compare classify.yaml --with local,openai --in tickets.csv --expect-column label
  tandem compare answer.yaml --with local --prompt answer2.yaml --in q.jsonl --checks checks.yaml --html report.html
  tandem compare answer.yaml --with local --in q.jsonl --contains "§" --min-pass 90% --junit junit.xml
  tandem compare --rescore last --checks stricter.yaml
  tandem compare promptfooconfig.yaml --html report.html`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactArgs("a chain file")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				in.file = args[0]
			}
			return a.batchFailed(in.reports.json, a.compare(cmd.Context(), in, cmd.Flags()))
		},
	}
	in.register(cmd.Flags())
	a.answers.register(cmd.Flags())
	a.tools.register(cmd.Flags())
	return cmd
}

// check finds flags that do not go together, or cannot be.
func (in *compareInput) check(promptfoo bool) error {
	for _, f := range []struct {
		wrong bool
		text  string
	}{
		{in.file == "", "`tandem compare` needs a chain file; see `tandem compare --help`"},
		{in.file == stdinPath, "a comparison needs its chain in a file, to continue it later"},
		{in.in == "" && !promptfoo, "say which rows: add --in FILE"},
		{
			promptfoo && (in.in != "" || len(in.with)+len(in.models)+len(in.prompts)+len(in.params)+len(in.temperatures)+len(in.seeds)+len(in.numCtx) > 0),
			"a configuration of promptfoo has its own prompts, providers and tests; leave out --in, --with, --prompt, -p and the settings",
		},
		{in.scoring.empty() && !promptfoo, "say how the answers are checked: add --checks FILE, --expect-column COLUMN or another check"},
		{in.repeats < 1 || in.repeats > 100, "--repeats must be between 1 and 100"},
		{in.work.retryFailed, "--retry-failed is for `tandem batch resume`"},
		{in.work.accept, "--accept-changes is for `tandem batch resume`"},
		{in.work.nodes && promptfoo, "--nodes compares chains that are in files, and a configuration of promptfoo has its own; leave out --nodes"},
		{in.work.nodes && in.work.concurrency != 0, nodesConcurrency},
	} {
		if f.wrong {
			return usageError{errors.New(f.text)}
		}
	}
	return in.pick.check()
}

func (in *scoringInput) empty() bool { return len(in.files) == 0 && in.inline.Empty() }

// numbers reads the values of an axis.
func numbersOf[T any](flag string, texts []string, parse func(string) (T, error), want string) ([]T, error) {
	var out []T
	for _, text := range texts {
		n, err := parse(strings.TrimSpace(text))
		if err != nil {
			return nil, usageError{fmt.Errorf("%s %q: expected %s", flag, text, want)}
		}
		out = append(out, n)
	}
	return out, nil
}
