package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// refusedRows is how many rows are looked at for what no row could be answered for.
const refusedRows = 5

// refuseEarly refuses a batch before any call if its first rows could not be answered,
// whatever models say: there is no key, privacy forbids it, the model is not installed,
// no server is reached. If one of them could, the others fail each for itself. rows are
// those that each variant has to answer.
func (a *app) refuseEarly(ctx context.Context, b *batchRun, rows func(variant int) iter.Seq2[table.Row, error], given map[string]any) error {
	planner, ok := provider.As[router.Planner](b.stack.Provider)
	if !ok {
		return nil // a replay asks nobody
	}
	e := a.newEarly(b, planner)
	var first error
	for v := range b.variants() {
		first = nil
		n := 0
		for row, err := range rows(v) {
			if err == nil {
				err = e.refuse(ctx, v, row.Inputs, given)
			}
			if err == nil || ctx.Err() != nil {
				first = ctx.Err()
				break
			}
			if first == nil {
				first = err
			}
			if n++; n == refusedRows {
				break
			}
		}
		if first != nil {
			break
		}
	}
	return first
}

// ofAllVariants are rows that each variant has to answer.
func ofAllVariants(rows iter.Seq2[table.Row, error]) func(int) iter.Seq2[table.Row, error] {
	return func(int) iter.Seq2[table.Row, error] { return rows }
}

func modelNames(models []provider.Model) []string {
	names := make([]string, len(models))
	for i := range models {
		names[i] = models[i].Name
	}
	return names
}

// early looks for what is wrong before the first call.
type early struct {
	run     *batchRun
	planner router.Planner
	failing map[string]error // why a provider could not be asked for a model; nil: it could
	// unlisted is told which model a server does not list that may take it all the same.
	unlisted func(name, model string, models []provider.Model)
}

func (a *app) newEarly(b *batchRun, planner router.Planner) *early {
	return &early{run: b, planner: planner, failing: map[string]error{}, unlisted: func(name, model string, models []provider.Model) {
		text := fmt.Sprintf("%s does not list the model %s", name, diag.Quote(model))
		if near, ok := diag.Nearest(model, modelNames(models)); ok {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		a.infof("%s %s", a.term.Yellow("warning:"), text)
	}}
}

// refuse is the error with which a row would end whatever a model says; nil: that is
// not known.
func (e *early) refuse(ctx context.Context, variant int, inputs, given map[string]any) error {
	asked, err := e.run.plannedAs(ctx, variant, inputs, given)
	if err != nil {
		return nil //nolint:nilerr // it is this row's error, and running the row tells it
	}
	for _, q := range asked {
		if q.Optional {
			return nil // it may be the fallback of another one
		}
	}
	for _, q := range asked {
		if q.Lookup != nil || q.Times == 0 && q.Per == "" {
			continue
		}
		if e.run.requests == nil {
			e.run.ownModel = e.run.ownModel || q.Request.Model != e.run.job.Defaults.Model
		}
		if c := e.run.compare; c != nil {
			q.Request = c.plan.Request(q.Request, variant, 0)
		}
		if e.run.batchAPI != nil {
			q.Request.Use = []string{e.run.spec.BatchAPI} // nobody else is asked
		}
		if err := e.refuseCall(ctx, &q); err != nil {
			return e.ofVariant(variant, err)
		}
	}
	return nil
}

// ofVariant is an error of a comparison's variant, if that does not show by itself.
func (e *early) ofVariant(variant int, err error) error {
	var of *provider.Error
	if c := e.run.compare; c != nil && !(errors.As(err, &of) && of.Provider == c.plan.Variants[variant].Name) {
		return fmt.Errorf("%s: %w", c.plan.Variants[variant].Name, err)
	}
	return err
}

// plannedAs are the calls that a row makes in a variant: of a comparison as its chain says
// them, see [compare.Plan.Request].
func (b *batchRun) plannedAs(ctx context.Context, variant int, inputs, given map[string]any) ([]chain.Planned, error) {
	if c := b.compare; c != nil {
		return c.chains[c.plan.Variants[variant].Chain].Plan(ctx, c.varsOf(c.plan.Variants[variant].Chain, inputs, given),
			chain.Defaults(b.job.Defaults), chain.PassagesStay(b.stack.Collections.PassagesStay))
	}
	vars := maps.Clone(inputs)
	maps.Copy(vars, given)
	return b.planned(ctx, vars)
}

// variants is how many there are.
func (b *batchRun) variants() int {
	if b.compare != nil {
		return len(b.compare.plan.Variants)
	}
	return 1
}

// refuseCall is the error of a call that none of its providers can answer.
func (e *early) refuseCall(ctx context.Context, q *chain.Planned) error {
	p, err := e.run.planCall(ctx, e.planner, q)
	switch provider.KindOf(err) {
	case "":
	case provider.Denied, provider.ModelNotFound:
		if e.run.nodes != nil { // which have their own keys and models
			return nil
		}
		return err
	case provider.Private, provider.Offline, provider.Unsupported, provider.Invalid:
		return err
	default:
		return nil // it may pass
	}
	if e.run.nodes != nil {
		return nil // nor are their servers this machine's
	}
	for _, c := range p.Candidates {
		if !c.Keep {
			continue
		}
		why := e.unable(ctx, c.Provider, c.Model)
		if why == nil {
			return nil
		}
		err = cmp.Or(err, why)
	}
	return err
}

// unable is why a provider cannot be asked for a model now; nil: that is not known.
func (e *early) unable(ctx context.Context, name, model string) error {
	key := name + "/" + model
	err, known := e.failing[key]
	if !known {
		err = e.look(ctx, name, model)
		e.failing[key] = err
	}
	return err
}

// look asks a server for its models. It sends no prompt and starts no engine.
func (e *early) look(ctx context.Context, name, model string) error {
	st := e.run.stack
	t, ok := st.Target(name)
	if !ok || t.Engine != nil { // which is started
		return nil
	}
	short, cancel := context.WithTimeout(ctx, modelListTimeout)
	defer cancel()
	models, err := st.Listed(short, name)
	var p *provider.Error
	switch {
	case short.Err() != nil:
		return nil
	case errors.As(err, &p) && p.Kind == provider.Unavailable && p.Status == 0:
		return err // nothing is there
	case err != nil || model == "" || listed(&t, models, model):
		return nil
	case t.Config.Kind != config.KindOllama: // it may take names that it does not list
		if len(models) > 0 && model != t.Config.Model {
			e.unlisted(name, model, models)
		}
		return nil
	}
	return notInstalled(ctx, st, name, model)
}
