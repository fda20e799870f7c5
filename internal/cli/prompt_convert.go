package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// convertInput is what `tandem prompt convert` was told.
type convertInput struct {
	file string
	out  string
}

func (a *app) promptConvertCommand() *cobra.Command {
	var in convertInput
	cmd := &cobra.Command{
		Use:   "convert [flags] FILE",
		Short: "Convert a LangChain file to a chain file",
		Long: `Convert a LangChain prompt or chain file to a chain file. Both are run with
made-up values and answers, and the chain file is written only if it sends the
same requests. What cannot be converted is an error.`,
		Example:           `  tandem prompt convert prompt.json -o prompt.yaml`,
		Args:              exactArgs("a LangChain prompt or chain file"),
		ValidArgsFunction: promptFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.file = args[0]
			return a.promptConvert(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&in.out, "output", "o", "", "write to this `file`, which must not exist; YAML")
	return cmd
}

// promptConvert writes the chain file.
func (a *app) promptConvert(ctx context.Context, in convertInput) error {
	if isPipe(in.file) {
		return usageError{errors.New("a conversion reads its file more than once, so that it cannot be a pipe")}
	}
	file, err := openPrompt(ctx, in.file, trusted{})
	if err != nil {
		return err
	}
	if file.chain.FileType() == chain.FileChain {
		return usageError{fmt.Errorf("%s is already a chain file", in.file)}
	}
	text, err := yamlx.Read(in.file)
	if err != nil {
		return err
	}
	data, notes, err := chain.FromLangChain(in.file, text, filepath.Dir(in.file))
	if err != nil {
		return err
	}
	a.sayNotes(notes)
	if in.out == "" {
		_, err := a.term.Out.Write(data)
		return err
	}
	f, err := os.OpenFile(in.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a prompt is not a secret, and is to be shared as the file it came from
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s already exists; name another file, or remove it", in.out)}
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
