package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) promptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prompt",
		Short: "Render, check and convert prompt and chain files, without a model",
	}
	cmd.AddCommand(a.promptRenderCommand(), a.promptCheckCommand(), a.promptConvertCommand())
	return cmd
}

func promptFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// openedPrompt is a file that asks: a prompt of LangChain's, or a chain.
type openedPrompt struct {
	prompt *prompt.Prompt // nil: a chain
	chain  *chain.Chain   // of a prompt: its one step
}

// openPrompt reads a file of any kind, or a pipe.
func openPrompt(ctx context.Context, path string, t trusted) (*openedPrompt, error) {
	if isPipe(path) {
		return openPiped(ctx, path, t)
	}
	c, err := chain.Load(path, t.load()...)
	if err != nil {
		return nil, err
	}
	o := &openedPrompt{chain: c}
	if c.FileType() == chain.FileLangChainPrompt {
		o.prompt, err = prompt.Load(path, prompt.Options{AllowJinja2: t.jinja2})
	}
	return o, err
}

// openPiped is openPrompt for a pipe, which can be read once.
func openPiped(ctx context.Context, path string, t trusted) (*openedPrompt, error) {
	text, err := readPipe(ctx, path)
	if err != nil {
		return nil, err
	}
	c, err := chain.Parse(path, text, t.load()...)
	if err != nil {
		return nil, err
	}
	o := &openedPrompt{chain: c}
	if c.FileType() == chain.FileLangChainPrompt {
		o.prompt, err = prompt.Parse(path, text, prompt.Options{AllowJinja2: t.jinja2})
	}
	return o, err
}

// sayNotes shows what of a file is not used, or odd.
func (a *app) sayNotes(notes []error) {
	for _, note := range notes {
		if !a.flags.quiet {
			a.term.Noticef("%s %s", a.term.Yellow("note:"), terminal.OneLine(note.Error()))
		}
	}
}

// notes are what of the file is not used.
func (o *openedPrompt) notes() []error {
	if o.prompt != nil {
		return o.prompt.Warnings()
	}
	return o.chain.Notes()
}
