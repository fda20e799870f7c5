// Command manpages writes tandem's manual pages, one for each command, and its
// completion scripts into a folder: for packages, and for `make install`.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra/doc"

	"github.com/tandem-llm/tandem/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manpages DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

// write fills dir: man1/tandem*.1, and completions/tandem.{bash,zsh,fish}.
func write(dir string) error {
	root := cli.Command()
	root.DisableAutoGenTag = true
	pages := filepath.Join(dir, "man1")
	if err := os.MkdirAll(pages, 0o755); err != nil { //nolint:gosec // everybody reads manual pages
		return err
	}
	// Their date is SOURCE_DATE_EPOCH, so that the same commit gives the same bytes.
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Tandem", Manual: "Tandem manual"}, pages); err != nil {
		return err
	}
	if err := writeFlags(root, pages); err != nil {
		return err
	}
	return completions(filepath.Join(dir, "completions"))
}

func completions(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // everybody reads completions
		return err
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script bytes.Buffer
		if err := cli.CompletionScript(&script, shell, true); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "tandem."+shell), script.Bytes(), 0o644); err != nil { //nolint:gosec // everybody reads completions
			return err
		}
	}
	return nil
}
