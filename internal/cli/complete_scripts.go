package cli

import (
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// completionScripts are the scripts of the shells. Cobra's evaluate the line: at Tab,
// a command substitution on it runs, a file behind > is emptied, and in fish also
// what stands in quotation marks runs. These run nothing but tandem, and need no
// package bash-completion.
//
//go:embed completion
var completionScripts embed.FS

// completionShells are the shells that have a script of ours.
func completionShells() []string { return []string{"bash", "zsh", "fish"} }

// CompletionScript writes the completion script for bash, zsh or fish.
func CompletionScript(w io.Writer, shell string, descriptions bool) error {
	script, err := completionScripts.ReadFile("completion/tandem." + shell)
	if err != nil {
		return fmt.Errorf("there is no completion script for %q", shell)
	}
	text := string(script)
	if !descriptions {
		text = strings.ReplaceAll(text, cobra.ShellCompRequestCmd+" ", cobra.ShellCompNoDescRequestCmd+" ")
	}
	_, err = io.WriteString(w, text)
	return err
}

// ownCompletions has `tandem completion` print [CompletionScript].
func ownCompletions(root *cobra.Command) {
	for _, shell := range completionShells() {
		cmd, _, err := root.Find([]string{"completion", shell})
		if err != nil || cmd.Name() != shell {
			continue
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			bare, err := cmd.Flags().GetBool("no-descriptions")
			if err != nil {
				return err
			}
			return CompletionScript(cmd.OutOrStdout(), shell, !bare)
		}
	}
}
