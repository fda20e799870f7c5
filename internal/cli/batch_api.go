package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/batchapi"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// chooseBatchAPI opens the Batch API of the provider that is asked first, if the rows
// can be run by one, and returns its name. It looks at the first row.
func (a *app) chooseBatchAPI(ctx context.Context, b *batchRun, rows iter.Seq2[table.Row, error], given map[string]any, dry bool) (string, error) {
	sources, err := a.answers.options()
	switch {
	case err != nil:
		return "", err
	case sources.Record != "" || sources.Replay != "" || sources.Cache != nil && *sources.Cache:
		return "", usageError{errors.New("--batch-api goes with neither --record, --replay nor --cache")}
	case b.chain != nil && len(b.chain.Tools()) > 0:
		return "", usageError{errors.New("--batch-api: the chain uses tools, and a Batch API answers one call a row; leave out --batch-api")}
	}
	for row, err := range rows {
		if err != nil {
			return "", err
		}
		vars := maps.Clone(row.Inputs)
		maps.Copy(vars, given)
		asked, err := b.planned(ctx, vars)
		if err != nil {
			return "", fmt.Errorf("row %d: %w", row.Number, err)
		}
		if err := oneCall(asked); err != nil {
			return "", err
		}
		use := asked[0].Request.Use
		if len(use) == 0 {
			use = b.stack.Config().Use
		}
		err = a.openBatchAPI(ctx, b, use[0])
		if err == nil && !dry {
			err = unsupportedBatchAPI(b, batchapi.Check(ctx, b.batchAPI))
		}
		return use[0], err
	}
	return "", usageError{errors.New("no row is left to run")}
}

// oneCall is the error of a chain that does not ask one model once.
func oneCall(asked []chain.Planned) error {
	n := 0
	for i := range asked {
		if asked[i].Lookup != nil || asked[i].Times != 1 || asked[i].Per != "" {
			n = 2
			break
		}
		n++
	}
	if n == 1 {
		return nil
	}
	return usageError{errors.New("--batch-api: a Batch API answers one call a row, and the chain does not make one call, of one step; leave out --batch-api")}
}

// openBatchAPI opens a provider's Batch API.
func (a *app) openBatchAPI(ctx context.Context, b *batchRun, name string) error {
	api, err := b.stack.BatchAPI(ctx, name)
	if err != nil {
		return unsupportedBatchAPI(b, err)
	}
	b.batchAPI = api
	return nil
}

// unsupportedBatchAPI is an error of a provider's Batch API, with what to do where it
// has none; nil for nil.
func unsupportedBatchAPI(b *batchRun, err error) error {
	switch {
	case err == nil:
		return nil
	case provider.KindOf(err) != provider.Unsupported:
		return fmt.Errorf("--batch-api: %w", err)
	case len(b.stack.Config().Use) > 1:
		return usageError{fmt.Errorf("--batch-api: %w; name a provider that has one with --only", err)}
	}
	return usageError{fmt.Errorf("--batch-api: %w; leave out --batch-api", err)}
}

// resumeBatchAPI opens the Batch API that a batch was started with.
func (a *app) resumeBatchAPI(ctx context.Context, b *batchRun, in *batchInput, spec batch.Spec) error {
	switch {
	case in.batchAPI && spec.BatchAPI == "":
		return usageError{fmt.Errorf("the batch %s was started without --batch-api; leave it out, or start over with another --out", spec.ID)}
	case !in.batchAPI && spec.BatchAPI != "":
		return usageError{fmt.Errorf("the batch %s was started with --batch-api; leave out --batch-api=false, or start over with another --out", spec.ID)}
	case spec.BatchAPI == "":
		return nil
	}
	return a.openBatchAPI(ctx, b, spec.BatchAPI)
}

// batchAPIConfig is what runs the rows of a batch by a Batch API.
func (a *app) batchAPIConfig(b *batchRun) batchapi.Config {
	api, id := b.batchAPI, b.spec.ID
	return batchapi.Config{
		File: b.file, API: api, Provider: b.spec.BatchAPI, Ask: a.rowRunBy(b, api.Ask, api.AskVectors), Answer: a.rowRunBy(b, api.Answer, api.AnswerVectors), Quoted: stack.Quoted,
		Hold:      func(ctx context.Context, key string, usd float64) error { return api.Hold(ctx, id, key, usd) },
		LetGo:     func(ctx context.Context, but ...string) error { return api.LetGo(ctx, id, but...) },
		MaxErrors: b.work.maxErrors, Say: func(text string) { a.dimf("· %s", text) },
	}
}

// workBatchAPI runs the rows of a batch by a Batch API. One that is cancelled is
// cancelled there, too.
func (a *app) workBatchAPI(ctx context.Context, b *batchRun, s *stopper, view *batchView, kept func([]batch.Outcome)) error {
	c := a.batchAPIConfig(b)
	c.Stop, c.Kept = s.done, kept
	c.Progress = func(parts []batch.Part) { view.setParts(b.spec.BatchAPI, parts) }
	if err := batchapi.Work(ctx, c); err != nil {
		return err
	}
	select {
	case <-s.done:
	default:
		return nil
	}
	if !s.cancelled {
		return nil
	}
	c.Stop = nil
	_, err := batchapi.Cancel(ctx, c)
	return err
}

// abandonSent cancels at the provider what a batch has there that is removed, and gives
// back the money that was set aside for it.
func (a *app) abandonSent(ctx context.Context, s *batch.Status, yes bool) error {
	if !yes {
		return usageError{fmt.Errorf("the batch %s has %s at %s: run `tandem batch cancel %[1]s`, collect what was answered with `tandem batch resume %[1]s`, and then remove it; if its answers and what they cost do not matter, add --yes", s.ID, count(s.Sent, "row"), s.BatchAPI)}
	}
	letGo := func(b *batchRun) error { return b.batchAPI.LetGo(context.WithoutCancel(ctx), s.ID) }
	if err := a.cancelSent(ctx, s.ID, letGo); err != nil {
		a.term.Noticef("%s %s may go on with what it has of the batch, and charge it: %s", a.term.Yellow("warning:"), s.BatchAPI, a.explain(err))
	}
	return ctx.Err()
}

// cancelSent takes back what a batch, which nobody runs, has at a provider's Batch API or
// with nodes. then, if not nil, is called after a provider was asked, whether or not that
// was possible.
func (a *app) cancelSent(ctx context.Context, id string, then func(*batchRun) error) (err error) {
	file, err := batch.Open(ctx, a.stateDir(), id)
	if err != nil {
		return batchFileError(id, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	b := &batchRun{file: file, spec: file.Spec()}
	defer b.closeAll()
	if b.spec.Cluster != "" {
		return a.cancelNodes(ctx, file)
	}
	in, err := a.restoreFlags(b.spec.Args, nil)
	if err != nil {
		return err
	}
	if in.only != "" {
		a.flags.use = []string{in.only}
	}
	if b.stack, err = a.open(ctx); err != nil {
		return err
	}
	b.close = append(b.close, b.stack.Close)
	if err := a.openBatchAPI(ctx, b, b.spec.BatchAPI); err != nil {
		return err
	}
	if then != nil {
		defer func() { err = errors.Join(err, then(b)) }()
	}
	n, err := batchapi.Cancel(ctx, a.batchAPIConfig(b))
	if n > 0 {
		a.dimf("· cancelled %s at %s", batchesText(n), b.spec.BatchAPI)
	}
	return err
}

func batchesText(n int) string {
	if n == 1 {
		return "1 batch"
	}
	return fmt.Sprintf("%d batches", n)
}

// partText says how far a part is at its provider.
func partText(p *batch.Part) string {
	if p.Job == "" {
		return fmt.Sprintf("%s, not known there yet", count(p.Rows, "row"))
	}
	text := fmt.Sprintf("%s: %s, %d of %s answered", p.Job, p.Status, p.Answered, count(p.Rows, "row"))
	if p.USD > 0 {
		text += ", at most " + ledger.Dollars(p.USD)
	}
	return text
}
