package batchapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// send sends the next part; nil: no row is left to send.
func (w *worker) send(ctx context.Context) (*batch.Part, error) {
	d := &draft{}
	var err error
	if d.file, err = w.File.Spool(); err != nil {
		return nil, err
	}
	defer d.discard()
	if err := w.gather(ctx, d); err != nil || len(d.items) == 0 {
		return nil, err
	}
	p := &batch.Part{Key: w.File.Spec().ID + "-" + randomKey(), Endpoint: d.endpoint, Created: time.Now()}
	if err := w.hold(ctx, p, d); err != nil {
		return nil, err
	}
	if err := w.File.Send(ctx, p, d.items); err != nil {
		return nil, errors.Join(err, w.letGo(ctx))
	}
	w.open = append(w.open, p)
	w.seen[p.Number] = &watched{}
	return p, w.submit(ctx, p, d, false)
}

// hold sets aside what a part can cost. Where the budget has no room for all of its
// rows, those come later that it has none for.
func (w *worker) hold(ctx context.Context, p *batch.Part, d *draft) error {
	for {
		p.USD = d.usd[len(d.usd)-1]
		err := w.Hold(ctx, p.Key, p.USD)
		var over *ledger.Over
		if !errors.As(err, &over) {
			return err
		}
		n := 0
		for n < len(d.usd) && d.usd[n] <= over.Left {
			n++
		}
		if n == 0 || n == len(d.usd) {
			return err
		}
		if err := d.shorten(n); err != nil {
			return err
		}
	}
}

// submit uploads a part and has a batch made of it. Where either may have happened
// already, it is looked for first.
func (w *worker) submit(ctx context.Context, p *batch.Part, d *draft, look bool) error {
	err := w.insist(ctx, "upload the requests", func(try int) error {
		if p.File != "" {
			return nil
		}
		return w.upload(ctx, p, d, look || try > 0)
	})
	if err == nil && p.File == "" {
		return w.close(ctx, p) // no row of it asks anything any more
	}
	if err == nil {
		err = w.insist(ctx, "start the batch", func(try int) error { return w.create(ctx, p, look || try > 0) })
	}
	if isRefused(err) {
		return w.failAll(ctx, p, err)
	}
	return err
}

// isRefused reports whether the provider will never take the part as it is.
func isRefused(err error) bool {
	switch provider.KindOf(err) {
	case provider.Invalid, provider.ContextOverflow, provider.ModelNotFound, provider.Filtered:
		return true
	}
	return false
}

// upload uploads a part's requests.
func (w *worker) upload(ctx context.Context, p *batch.Part, d *draft, look bool) error {
	if look {
		ids, err := w.uploads(ctx)
		if err != nil {
			return err
		}
		if p.File = ids[fileName(p)]; p.File != "" {
			return w.File.SetPart(context.WithoutCancel(ctx), p)
		}
	}
	if d == nil {
		var err error
		if d, err = w.draftOf(ctx, p); err != nil {
			return err
		}
		defer d.discard()
	}
	if len(d.items) == 0 {
		return nil
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	uploading, cancel := context.WithTimeout(ctx, uploadTime)
	defer cancel()
	id, err := w.API.Upload(uploading, fileName(p), d.size, io.NewSectionReader(d.file, 0, d.size))
	if err != nil {
		return ownTimeout(ctx, w.Provider, err)
	}
	p.File = id
	return w.File.SetPart(context.WithoutCancel(ctx), p)
}

// uploads are the files at the provider.
func (w *worker) uploads(ctx context.Context) (map[string]string, error) {
	calling, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	ids, err := w.API.Uploads(calling)
	return ids, ownTimeout(ctx, w.Provider, err)
}

const (
	uploadTime = time.Hour
	callTime   = 2 * time.Minute
	listTime   = 5 * callTime // of all of a list, which comes in pages
)

// ownTimeout is the error of a call that took too long, as the provider's.
func ownTimeout(ctx context.Context, name string, err error) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return provider.Errorf(provider.Timeout, name, "", "it did not answer in time")
	}
	return err
}

// create has a batch made of a part.
func (w *worker) create(ctx context.Context, p *batch.Part, look bool) error {
	if p.Job != "" {
		return nil
	}
	if look {
		if found, err := w.find(ctx, p); err != nil || found {
			return err
		}
	}
	// Stop does not end this call: it would not be known what became of it.
	calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	job, err := w.API.Create(calling, p.File, p.Endpoint, map[string]string{keyOfPart: p.Key})
	if err != nil {
		return ownTimeout(ctx, w.Provider, err)
	}
	p.Job, p.Status = job.ID, job.Status
	if err := w.File.SetPart(context.WithoutCancel(ctx), p); err != nil {
		return err
	}
	w.say("sent %s to %s as %s, to be answered within 24 hours", rowsText(p.Rows), w.Provider, p.Job)
	return nil
}

func rowsText(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// keyOfPart is the name of a part's key in the metadata of its batch.
const keyOfPart = "tandem_part"

// find looks for the batch that was made of a part.
func (w *worker) find(ctx context.Context, p *batch.Part) (bool, error) {
	calling, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	for job, err := range w.API.Jobs(calling) {
		if err != nil {
			return false, ownTimeout(ctx, w.Provider, err)
		}
		if job.Metadata[keyOfPart] != p.Key && (p.File == "" || job.Input != p.File) {
			continue
		}
		p.Job, p.File, p.Status = job.ID, job.Input, job.Status
		w.say("found %s at %s, sent by an earlier process", p.Job, w.Provider)
		return true, w.File.SetPart(context.WithoutCancel(ctx), p)
	}
	return false, nil
}

// takeUp goes on with a part of a process that ended before it knew the batch.
func (w *worker) takeUp(ctx context.Context, p *batch.Part) error {
	var found bool
	if err := w.insist(ctx, "list the batches", func(int) (err error) { found, err = w.find(ctx, p); return err }); err != nil || found {
		return err
	}
	if err := w.Hold(ctx, p.Key, p.USD); err != nil {
		return err
	}
	return w.submit(ctx, p, nil, true)
}

// fileName is a part's at the provider.
func fileName(p *batch.Part) string { return "tandem-" + p.Key + ".jsonl" }

func randomKey() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}
