package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) configEditCommand() *cobra.Command {
	return &cobra.Command{
		Use: "edit", Short: "Edit your own configuration file",
		Long: `Edit your own configuration file with $VISUAL or $EDITOR. You edit a copy, which
replaces the file only if it has no mistakes. If there is no file yet, you start
from a commented template.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.configEdit(cmd.Context()) },
	}
}

func (a *app) configEdit(ctx context.Context) error {
	draft, err := config.NewDraft(a.loadOptions(nil))
	if err != nil {
		return err
	}
	editor, err := a.editor(a.lookupEnv)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tandem-config-")
	if err != nil {
		return fmt.Errorf("making a copy to edit: %w", err)
	}
	file := filepath.Join(dir, "config.yaml")
	keep := false
	defer func() {
		if !keep {
			_ = os.RemoveAll(dir)
		}
	}()
	if err := os.WriteFile(file, draft.Text, 0o600); err != nil {
		return fmt.Errorf("making a copy to edit: %w", err)
	}
	err = a.editUntilGood(ctx, draft, editor, file)
	if keep = errors.Is(err, errDraftKept); keep {
		a.term.Noticef("%s was not changed; your text is in %s", draft.Path, file)
		return reported(usageError{err})
	}
	return err
}

// errDraftKept is a text that could not be saved; why has been reported.
var errDraftKept = errors.New("the edited configuration was not saved")

func (a *app) editUntilGood(ctx context.Context, draft *config.Draft, editor []string, file string) error {
	for {
		if err := a.runEditor(ctx, editor, file); err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading the edited copy: %w", err)
		}
		if bytes.Equal(text, draft.Text) && !draft.New {
			a.term.Noticef("nothing was changed")
			return nil
		}
		err = draft.Save(text)
		if err == nil {
			a.term.Noticef("wrote %s", draft.Path)
			return nil
		}
		a.report(err)
		again, err := a.term.Confirm(ctx, "Edit it again?")
		if err != nil || !again {
			return errDraftKept
		}
	}
}

// runEditor runs the user's editor on a file, and waits for it.
func (a *app) runEditor(ctx context.Context, editor []string, file string) error {
	cmd := exec.CommandContext(ctx, editor[0], append(editor[1:], file)...)
	cmd.Env = a.environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.term.In, terminal.Raw(a.term.Err), terminal.Raw(a.term.Err)
	if a.term.OutIsTTY {
		cmd.Stdout = terminal.Raw(a.term.Out)
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the editor %s failed: %s. Nothing was changed; set $EDITOR to use another", editor[len(editor)-1], err.Error()) // its exit code is not ours
	}
	return nil
}

// editor is the command of the user's editor: $VISUAL, $EDITOR, or what is
// there. As other programs do, it lets the shell read the variables, which may
// hold arguments.
func (a *app) editor(env func(string) (string, bool)) ([]string, error) {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if v, _ := env(name); strings.TrimSpace(v) != "" {
			if runtime.GOOS == "windows" {
				return strings.Fields(v), nil
			}
			return []string{"sh", "-c", v + ` "$@"`, v}, nil
		}
	}
	if !a.term.InIsTTY {
		return nil, usageError{errors.New("there is no terminal for an editor; set $EDITOR, or write the file that `tandem config path` shows")}
	}
	for _, name := range []string{"editor", "nano", "vim", "vi", "notepad"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}, nil
		}
	}
	return nil, usageError{errors.New("no editor was found; set $EDITOR to yours")}
}
