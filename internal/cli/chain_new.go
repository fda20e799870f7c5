package cli

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/textx"
)

//go:embed starters/*.yaml
var starters embed.FS

// starterNames are the templates of `tandem chain new`, the simplest first.
func starterNames() []string {
	return []string{"simple", "sequential", "parallel", "each", "route", "rag", "extract"}
}

// chainNewInput is what `tandem chain new` was told.
type chainNewInput struct {
	name     string
	template string
}

func (a *app) chainNewCommand() *cobra.Command {
	var in chainNewInput
	cmd := &cobra.Command{
		Use: "new [NAME|FILE]", Short: "Create a chain file from a template",
		Long: `Create a commented chain file: NAME.yaml, or FILE under its own name (chain.yaml
if you name neither). - writes to standard output. An existing file is never
overwritten.`,
		Example: `  tandem chain new capital
  tandem chain new --template parallel -`,
		Args: atMostOne("a name or a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			in.name = "chain"
			if len(args) == 1 {
				in.name = args[0]
			}
			return a.chainNew(in)
		},
	}
	cmd.Flags().StringVar(&in.template, "template", "simple", "template `name`, one of "+strings.Join(starterNames(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("template", cobra.FixedCompletions(starterNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// chainNew writes a starter.
func (a *app) chainNew(in chainNewInput) error {
	if in.name == "-" {
		text, err := starter(in.template, "chain", "chain.yaml")
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(a.term.Out, text)
		return err
	}
	file := in.name
	switch ext := filepath.Ext(file); {
	case ext == ".yaml" || ext == ".yml":
	case ext == ".json":
		return usageError{fmt.Errorf("%s: a new chain file is YAML; use a name that ends in .yaml", file)}
	default:
		file += ".yaml"
	}
	base := filepath.Base(file)
	text, err := starter(in.template, strings.TrimSuffix(base, filepath.Ext(base)), file)
	if err != nil {
		return err
	}
	if err := writeNew(file, text); err != nil {
		return err
	}
	a.dimf("· wrote %s; its first lines say how to run it", file)
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a file of the user's, like any other
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s already exists and is not overwritten; choose another name", file)}
	}
	if err != nil {
		return usageError{fmt.Errorf("cannot write %s: %w", file, cause(err))}
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// starter is the text of a template, with the chain's name and file.
func starter(template, name, file string) (string, error) {
	if !slices.Contains(starterNames(), template) {
		return "", usageError{fmt.Errorf("unknown template %q; the templates are %s", template, strings.Join(starterNames(), ", "))}
	}
	data, err := starters.ReadFile("starters/" + template + ".yaml")
	if err != nil {
		return "", err
	}
	if !textx.IsName(strings.ReplaceAll(name, "-", "_")) || strings.EqualFold(name, "null") {
		quoted, err := json.Marshal(name) // JSON is YAML
		if err != nil {
			return "", err
		}
		name = string(quoted)
	}
	text := strings.Replace(string(data), "name: NAME\n", "name: "+name+"\n", 1)
	return strings.ReplaceAll(text, " FILE ", " "+file+" "), nil
}
