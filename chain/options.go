package chain

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// Option changes one run of a chain.
type Option func(*options)

type options struct {
	defaults provider.Request
}

// Defaults gives what the steps leave unset: model, providers, temperature,
// and whatever else r sets. A step's own settings go before r's; privacy can
// only be tightened. r has no messages.
func Defaults(r provider.Request) Option {
	return func(o *options) {
		r.Privacy = stricter(r.Privacy, o.defaults.Privacy)
		o.defaults = r
	}
}

// asked is the provider that a step asks.
func (x *exec) asked(_ context.Context, _ *ask, _ *provider.Request) (provider.Provider, error) {
	return x.provider, nil
}

// passages looks passages up.
func (x *exec) passages(_ context.Context, _ *step, _ *lookup, _ string) (StepResult, error) {
	return StepResult{}, nil
}
