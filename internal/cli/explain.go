package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/record"
	"github.com/tandem-llm/tandem/provider/router"
)

// explain is an error as the user reads it: what happened, to whom, and what
// to do next, on one line.
func explain(err error) string {
	if sig := new(interruption); errors.As(err, &sig) {
		return sig.Error()
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timed out after --timeout, before the answer was complete"
	}
	text := terminal.OneLine(err.Error())
	if next := remedy(err); next != "" && !strings.Contains(text, "tandem ") {
		text += "; " + next
	}
	return text
}

// remedy is what to do next about an error, in commands and flags. The libraries
// say what is wrong, and know no command line.
func remedy(err error) string {
	if next := remedyOfType(err); next != "" {
		return next
	}
	var pe *provider.Error
	if !errors.As(err, &pe) {
		return ""
	}
	if several(err) {
		return "run `tandem doctor` to find out why"
	}
	switch {
	case partial(err):
		return "the text above is not a complete answer"
	case errors.Is(err, failure.ErrNoModel):
		return fmt.Sprintf("get one with `tandem setup` or `tandem models pull %s`", pe.Model)
	case errors.Is(err, failure.ErrNotPulled):
		return fmt.Sprintf("get it with `tandem models pull %s`", pe.Model)
	case errors.Is(err, failure.ErrCloudDisabled):
		return fmt.Sprintf("tandem started this Ollama without cloud models, because a prompt had to stay on this machine; `tandem engine stop %s` ends it", pe.Provider)
	}
	switch {
	case errors.Is(err, failure.ErrSignIn):
		return "sign this Ollama in to ollama.com with `ollama signin`"
	case errors.Is(err, failure.ErrKeyInHeader):
		return fmt.Sprintf("something before Ollama wants a key: put it into a variable and write `headers: {Authorization: env:VARIABLE}` for the provider %s into your own file, which `tandem config path` shows", pe.Provider)
	}
	switch pe.Kind {
	case provider.Unavailable, provider.OutOfMemory:
		return "run `tandem doctor` to find out why"
	case provider.RateLimited:
		if pe.RetryAfter > 0 {
			return fmt.Sprintf("try again in %s", pe.RetryAfter)
		}
		return "try again in a moment"
	case provider.QuotaExhausted:
		return "the account behind the key has no credit left: add some, or use another provider with `--use`"
	case provider.Denied:
		return fmt.Sprintf("check the key with `tandem keys list`, set it with `tandem keys set %[1]s`; the provider uses it where the configuration says `api_key: keyring:%[1]s`", pe.Provider)
	case provider.ModelNotFound:
		return "list the available models with `tandem models list`"
	case provider.ContextOverflow:
		return "shorten the prompt, or use a model with a larger context window"
	case provider.Truncated, provider.BadAnswer:
		if errors.As(err, new(*router.Failure)) {
			return "ask again, or ask another model with -m"
		}
		return "the text above is not a complete answer"
	}
	return ""
}

// remedyOfType is what to do next about errors that have a type of their own.
func remedyOfType(err error) string {
	var (
		input  *chain.InputError
		empty  *chain.NoPassagesError
		none   *record.NoRecordings
		miss   *record.Miss
		budget *ledger.Over
	)
	switch {
	case errors.As(err, &input) && input.Missing:
		return fmt.Sprintf("add -p %s=VALUE", input.Name)
	case errors.As(err, &empty):
		return fmt.Sprintf("add some with `tandem embed %s FILE`", empty.Collection)
	case errors.As(err, &none):
		return fmt.Sprintf("make it with `tandem … --record %s`", none.Dir)
	case errors.As(err, &miss):
		return fmt.Sprintf("record it with `tandem … --record %s`", miss.Dir)
	case errors.As(err, &budget) && !several(err):
		return "raise the budget, limit the answer with --max-tokens, or ask a local model"
	case errors.Is(err, template.ErrJinja2):
		return "add --allow-jinja2"
	case errors.As(err, new(runner.IncompleteError)):
		return "raise --max-tokens, or num_ctx in the configuration"
	case errors.Is(err, errNoBlock):
		return "the answer is above; ask for a code block, or leave out --extract"
	case errors.Is(err, runner.ErrEmpty):
		return "ask again, or ask another model with -m"
	}
	return ""
}
