package batchapi

import (
	"context"
	"fmt"
	"os"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
)

// draft is a part whose file is being written.
type draft struct {
	endpoint, model string
	file            *os.File
	items           []batch.Item // without their inputs
	size            int64
	texts           int
	ends            []int64   // of each line
	usd             []float64 // of the rows up to each
}

// gather writes the requests of the next part, all to one endpoint and model, as a
// provider wants them. Rows that ask nothing have ended.
func (w *worker) gather(ctx context.Context, d *draft) error {
	var ended []batch.Outcome
	flush := func() error {
		if err := w.store(ctx, ended); err != nil {
			return err
		}
		ended = nil
		return w.tooMany()
	}
	for item, err := range w.File.Pending(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		r, reply := w.ask(ctx, item)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if provider.KindOf(reply.Err) == provider.OverBudget {
			return reply.Err // as it is of every row: the price is not known
		}
		if r == nil {
			if ended = append(ended, ofReply(item, reply)); len(ended) == storeRows {
				if err := flush(); err != nil {
					return err
				}
			}
			continue
		}
		if len(d.items) > 0 && (r.endpoint != d.endpoint || r.model != d.model) {
			continue
		}
		if d.texts+r.texts > w.maxRows && len(d.items) > 0 {
			break
		}
		fits, err := d.add(item, r, w.MaxBytes)
		switch {
		case err != nil:
			return err
		case !fits && len(d.items) == 0:
			why := &provider.Error{Kind: provider.Invalid, Provider: w.Provider, Err: fmt.Errorf("the request is larger than the %d MB that a Batch API takes", w.MaxBytes/1_000_000)}
			ended = append(ended, ofReply(item, w.explain(ctx, item, why)))
			continue
		}
		if !fits {
			break
		}
	}
	return flush()
}

// storeRows is how many rows are stored at a time.
const storeRows = 200

// ofReply is the outcome of a row that asked nothing.
func ofReply(item batch.Item, reply batch.Reply) batch.Outcome {
	out := batch.Outcome{Item: item, Reply: reply}
	if reply.Err != nil {
		out.Fate = batch.Failed
	}
	return out
}

// add writes a row's request, unless there is no room for it.
func (d *draft) add(item batch.Item, r *request, most int64) (fits bool, err error) {
	line, err := r.line(item.Row)
	if err != nil || d.size+int64(len(line)) > most {
		return false, err
	}
	if _, err := d.file.Write(line); err != nil {
		return false, err
	}
	usd := r.usd
	if len(d.usd) > 0 {
		usd += d.usd[len(d.usd)-1]
	}
	d.endpoint, d.model = r.endpoint, r.model
	d.size += int64(len(line))
	d.texts += r.texts
	item.Inputs = nil
	d.items, d.ends, d.usd = append(d.items, item), append(d.ends, d.size), append(d.usd, usd)
	return true, nil
}

// shorten leaves the first n rows.
func (d *draft) shorten(n int) error {
	d.items, d.ends, d.usd = d.items[:n], d.ends[:n], d.usd[:n]
	d.size = d.ends[n-1]
	return d.file.Truncate(d.size)
}

func (d *draft) discard() {
	_ = d.file.Close()
	_ = os.Remove(d.file.Name())
}

// draftOf writes a part's file again. Rows that ask nothing any more have ended.
func (w *worker) draftOf(ctx context.Context, p *batch.Part) (*draft, error) {
	file, err := w.File.Spool()
	if err != nil {
		return nil, err
	}
	d := &draft{file: file}
	for item, err := range w.File.Sent(ctx, p.Number) {
		var r *request
		var reply batch.Reply
		if err == nil {
			r, reply = w.ask(ctx, item)
			err = ctx.Err()
		}
		switch {
		case err != nil:
		case provider.KindOf(reply.Err) == provider.OverBudget:
			err = reply.Err // as in gather: the rows stay sent
		case r == nil:
			err = w.store(ctx, []batch.Outcome{ofReply(item, reply)})
		default:
			_, err = d.add(item, r, w.MaxBytes)
		}
		if err != nil {
			d.discard()
			return nil, err
		}
	}
	return d, nil
}
