package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) chainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "chain", Short: "List, check and create chain files",
		Long: `List saved chains, check chain files, create a new one, and print the JSON
Schema that editors use to complete them. None of these calls a model; tandem run does.`,
	}
	cmd.AddCommand(a.chainListCommand(), a.chainCheckCommand(), a.chainNewCommand(), a.chainSchemaCommand())
	return cmd
}

func (a *app) chainSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of chain files",
		Long: `Print the JSON Schema (draft 2020-12) of chain files, for completion and checks
in editors. In VS Code, with the YAML extension, name the schema in the chain
file's first line:

  # yaml-language-server: $schema=./chain.schema.json`,
		Example: "  tandem chain schema > chain.schema.json",
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.term.Out, chain.FileSchema())
			return err
		},
	}
}

// chainCheckInput is what `tandem chain check` was told.
type chainCheckInput struct {
	files   []string
	json    bool
	config  bool
	trusted trusted
}

func (a *app) chainCheckCommand() *cobra.Command {
	var in chainCheckInput
	cmd := &cobra.Command{
		Use: "check FILE...", Short: "Check chain files for mistakes",
		Long: `Report every mistake in chain files with its line and column, and warn about what
is probably not meant. The exit code is 1 if there is a mistake. No model is
called.`,
		Example: "  tandem chain check examples/*.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("`%s` needs at least one chain file; see `%[1]s --help`", cmd.CommandPath())}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			return a.chainCheck(cmd.Context(), in)
		},
	}
	cmd.Flags().BoolVar(&in.json, "json", false, "print one JSON array, with an object for each file")
	cmd.Flags().BoolVar(&in.config, "config-aware", false, "also warn about providers that are not configured")
	in.trusted.register(cmd.Flags())
	return cmd
}

// checkedJSON is what --json prints of a file.
type checkedJSON struct {
	File     string        `json:"file"`
	OK       bool          `json:"ok"`
	Mistakes []findingJSON `json:"mistakes"`
	Warnings []findingJSON `json:"warnings"`
	Name     string        `json:"name,omitempty"`
	Inputs   []inputJSON   `json:"inputs"`
	Steps    []string      `json:"steps"`
}

type findingJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

type inputJSON struct {
	Name        string     `json:"name"`
	Type        chain.Type `json:"type"`
	Description string     `json:"description,omitempty"`
	Default     any        `json:"default,omitempty"`
	Optional    bool       `json:"optional,omitempty"`
}

// errMistakes is files with mistakes, which have been shown.
type errMistakes struct{ files int }

func (e errMistakes) Error() string { return count(e.files, "file") + " with mistakes" }

func (errMistakes) ExitCode() int { return exitError }

// chainCheck looks at every file, whatever is wrong with those before.
func (a *app) chainCheck(ctx context.Context, in chainCheckInput) error {
	var known []string
	if in.config {
		cfg, err := a.loadAny()
		if err != nil {
			return err
		}
		known = providerNames(cfg)
	}
	wrong := 0
	all := make([]checkedJSON, 0, len(in.files))
	for _, file := range in.files {
		one := checkChain(ctx, file, known, in.trusted)
		if !one.OK {
			wrong++
		}
		all = append(all, one)
		if !in.json {
			a.showChecked(&one)
		}
	}
	if in.json {
		if err := terminal.WriteJSON(a.term.Out, all); err != nil {
			return fmt.Errorf("writing the result: %w", err)
		}
	}
	if wrong > 0 {
		return reported(errMistakes{wrong})
	}
	return nil
}

func providerNames(cfg *config.Loaded) []string {
	names := []string{}
	for _, p := range cfg.Providers {
		names = append(names, p.Name)
	}
	return names
}

// checkChain looks at a file; known are the providers that there are, nil when
// that does not matter.
func checkChain(ctx context.Context, file string, known []string, t trusted) checkedJSON {
	one := checkedJSON{File: file, Mistakes: []findingJSON{}, Warnings: []findingJSON{}, Inputs: []inputJSON{}, Steps: []string{}}
	c, err := loadChainFile(ctx, file, t)
	if err != nil {
		for _, e := range diag.Split(err) {
			one.Mistakes = append(one.Mistakes, finding(file, e))
		}
		return one
	}
	one.OK, one.Name, one.Steps = true, c.Name(), c.Steps()
	for _, name := range c.Inputs() {
		in, _ := c.Input(name)
		one.Inputs = append(one.Inputs, inputJSON(in))
	}
	for _, w := range c.Warnings() {
		one.Warnings = append(one.Warnings, finding(file, w))
	}
	for _, name := range c.Providers() {
		if known == nil {
			break
		}
		if !slices.Contains(known, name) {
			one.Warnings = append(one.Warnings, findingJSON{File: file, Message: "the configuration has no provider " + diag.Quote(name), Remedy: diag.Suggest(name, known)})
		}
	}
	return one
}

func finding(file string, err error) findingJSON {
	if e := new(diag.Error); errors.As(err, &e) {
		f := findingJSON{e.File, e.Line, e.Column, e.Message, e.Remedy}
		if next := remedyOfType(err, nil); next != "" {
			f.Remedy += "; " + next
		}
		return f
	}
	return findingJSON{File: file, Message: terminal.OneLine(err.Error())}
}

func (f *findingJSON) String() string {
	e := diag.Error{File: f.File, Line: f.Line, Column: f.Column, Message: f.Message, Remedy: f.Remedy}
	return terminal.OneLine(e.Error())
}

func (a *app) showChecked(one *checkedJSON) {
	for i := range one.Mistakes {
		a.term.Noticef("%s %s", a.term.Red("tandem:"), one.Mistakes[i].String())
	}
	if !a.flags.quiet {
		for i := range one.Warnings {
			a.term.Noticef("%s %s", a.term.Yellow("warning:"), one.Warnings[i].String())
		}
	}
	if !one.OK {
		return
	}
	names := []string{}
	for _, in := range one.Inputs {
		names = append(names, in.Name)
	}
	takes := "no inputs"
	if len(names) > 0 {
		takes = strings.Join(names, ", ")
	}
	fmt.Fprintf(a.term.Out, "ok: %s: %s; takes %s\n", one.File, count(len(one.Steps), "step"), takes)
}
