package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

func (a *app) promptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prompt",
		Short: "See, check and convert prompt and chain files, without a model",
	}
	cmd.AddCommand(a.promptRenderCommand(), a.promptCheckCommand(), a.promptConvertCommand())
	return cmd
}

func promptFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// openedPrompt is a file that asks: a prompt of LangChain's, or a chain.
type openedPrompt struct {
	kind   string         // as `tandem prompt check` names it
	prompt *prompt.Prompt // nil: a chain
	chain  *chain.Chain   // of a prompt: its one step
	data   []byte
}

// openPrompt reads a file of any kind.
func openPrompt(path string, t trusted) (*openedPrompt, error) {
	data, err := yamlx.Read(path)
	if err != nil {
		return nil, err
	}
	root, err := yamlx.Parse(path, yamlx.FromJSON(data))
	if err != nil {
		return nil, err
	}
	o := &openedPrompt{kind: "chain", data: data}
	switch {
	case prompt.IsFile(root):
		o.kind = "LangChain prompt"
		if o.prompt, err = prompt.Parse(path, data, prompt.Options{Dir: filepath.Dir(path), AllowJinja2: t.jinja2}); err != nil {
			return nil, err
		}
		o.chain, err = chain.New(chain.Step{PromptFrom: o.prompt})
		return o, err
	case chain.IsLegacy(root):
		o.kind = "LangChain chain"
	}
	o.chain, err = chain.Load(path, t.load()...)
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
