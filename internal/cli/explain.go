package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/doctor"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/record"
	"github.com/tandem-llm/tandem/provider/router"
)

// explain is an error as the user reads it: what happened, to whom, and what
// to do next, on one line.
func (a *app) explain(err error) string { return explain(err, a.config) }

// explain is an error with what to do next, for the providers of cfg; nil: none
// is known.
func explain(err error, cfg *config.Loaded) string {
	if sig := new(interruption); errors.As(err, &sig) {
		return sig.Error()
	}
	switch cluster := errors.As(err, new(*natsqueue.Error)); { // it has times of its own
	case cluster:
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out after --timeout, before the answer was complete"
	}
	text := terminal.OneLine(err.Error())
	if next := remedy(err, cfg); next != "" && !advises(err) {
		text += joint(err, text) + next
	}
	return text
}

// advised is an error that says what to do, of this package's making.
type advised struct {
	err  error
	next string
}

func (a *advised) Error() string { return a.err.Error() + "; " + a.next }
func (a *advised) Unwrap() error { return a.err }

// advises reports whether an error says itself what to do. Where a model is missing,
// there is more to say than how to get a key for another provider.
func advises(err error) bool {
	if errors.As(err, new(*advised)) || errors.As(err, new(*batchError)) {
		return true
	}
	return failure.MissingOf(err) == nil && (errors.Is(err, config.ErrNoKey) || errors.Is(err, config.ErrUntrusted))
}

// joint stands between what is wrong and what to do.
func joint(err error, text string) string {
	if input := new(chain.InputError); errors.As(err, &input) && input.Missing && strings.HasSuffix(text, ")") {
		return ": "
	}
	if failure.MissingOf(err) != nil { // a sentence of its own
		if strings.HasSuffix(text, "?") {
			return " "
		}
		return ". "
	}
	return "; "
}

// remedy is what to do next about an error, in commands and flags. The libraries
// say what is wrong, and know no command line.
func remedy(err error, cfg *config.Loaded) string {
	if next := remedyOfType(err, cfg); next != "" {
		return next
	}
	var pe *provider.Error
	if !errors.As(err, &pe) {
		return ""
	}
	if m := failure.MissingOf(err); m != nil {
		return missingRemedy(cfg, m)
	}
	if host := onlyDrained(err); host != "" {
		return fmt.Sprintf("have a host take calls again with `tandem models hosts undrain %s`", host)
	}
	if several(err) {
		if causeAtDoctor(err) {
			return "run `tandem doctor" + usedByDoctor(cfg) + "` to find out why"
		}
		return "try again in a moment, or ask another provider with --use"
	}
	switch {
	case partial(err):
		return "the text above is not a complete answer"
	case errors.Is(err, engine.ErrNoBinary):
		return "run `tandem setup` to install it or to use another server; if it is installed elsewhere, set `binary` to where it is"
	case errors.Is(err, failure.ErrNoModel):
		return fmt.Sprintf("get one with `tandem setup` or `%s`", doctor.PullCommand(cfg, pe.Provider, pe.Model))
	case errors.Is(err, failure.ErrDiskFull):
		return "make space on the disk where Ollama keeps its models, then run it again: the download resumes"
	case errors.Is(err, failure.ErrNotPulled):
		return fmt.Sprintf("get it with `%s`", doctor.PullCommand(cfg, pe.Provider, pe.Model))
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
	case provider.Unavailable:
		if serverFailed(pe.Status) {
			return "try again in a moment, or ask another provider with --use"
		}
		return "run `tandem doctor" + usedByDoctor(cfg, pe.Provider) + "` to find out why"
	case provider.OutOfMemory:
		if hasWindow(cfg, pe.Provider) {
			return "use a smaller model or quantization, or lower `num_ctx` in the configuration"
		}
		return "use a smaller model"
	case provider.RateLimited:
		if pe.RetryAfter > 0 {
			return "try again in " + short(pe.RetryAfter)
		}
		return "try again in a moment"
	case provider.QuotaExhausted:
		return "the account behind the key has no credit left: add some, or use another provider with `--use`"
	case provider.Unsupported:
		return nearOption(failure.Member(err))
	case provider.Denied:
		return keyRemedy(cfg, pe.Provider)
	case provider.ModelNotFound:
		return "list the available models with `tandem models list`"
	case provider.ContextOverflow:
		if hasWindow(cfg, pe.Provider) {
			return "shorten the prompt, or give the model a larger window with `num_ctx` in the configuration"
		}
		return "shorten the prompt, or ask a model with a larger context window with -m"
	case provider.Truncated, provider.BadAnswer:
		if errors.As(err, new(*router.Failure)) {
			return "ask again, or ask another model with -m"
		}
		return "the text above is not a complete answer"
	}
	return ""
}

// remedyOfType is what to do next about errors that have a type of their own.
func remedyOfType(err error, cfg *config.Loaded) string {
	var (
		cut    runner.IncompleteError
		input  *chain.InputError
		empty  *chain.NoPassagesError
		none   *record.NoRecordings
		miss   *record.Miss
		budget *ledger.Over
	)
	if next := clusterRemedy(err); next != "" {
		return next
	}
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
	case errors.As(err, &cut) && hasWindow(cfg, cut.Provider):
		return "raise --max-tokens, or num_ctx in the configuration"
	case errors.As(err, &cut):
		return "raise --max-tokens"
	case errors.Is(err, errNoBlock):
		return "the answer is above; ask for a code block, or leave out --extract"
	case errors.Is(err, runner.ErrEmpty):
		return "ask again, or ask another model with -m"
	}
	return ""
}

// missingRemedy is how to get a model that no server has, or to choose another.
func missingRemedy(cfg *config.Loaded, missing *failure.Missing) string {
	for _, m := range missing.Models {
		if m.Pullable {
			return fmt.Sprintf("To get it: `%s`", doctor.PullCommand(cfg, m.Provider, m.Model))
		}
	}
	if m := missing.Models[0]; len(m.Listed) == 0 {
		return fmt.Sprintf("List them with `tandem models list %s`", m.Provider)
	}
	return "Choose one with -m"
}

// hasWindow reports whether a provider's window is set by num_ctx.
func hasWindow(cfg *config.Loaded, name string) bool {
	if cfg == nil {
		return false
	}
	p, _ := cfg.Provider(name)
	return p.Kind == config.KindOllama
}

// onlyDrained is a host, as PROVIDER/HOST, where nobody takes the call only because the
// user drained all; empty: there is another reason.
func onlyDrained(err error) string {
	var (
		attempts []provider.Attempt
		errs     []error
		all      *router.Failure
		hosts    *failure.Hosts
	)
	switch {
	case errors.As(err, &all):
		attempts, errs = all.Attempts, all.Unwrap()
	case errors.As(err, &hosts):
		attempts, errs = hosts.Attempts, hosts.Errs
	}
	if len(errs) == 0 || slices.ContainsFunc(errs, func(e error) bool { return !errors.Is(e, failure.ErrDrained) }) {
		return ""
	}
	return attempts[0].Who()
}

// serverFailed reports whether a server answered that it cannot answer now, of
// which doctor knows no more.
func serverFailed(status int) bool { return status >= http.StatusInternalServerError }

// causeAtDoctor reports whether doctor shows why one of several providers did not
// answer.
func causeAtDoctor(err error) bool {
	var f *router.Failure
	return errors.As(err, &f) && slices.ContainsFunc(f.Attempts, func(a provider.Attempt) bool {
		switch a.Kind {
		case provider.RateLimited, provider.QuotaExhausted, provider.Timeout, provider.OverBudget, provider.Filtered:
			return false
		}
		return true
	})
}

// usedByDoctor are the flags with which doctor looks at a provider: it looks at
// those in use.
func usedByDoctor(cfg *config.Loaded, names ...string) string {
	if cfg == nil {
		return ""
	}
	if len(names) == 0 || names[0] == "" {
		names = cfg.Use
	}
	used := doctor.UsedByDefault(cfg)
	if !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(used, n) }) {
		return ""
	}
	return " --use " + strings.Join(names, ",")
}

// keyRemedy is what to do about a key that a server refused, where it is.
func keyRemedy(cfg *config.Loaded, name string) string {
	ref := ""
	if cfg != nil {
		ref = string(cfg.KeyRef(name))
	}
	where, what, _ := strings.Cut(ref, ":")
	switch where {
	case "env":
		return "set the environment variable " + what + " to a valid key"
	case "keyring":
		return fmt.Sprintf("store a valid key with `tandem keys set %s`", what)
	case "file":
		return "write a valid key into " + what
	}
	return fmt.Sprintf("store a key with `tandem keys set %[1]s` and write `api_key: keyring:%[1]s` in the configuration", name)
}
