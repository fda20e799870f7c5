package chain

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// step runs one step as often as it says, and tells its end.
func (x *exec) step(ctx context.Context, s *step, v *variables, at stepPath) (StepResult, error) {
	start := time.Now()
	inner := x
	if s.share {
		inner = x.apart()
	}
	result, err := inner.times(ctx, s, v, at)
	x.stays.after(s, at.path, inner.stays, err == nil && !result.Skipped)
	result, err = x.ended(at, start, result, err)
	if x.results != nil && !errors.Is(err, errLeft) {
		*x.results = append(*x.results, result)
	}
	return result, err
}

// ended completes the result of a step, or its error, and tells the end to
// whoever watches.
func (x *exec) ended(at stepPath, start time.Time, result StepResult, err error) (StepResult, error) {
	result.Name, result.Took = at.path, time.Since(start)
	if err != nil {
		return result, stepError(at, err)
	}
	if x.emit != nil && !x.tellEnd(at, result) {
		return result, errLeft
	}
	return result, nil
}

// tellEnd is apart from ended, so that the result stays off the heap if it is not
// observed.
func (x *exec) tellEnd(at stepPath, result StepResult) bool {
	end := Event{Type: StepEnd, Index: at.index, Step: at.path, Total: at.of, Result: &result}
	if result.Skipped {
		end.Type = StepSkipped
	}
	return x.emit(end)
}

// times runs a step as often as it says. For a step without a model, this is the
// only check of ctx.
func (x *exec) times(ctx context.Context, s *step, v *variables, at stepPath) (StepResult, error) {
	if err := ctx.Err(); err != nil {
		return StepResult{}, err
	}
	if s.bodyOnly {
		return s.body.run(ctx, x, s, v, at)
	}
	if s.when != nil {
		wanted, err := s.when.truth(v)
		if err != nil {
			return StepResult{}, err
		}
		if !wanted {
			return skipped(s), nil
		}
	}
	if s.each != nil {
		return x.eachOf(ctx, s, v, at)
	}
	return x.rounds(ctx, s, v, at)
}

func skipped(s *step) StepResult {
	result := StepResult{Skipped: true, Finish: provider.FinishStop}
	if s.skipped != nil {
		result.Text, result.Value = *s.skipped, *s.skipped
	}
	return result
}

// eachOf runs a step for each element of its list.
func (x *exec) eachOf(ctx context.Context, s *step, v *variables, at stepPath) (StepResult, error) {
	list, err := s.each.over.evalList(v)
	if err != nil {
		return StepResult{}, err
	}
	values := make([]any, len(list))
	inner := x.nested()
	inner.results = nil // there may be very many
	err = inner.concurrently(ctx, len(list), s.each.concurrency, func(ctx context.Context, x *exec, i int) error {
		own := &variables{parent: v}
		own.set(s.each.as, list[i])
		result, err := x.numbered(at, i, len(list), func(at stepPath) (StepResult, error) { return x.rounds(ctx, s, own, at) })
		values[i] = result.Value
		return err
	})
	if err != nil {
		return inner.tally.result(), err
	}
	return inner.composed(values)
}

// rounds runs a step once, or again and again where it says so.
func (x *exec) rounds(ctx context.Context, s *step, v *variables, at stepPath) (StepResult, error) {
	r := s.repeat
	if r == nil {
		return x.guarded(ctx, s, v, at)
	}
	inner := x.nested()
	inner.results = nil // there may be very many
	own := &variables{parent: v}
	if r.start != nil {
		first, err := r.start.eval(v)
		if err != nil {
			return StepResult{}, err
		}
		own.set(r.as, first)
	}
	for round := range r.max {
		if err := ctx.Err(); err != nil {
			return inner.tally.result(), err
		}
		result, err := inner.numbered(at, round, r.max, func(at stepPath) (StepResult, error) { return inner.guarded(ctx, s, own, at) })
		if err != nil {
			return inner.withTotals(result), err
		}
		own = &variables{parent: v}
		own.set(r.as, result.Value)
		if r.until == nil && round < r.max-1 {
			continue
		}
		done := r.until == nil || r.keep && round == r.max-1
		if !done {
			if done, err = r.until.truth(own); err != nil {
				return inner.withTotals(result), err
			}
		}
		if done {
			return inner.withTotals(result), nil
		}
	}
	return inner.tally.result(), provider.Errorf(provider.Invalid, "", "", "after %d rounds, %s is still false; raise max, or write keep: true to continue with the last value", r.max, textx.Shorten(r.until.text))
}

// numbered runs one of several times of a step, and tells its end.
func (x *exec) numbered(at stepPath, i, of int, run func(stepPath) (StepResult, error)) (StepResult, error) {
	at = stepPath{index: at.index, path: at.path + "[" + strconv.Itoa(i) + "]", inner: true, of: of}
	start := time.Now()
	result, err := run(at)
	return x.ended(at, start, result, err)
}

// guarded runs a step within its time, and its fallback when it fails.
func (x *exec) guarded(ctx context.Context, s *step, v *variables, at stepPath) (StepResult, error) {
	if s.fallback == nil {
		return x.timed(ctx, s, v, at)
	}
	x = x.nested() // what came to nothing was used, too
	result, err := x.timed(ctx, s, v, at)
	switch {
	case err == nil, errors.Is(err, errLeft):
		return result, err
	case ctx.Err() != nil:
		return result, ctx.Err()
	}
	if !x.show(Event{Type: StepFallback, Index: at.index, Step: at.path, Err: err}) {
		return result, errLeft
	}
	// What the step set, privacy above all, holds for its fallback.
	inner := x.within(s)
	if len(s.fallback.settings.Use) > 0 {
		inner.defaults.Use = nil
	}
	result, err = inner.step(ctx, s.fallback, v, at.in(s.fallback.name))
	return x.withTotals(result), err
}

// timed runs a step within its time.
func (x *exec) timed(ctx context.Context, s *step, v *variables, at stepPath) (StepResult, error) {
	if s.timeout == 0 {
		return s.body.run(ctx, x, s, v, at)
	}
	within, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	result, err := s.body.run(within, x, s, v, at)
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		err = provider.Errorf(provider.Timeout, "", "", "the step did not finish within its timeout of %s; raise it", s.timeout)
	}
	return result, err
}
