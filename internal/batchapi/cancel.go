package batchapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/tandem-llm/tandem/provider"
)

// Cancel has the provider stop what was sent. What it has answered till then is
// collected by [Work]. It returns how many batches were cancelled.
func Cancel(ctx context.Context, c Config) (n int, err error) {
	w := newWorker(c)
	parts, err := w.File.Parts(ctx, true)
	if err != nil {
		return 0, err
	}
	for i := range parts {
		p := &parts[i]
		err := w.insist(ctx, "cancel the batch", func(int) error {
			if p.Job == "" {
				if found, err := w.find(ctx, p); err != nil || !found {
					return err
				}
			}
			calling, cancel := context.WithTimeout(ctx, callTime)
			defer cancel()
			job, err := w.API.Cancel(calling, p.Job)
			var e *provider.Error
			if errors.As(err, &e) && (e.Status == http.StatusConflict || e.Status == http.StatusBadRequest) {
				return nil // it has ended
			}
			if err != nil {
				return ownTimeout(ctx, w.Provider, err)
			}
			n++
			p.Status = job.Status
			return w.File.SetPart(context.WithoutCancel(ctx), p)
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
