package cli

import (
	"io"

	"github.com/spf13/cobra"
)

// BashCompletion writes the completion script for bash. Cobra's needs a function of
// the package bash-completion; here it works without that package, too.
func BashCompletion(root *cobra.Command, w io.Writer, descriptions bool) error {
	if err := root.GenBashCompletionV2(w, descriptions); err != nil {
		return err
	}
	_, err := io.WriteString(w, bashWords)
	return err
}

// bashWords finds the words of the line where bash-completion does not: bash splits
// a word at = and :, which names of models and inputs have.
const bashWords = `
__tandem_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    words=()
    local i word rest=$COMP_LINE
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* && ($word == [=:]* || ${COMP_WORDS[i-1]} == *[=:]) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
        ((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]}
    prev=
    ((cword > 0)) && prev=${words[cword-1]}
    return 0
}
`

// ownBashCompletion has `tandem completion bash` print [BashCompletion].
func ownBashCompletion(root *cobra.Command) {
	cmd, _, err := root.Find([]string{"completion", "bash"})
	if err != nil || cmd.Name() != "bash" {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		bare, err := cmd.Flags().GetBool("no-descriptions")
		if err != nil {
			return err
		}
		return BashCompletion(root, cmd.OutOrStdout(), !bare)
	}
}
