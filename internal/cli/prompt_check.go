package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
)

// checkInput is what `tandem prompt check` was told.
type checkInput struct {
	files []string
	trusted
}

func (a *app) promptCheckCommand() *cobra.Command {
	var in checkInput
	cmd := &cobra.Command{
		Use:   "check [flags] FILE…",
		Short: "Check prompt and chain files for mistakes",
		Long: `Report every mistake in prompt and chain files with file, line and column. For a
valid file, show its type and its variables. Oddities that are not mistakes, such
as a step whose answer is not used, are notes.`,
		Example: `  tandem prompt check examples/*.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("`%s` needs at least one file; see `%[1]s --help`", cmd.CommandPath())}
			}
			return nil
		},
		ValidArgsFunction: promptFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			return a.promptCheck(cmd.Context(), in)
		},
	}
	in.trusted.register(cmd.Flags())
	return cmd
}

// promptCheck checks every file, and fails if one has a mistake.
func (a *app) promptCheck(ctx context.Context, in checkInput) error {
	wrong := 0
	for _, path := range in.files {
		file, err := openPrompt(ctx, path, in.trusted)
		if err != nil {
			wrong++
			a.report(err)
			continue
		}
		a.sayNotes(file.notes())
		if file.prompt == nil {
			for _, step := range unusedAnswers(ctx, file.chain) {
				a.term.Noticef("%s %s: nothing uses the answer of step %q", a.term.Yellow("note:"), path, step)
			}
		}
		if _, err := fmt.Fprintf(a.term.Out, "%s: %s, %s\n", path, file.chain.FileType(), file.takes()); err != nil {
			return err
		}
	}
	if wrong == 0 {
		return nil
	}
	return reported(fmt.Errorf("%d of %d files have mistakes", wrong, len(in.files)))
}

// takes says which variables a file takes.
func (o *openedPrompt) takes() string {
	var names []string
	if o.prompt != nil {
		for _, v := range o.prompt.Vars() {
			name := v.Name
			if v.Messages {
				name += " (messages)"
			}
			if v.Optional {
				name += " (optional)"
			}
			names = append(names, name)
		}
	} else {
		for _, name := range o.chain.Inputs() {
			if in, _ := o.chain.Input(name); in.Optional || in.Default != nil {
				name += " (optional)"
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "no variables"
	}
	return "variables " + strings.Join(names, ", ")
}

// unusedAnswers runs a chain on made-up values and answers, and returns the steps
// before the last whose answer is in no later question. It says nothing of a
// chain that does not run on those, such as one that parses answers.
func unusedAnswers(ctx context.Context, c *chain.Chain) []string {
	inputs := map[string]any{}
	for _, name := range c.Inputs() {
		if in, _ := c.Input(name); in.Type != chain.TypeText && in.Type != chain.TypeAny {
			return nil
		}
		inputs[name] = "x"
	}
	r := &renderer{}
	var asked, ended []string
	var texts strings.Builder
	for e, err := range c.Run(ctx, r, inputs) {
		switch {
		case err != nil:
			return nil
		case e.Type == chain.StepStart:
			asked = append(asked, e.Step)
			for _, m := range e.Messages {
				texts.WriteString(m.Text)
			}
		case e.Type == chain.StepEnd:
			ended = append(ended, e.Step)
		}
	}
	var unused []string
	if len(ended) != len(asked) { // steps that call no model may use it
		return nil
	}
	for _, step := range asked[:max(0, len(asked)-1)] {
		if !strings.Contains(texts.String(), "{"+step+"}") {
			unused = append(unused, step)
		}
	}
	return unused
}
