package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
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
		return "the time given with --timeout ran out before the answer was complete"
	}
	text := terminal.OneLine(err.Error())
	if next := remedy(err); next != "" && !strings.Contains(text, "tandem ") {
		text += "; " + next
	}
	return text
}

// remedy is what to do next about a provider's error, or an input's.
func remedy(err error) string {
	if in := new(chain.InputError); errors.As(err, &in) && in.Missing {
		return "here that is -p " + in.Name + "=…"
	}
	switch {
	case errors.As(err, new(runner.IncompleteError)):
		return "raise --max-tokens, or num_ctx in the configuration"
	case errors.Is(err, runner.ErrEmpty):
		return "ask again, or ask another model with -m"
	}
	var pe *provider.Error
	if !errors.As(err, &pe) {
		return ""
	}
	if several(err) {
		return "run `tandem doctor` to see what each of them lacks"
	}
	switch pe.Kind {
	case provider.Unavailable, provider.OutOfMemory:
		return "run `tandem doctor` to see what it lacks"
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
		return "see what there is with `tandem models list`"
	case provider.ContextOverflow:
		return "shorten the prompt, or give the model a larger window with `num_ctx` in the configuration"
	case provider.Truncated, provider.BadAnswer:
		var f *router.Failure
		if errors.As(err, &f) && !f.Partial {
			return "ask again, or ask another model with -m"
		}
		return "what came so far is above, and is not a complete answer"
	}
	return ""
}
