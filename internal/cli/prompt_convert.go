package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
)

// convertInput is what `tandem prompt convert` was told.
type convertInput struct {
	file string
	out  string
	to   string
}

func (a *app) promptConvertCommand() *cobra.Command {
	var in convertInput
	cmd := &cobra.Command{
		Use:   "convert [flags] FILE",
		Short: "Turn a file of LangChain's into a chain file, and back",
		Long: `Turn a prompt or chain file of LangChain's into a chain file, or a chain file into
one of LangChain's. Both are asked with made-up values, and only what asks the
same is written; what cannot be expressed is an error.`,
		Example: `  tandem prompt convert prompt.json -o prompt.yaml
  tandem prompt convert examples/president.yaml --to langchain`,
		Args:              exactArgs("a prompt or chain file"),
		ValidArgsFunction: promptFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			in.file = args[0]
			return a.promptConvert(in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.out, "output", "o", "", "write to this `file`, which must not exist; YAML")
	f.StringVar(&in.to, "to", "", "what it is to be: tandem or langchain (default: what it is not)")
	return cmd
}

// promptConvert writes a file of the other kind.
func (a *app) promptConvert(in convertInput) error {
	file, err := openPrompt(in.file, trusted{})
	if err != nil {
		return err
	}
	ours := file.kind == "chain"
	switch in.to {
	case "":
	case "tandem", "langchain":
		if ours == (in.to == "tandem") {
			return usageError{fmt.Errorf("%s is a %s file already", in.file, in.to)}
		}
	default:
		return usageError{fmt.Errorf("--to %q: expected tandem or langchain", in.to)}
	}
	var data []byte
	var notes []error
	if ours {
		data, err = chain.ToLangChain(in.file, file.data, filepath.Dir(in.file))
	} else {
		data, notes, err = chain.FromLangChain(in.file, file.data, filepath.Dir(in.file))
	}
	if err != nil {
		return err
	}
	a.sayNotes(notes)
	if in.out == "" {
		_, err := a.term.Out.Write(data)
		return err
	}
	f, err := os.OpenFile(in.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a prompt is no secret, and is to be shared as the file it came from
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s exists already; name another file, or remove it", in.out)}
	}
	if err != nil {
		return usageError{fmt.Errorf("cannot write %s: %w", in.out, cause(err))}
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", in.out, cause(err))
	}
	return f.Close()
}
