package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagHead is the line that cobra begins a flag with, such as `--model=""`.
var flagHead = regexp.MustCompile(`(?m)^((?:\\fB-\w\\fP, )?\\fB--([a-z0-9-]+)\\fP).*$`)

// writeFlags has the pages of cmd and of those below show flags as manual pages do,
// such as `--model MODEL`.
func writeFlags(cmd *cobra.Command, dir string) error {
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writeFlags(c, dir); err != nil {
			return err
		}
	}
	file := filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
	page, err := os.ReadFile(file) //nolint:gosec // the page was just written
	if err != nil {
		return err
	}
	page = flagHead.ReplaceAllFunc(page, func(line []byte) []byte {
		m := flagHead.FindSubmatch(line)
		f := cmd.Flag(string(m[2]))
		if f == nil {
			return line
		}
		return append(m[1], flagValue(f)...)
	})
	return os.WriteFile(file, page, 0o644) //nolint:gosec // everybody reads manual pages
}

// flagValue is what stands behind a flag's name: its value's name, and its default
// where it has one.
func flagValue(f *pflag.Flag) (text string) {
	switch name, _ := pflag.UnquoteUsage(f); {
	case name == "":
		return ""
	case f.NoOptDefVal != "":
		text = fmt.Sprintf(`[=\fI%s\fP]`, strings.ToUpper(name))
	default:
		text = fmt.Sprintf(` \fI%s\fP`, strings.ToUpper(name))
	}
	switch f.DefValue {
	case "", "0", "0s", "[]", "false":
		return text
	}
	return text + fmt.Sprintf(" (default: %s)", f.DefValue)
}
