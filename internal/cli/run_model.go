package cli

import (
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/internal/gateway/chains"

	"github.com/spf13/cobra"
)

// namesChain reports whether the first argument of `tandem run` is a chain's file or
// name, or cannot be anything else.
func (a *app) namesChain(name string) bool {
	_, err := a.chainFile(name)
	return err == nil || chains.IsFile(name)
}

// takesFile is the rule of `tandem run`: a chain's file or name, or as ollama has
// it a model and a prompt.
func (a *app) takesFile(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return exactArgs("a chain file")(cmd, args)
	}
	if a.namesChain(args[0]) {
		return nil
	}
	for _, name := range []string{"param", "each", "limit", "concurrency", "watch", "graph", "allow-jinja2", "model"} {
		if cmd.Flags().Changed(name) {
			if _, ok := a.nearChain(args[0]); ok {
				return a.noChain(args[0])
			}
			return usageError{fmt.Errorf("%s is not a chain file, and --%s is not for a model and a prompt; to ask a model: tandem ask -m %[1]s PROMPT", args[0], name)}
		}
	}
	return nil
}

// askOf is `tandem run MODEL PROMPT` as `tandem ask` has it.
func (in *runInput) askOf(args []string) askInput {
	out := askInput{words: args[1:], sample: in.sample, json: in.json, noStrm: in.noStrm, timeout: in.timeout, dry: in.dry, copy: in.copy, run: true}
	out.sample.model = args[0]
	return out
}

// ollamaVerbs are commands by the names that ollama has for them.
func (a *app) ollamaVerbs() []*cobra.Command {
	all := []*cobra.Command{a.modelsListCommand(), a.modelsPSCommand(), a.modelsPullCommand(), a.modelsShowCommand()}
	for _, c := range all {
		c.Hidden = true
	}
	return all
}

// instead says what does what another program's command does; "": nothing.
func instead(word string) string {
	switch {
	case word == "stop":
		return "to take a model out of memory: `tandem models load --unload MODEL`"
	case word == "serve":
		return "to start Ollama: `tandem engine start`, though it starts by itself when it is needed"
	case slices.Contains([]string{"rm", "remove", "delete", "cp", "create", "push", "signin", "signout"}, word):
		if word == "remove" || word == "delete" {
			word = "rm"
		}
		return fmt.Sprintf("Ollama itself does that: `ollama %s`", word)
	}
	return ""
}
