package cli

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// sampling is the flags that say which model answers and how it samples; ask
// and run share them. Unset flags leave the configuration's values alone.
type sampling struct {
	model       string
	temperature optional[float64]
	topP        optional[float64]
	seed        optional[int64]
	maxTokens   optional[int]
	strict      bool // an answer that was cut at maxTokens is an error
	stop        []string
	think       string
	options     optionFlags
}

func (s *sampling) register(f *pflag.FlagSet) {
	f.StringVarP(&s.model, "model", "m", "", "`model`, provider, or provider/model to ask")
	f.VarP(&s.temperature, "temperature", "t", "from 0 (most predictable) to 2 (most random)")
	f.Var(&s.topP, "top-p", "nucleus sampling, from 0 to 1")
	f.Var(&s.seed, "seed", "same seed, same model, same answer")
	f.Var(&s.maxTokens, "max-tokens", "most tokens to generate")
	f.BoolVar(&s.strict, "strict", false, "exit with 9 if the answer was cut at --max-tokens")
	f.StringArrayVar(&s.stop, "stop", nil, "stop before this `text` (repeatable)")
	f.StringVar(&s.think, "think", "", "reasoning: off, on, low, medium or high")
	f.VarP(&s.options, "option", "o", "the engine's own option as `key=value` (repeatable)")
}

// apply writes the flags, over the configuration's defaults, into req. allowed are
// the providers of --use, of which a model must be.
func (s *sampling) apply(req *provider.Request, stack *stack.Stack, allowed []string) error {
	stack.Defaults(req)
	if s.model != "" {
		req.Use, req.Model = stack.SplitModel(s.model)
		for _, name := range req.Use {
			if err := checkAllowed("-m "+s.model, name, allowed); err != nil {
				return err
			}
		}
	}
	s.temperature.set(&req.Temperature)
	s.topP.set(&req.TopP)
	s.seed.set(&req.Seed)
	s.maxTokens.set(&req.MaxTokens)
	if s.stop != nil {
		req.Stop = s.stop
	}
	if s.think != "" {
		req.Think = provider.Thinking(s.think)
	}
	if len(s.options) > 0 && req.Options == nil {
		req.Options = map[string]any{}
	}
	maps.Copy(req.Options, s.options)
	return nil
}

// limitText names the limit on tokens that an answer was cut at.
func (s *sampling) limitText(limit int) string {
	if v := s.maxTokens.value; v != nil && *v == limit {
		return fmt.Sprintf("--max-tokens %d", limit)
	}
	return fmt.Sprintf("max_tokens %d", limit)
}

// sayStopped says that an answer was cut at the limit that was set for it; 0: it
// was not.
func (a *app) sayStopped(s *sampling, limit int) {
	if limit > 0 {
		a.dimf("· stopped at %s", s.limitText(limit))
	}
}

// optional is a flag whose being unset differs from its zero.
type optional[T int | int64 | float64] struct{ value *T }

func (o *optional[T]) set(dst **T) {
	if o.value != nil {
		*dst = o.value
	}
}

// String, Set and Type make it a pflag.Value.
func (o *optional[T]) String() string {
	if o.value == nil {
		return ""
	}
	return fmt.Sprint(*o.value)
}

// Set parses the flag's text.
func (o *optional[T]) Set(text string) error {
	var v T
	switch p := any(&v).(type) {
	case *float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("expected a number, such as 0.5")
		}
		*p = x
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("expected a whole number")
		}
		*p = n
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("expected a whole number")
		}
		*p = n
	}
	o.value = &v
	return nil
}

// Type names the value in help texts.
func (o *optional[T]) Type() string {
	var v T
	switch any(v).(type) {
	case float64:
		return "number"
	default:
		return "int"
	}
}
