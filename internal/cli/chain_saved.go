package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// chainsDir is where saved chains and prompts are: beside the user's own
// configuration. Empty: there is no home directory.
func (a *app) chainsDir() string {
	user := config.UserPath(a.lookupEnv)
	if user == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(user), "chains")
}

// chainFile is the file that the user means: stdinPath, a file of that name, or
// else the chain that is saved by that name.
func (a *app) chainFile(name string) (string, error) {
	st, err := os.Stat(name)
	switch {
	case name == stdinPath, err == nil && !st.IsDir(), err != nil && !errors.Is(err, fs.ErrNotExist):
		return name, nil // what is wrong with it, reading it tells
	}
	dir := a.chainsDir()
	if dir != "" && name != "" && filepath.Base(name) == name {
		for _, ext := range append([]string{""}, chains.Extensions()...) {
			file := filepath.Join(dir, name+ext)
			if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && chains.IsFile(file) {
				return file, nil
			}
		}
	}
	if err == nil {
		return name, nil // a folder
	}
	return "", a.noChain(name)
}

// noChain is the error of a name that is neither a file's nor a saved chain's.
func (a *app) noChain(name string) error {
	e := &diag.Error{File: name, Message: "there is no such file", Remedy: "check the path", Err: fs.ErrNotExist}
	if filepath.Base(name) == name && a.chainsDir() != "" {
		e.Message += ", and no saved chain of that name"
		e.Remedy = "`tandem chain list` lists those"
		if strings.Contains(name, ":") { // as models of Ollama's are named
			e.Remedy += ", and `tandem chat -m " + name + "` talks with a model"
		}
	}
	if near, ok := a.nearChain(name); ok {
		e.Remedy = "did you mean " + diag.Quote(near) + "?"
	}
	return e
}

// nearChain is the file or saved chain that a name was probably meant to be.
func (a *app) nearChain(name string) (string, bool) {
	known := chainNames(filepath.Dir(name))
	if dir := a.chainsDir(); filepath.Base(name) == name && dir != "" {
		for _, saved := range chainNames(dir) {
			known = append(known, saved, strings.TrimSuffix(saved, filepath.Ext(saved)))
		}
	}
	near, ok := diag.Nearest(filepath.Base(name), known)
	if ok && filepath.Base(name) != name {
		near = filepath.Join(filepath.Dir(name), near)
	}
	return near, ok
}

// chainNames are the names of the chain files in a folder, none of them a pipe or a
// device; none where it cannot be read.
func chainNames(dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if chains.IsFile(e.Name()) && isFile(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

// loadChain loads the file of a run, or the text on standard input, which names no
// other files.
func (a *app) loadChain(ctx context.Context, in *runInput) (*chain.Chain, error) {
	if in.file != stdinPath {
		return loadChainFile(ctx, in.file, in.trusted)
	}
	if a.term.InIsTTY {
		a.term.Noticef("reading the chain from the terminal; end it with Ctrl-D")
	}
	text, err := readText(ctx, "standard input", a.term.In)
	if err != nil {
		return nil, err
	}
	return chain.Parse("standard input", []byte(text), in.trusted.load()...)
}

// loadChainFile loads a chain's file, or what a pipe brings, as <(…) makes one in a
// shell: a text that names no other files.
func loadChainFile(ctx context.Context, path string, t trusted) (*chain.Chain, error) {
	if !isPipe(path) {
		return chain.Load(path, t.load()...)
	}
	text, err := readPipe(ctx, path)
	if err != nil {
		return nil, err
	}
	return chain.Parse(path, text, t.load()...)
}

func (a *app) chainListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the saved chains",
		Long: `List the chains and prompts that are saved in the folder chains, beside your
configuration file. tandem run takes their names, without the extension, where
no file in the working directory has that name.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.chainList(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array, an object for each chain")
	return cmd
}

// savedJSON is what --json prints of a saved chain.
type savedJSON struct {
	Name   string      `json:"name"` // as `tandem run` takes it
	File   string      `json:"file"`
	OK     bool        `json:"ok"` // false: it has mistakes
	Inputs []inputJSON `json:"inputs"`
	Steps  []string    `json:"steps"`
}

func (a *app) chainList(ctx context.Context, asJSON bool) error {
	dir := a.chainsDir()
	if dir == "" {
		return usageError{errors.New("there is no home directory, so that no chains are saved")}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	all := []savedJSON{}
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		if hidden(e.Name()) || !chains.IsFile(file) || !isFile(file) {
			continue
		}
		c := checkChain(ctx, file, nil, trusted{jinja2: true}) // nothing of it runs
		name := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name()))
		all = append(all, savedJSON{Name: name, File: file, OK: c.OK, Inputs: c.Inputs, Steps: c.Steps})
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, all)
	}
	if len(all) == 0 {
		a.infof("no chains are saved; put chain or prompt files into %s", dir)
		return nil
	}
	w := a.term.Table("NAME", "STEPS", "INPUTS", "FILE")
	for _, c := range all {
		inputs := make([]string, 0, len(c.Inputs))
		for _, in := range c.Inputs {
			inputs = append(inputs, in.Name)
		}
		steps := fmt.Sprint(len(c.Steps))
		if !c.OK {
			steps = "has mistakes"
		}
		w.Row(terminal.StripControls(c.Name), steps, terminal.StripControls(strings.Join(inputs, ", ")), terminal.StripControls(c.File))
	}
	return w.Flush()
}
