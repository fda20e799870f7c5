package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// target returns the provider of that name.
func target(st *stack.Stack, name string) (stack.Configured, error) {
	t, ok := st.Target(name)
	if !ok {
		return t, noProvider(st, name)
	}
	return t, nil
}

func noProvider(st *stack.Stack, name string) error {
	var names []string
	for _, t := range st.Targets {
		names = append(names, t.Config.Name)
	}
	return usageError{fmt.Errorf("there is no provider %q; there are: %s", name, strings.Join(names, ", "))}
}

// able returns the provider of that name, or the first in use, that has the
// ability T. One that is named must be among allowed, if there are any.
func able[T any](st *stack.Stack, name, what string, allowed []string) (stack.Configured, T, error) {
	var none T
	names := st.Config().Use
	if name != "" {
		names = []string{name}
		if err := checkAllowed("the command", name, allowed); st.Has(name) && err != nil {
			return stack.Configured{}, none, err
		}
	}
	for _, n := range names {
		t, err := target(st, n)
		if err != nil {
			return t, none, err
		}
		if t.Untrusted != nil {
			return t, none, t.Untrusted
		}
		if v, ok := provider.As[T](t.Provider); ok {
			return t, v, nil
		}
	}
	err := fmt.Errorf("%s cannot %s", strings.Join(names, ", "), what)
	for _, t := range st.Targets {
		if _, ok := provider.As[T](t.Provider); ok {
			err = fmt.Errorf("%w; name another provider: %s", err, t.Config.Name)
			break
		}
	}
	return stack.Configured{}, none, usageError{err}
}

// ready starts a managed engine that is about to be asked.
func ready(ctx context.Context, a *app, t stack.Configured) error {
	if t.Engine == nil {
		return nil
	}
	err := t.Engine.Ensure(ctx, a.progress)
	if err != nil && !errors.Is(err, context.Canceled) {
		return &provider.Error{Kind: provider.Unavailable, Provider: t.Config.Name, Err: err}
	}
	return err
}

// infof writes a line to standard error that --quiet leaves out.
func (a *app) infof(format string, args ...any) {
	if !a.flags.quiet {
		a.term.Noticef(format, args...)
	}
}

// allowed are the providers of --use; none where the flag was not given.
func (a *app) allowed(st *stack.Stack) []string {
	if len(a.flags.use) == 0 {
		return nil
	}
	return st.Config().Use
}

// checkAllowed is the error of a flag or argument that asks a provider which --use
// leaves out.
func checkAllowed(flag, provider string, allowed []string) error {
	if len(allowed) == 0 || slices.Contains(allowed, provider) {
		return nil
	}
	return usageError{fmt.Errorf("%s asks %s, but --use %s leaves it out; choose a model of %s, or add it: --use %s",
		flag, provider, strings.Join(allowed, ","), strings.Join(allowed, " or "), strings.Join(append(slices.Clone(allowed), provider), ","))}
}
