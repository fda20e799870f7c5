package cli

import "github.com/tandem-llm/tandem/internal/compare"

// promptfoo reports whether the comparison is a configuration of promptfoo's: the
// file that is compared, or that of --config, if there is no other.
func (a *app) promptfoo(in *compareInput) (bool, error) {
	if in.file == "" && a.flags.config != "" && a.flags.config != "none" && compare.IsPromptfoo(a.flags.config) {
		in.file, a.flags.config = a.flags.config, ""
		return true, nil
	}
	if in.file == "" || in.file == stdinPath {
		return false, nil
	}
	return compare.IsPromptfoo(in.file), nil
}
