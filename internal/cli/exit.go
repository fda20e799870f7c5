package cli

import (
	"context"
	"errors"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// The exit codes, the same for every command; docs/commands.md lists them.
const (
	exitOK            = 0
	exitError         = 1
	exitUsage         = 2
	exitRows          = 3
	exitDenied        = 4
	exitNoTarget      = 5
	exitOverBudget    = 6
	exitPrivate       = 7
	exitModelNotFound = 8
	exitIncomplete    = 9
	exitBadAnswer     = 10
	exitInterrupted   = 130 // by Ctrl-C; other signals have codes of their own, see interruption
	exitUnread        = 141 // that of SIGPIPE
)

// usageError is a mistake on the command line: what is wrong, and what to do.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitCode turns an error into the exit code, here and nowhere else.
func exitCode(err error) int {
	var (
		usage   usageError
		inFile  *diag.Error
		coded   interface{ ExitCode() int }
		sig     *interruption
		kind    = provider.KindOf(err)
		isUsage = errors.As(err, &usage) || errors.As(err, &inFile)
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &sig):
		return sig.ExitCode()
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &coded):
		return coded.ExitCode()
	case errors.As(err, new(runner.IncompleteError)), errors.Is(err, runner.ErrEmpty):
		return exitIncomplete
	case isUsage || kind == provider.Invalid || errors.Is(err, engine.ErrTaken) && !several(err):
		return exitUsage
	}
	switch kind {
	case provider.Denied:
		return exitDenied
	case provider.Unavailable, provider.Timeout, provider.RateLimited, provider.QuotaExhausted,
		provider.OutOfMemory:
		if partial(err) {
			return exitIncomplete
		}
		return exitNoTarget
	case provider.OverBudget:
		return exitOverBudget
	case provider.Private, provider.Offline:
		return exitPrivate
	case provider.ModelNotFound:
		return exitModelNotFound
	case provider.Truncated:
		return exitIncomplete
	case provider.BadAnswer:
		return exitBadAnswer
	}
	return exitError
}

// partial reports whether a part of the answer had been shown when it failed.
func partial(err error) bool {
	var f *router.Failure
	return errors.As(err, &f) && f.Partial
}

// several reports whether more than one target was considered: no one reason
// counts then.
func several(err error) bool {
	var f *router.Failure
	return errors.As(err, &f) && len(f.Attempts) > 1 && !f.Partial
}
