package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/doctor"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything between you and an answer",
		Long: `Check everything between you and an answer: the configuration, the Ollama
program and server, its version, the model, the GPU, the context length, keys,
hosted servers, MCP servers and the state folder. Nothing is changed. The exit code is 1 if a check fails.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// examine runs the checks. A configuration that is wrong is one of them; the
// stack is nil then.
func (a *app) examine(ctx context.Context) ([]doctor.Check, *stack.Stack) {
	cfg, err := a.load()
	var stack *stack.Stack
	if err == nil {
		stack, err = a.assemble(cfg)
	}
	return doctor.Run(ctx, cfg, stack, err), stack
}

// errUnwell is a failed check; what failed has been shown.
var errUnwell = errors.New("a check failed")

func (a *app) doctor(ctx context.Context, asJSON bool) error {
	checks, stack := a.examine(ctx)
	if stack != nil {
		defer stack.Close()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	bad := doctor.Failed(checks)
	var err error
	if asJSON {
		err = terminal.WriteJSON(a.term.Out, struct {
			OK     bool           `json:"ok"`
			Checks []doctor.Check `json:"checks"`
		}{!bad, checks})
	} else {
		err = a.printChecks(checks)
	}
	if err == nil && bad {
		return reported(errUnwell)
	}
	return err
}

func (a *app) printChecks(checks []doctor.Check) error {
	paint := map[doctor.Status]func(string) string{doctor.OK: a.term.Green, doctor.Warn: a.term.Yellow, doctor.Fail: a.term.Red}
	for _, c := range checks {
		mark := fmt.Sprintf("%-4s  ", c.Status)
		text := terminal.Hang(mark, c.Name+": "+terminal.OneLine(c.Detail), a.term.OutWidth())
		if a.term.OutIsTTY {
			text = paint[c.Status](mark) + text[len(mark):]
		}
		if c.Remedy != "" {
			text += "\n" + terminal.Hang("      → ", terminal.OneLine(c.Remedy), a.term.OutWidth())
		}
		if _, err := fmt.Fprintln(a.term.Out, text); err != nil {
			return err
		}
	}
	return nil
}
