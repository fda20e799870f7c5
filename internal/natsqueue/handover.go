package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// look looks after the nodes, the batch's own state and, where nothing has come for a
// while, after rows that were lost. What the cluster does not tell now it tells later.
func (w *work) look(ctx context.Context) error {
	err := w.watches(ctx)
	if err == nil {
		err = w.lookOnce(ctx)
	}
	if err == nil && (w.missing || time.Since(w.last) > w.patience) {
		w.missing, w.last, w.patience = false, time.Now(), min(2*w.patience, 40*w.Cluster.lease)
		err = w.reconcile(ctx, true)
	}
	var over *overError
	switch {
	case errors.As(err, &over):
		return errors.Join(over.error(), w.takeBack(ctx, Stop{Why: StopBudget}))
	case err != nil && fatal(ctx, err):
		return err
	}
	w.trouble(err)
	return nil
}

// trouble tells what is wrong, and once that nothing is any more.
func (w *work) trouble(err error) {
	if w.Trouble != nil && (err != nil || w.troubled) {
		w.Trouble(w.Cluster.explained(context.Background(), err))
	}
	w.troubled = err != nil
}

// overError is a batch whose budget has no room.
type overError struct{ Stop }

func (e *overError) Error() string { return "the budget of the batch is used up" }

func (e *overError) error() error {
	return provider.Errorf(provider.OverBudget, "", "", "%w", &ledger.Over{Budget: "the budget of the batch", Limit: e.Limit, Left: e.Left, Need: e.Need})
}

func (w *work) lookOnce(ctx context.Context) error {
	nodes, err := w.Cluster.Nodes(ctx)
	if err != nil {
		return err
	}
	if w.Nodes != nil {
		w.Nodes(nodes)
	}
	_ = w.Cluster.Fit(ctx, w.m.ID, nodes) // nodes do, too
	m, _, err := w.Cluster.manifest(ctx, w.m.ID)
	switch {
	case err != nil:
		return err
	case m == nil: // the cluster has lost it
		if err := w.announce(ctx, 0); err != nil {
			return err
		}
	case m.Stopped != nil && m.Stopped.Why == StopBudget:
		return &overError{*m.Stopped}
	}
	if err := w.lookAtBudget(ctx); err != nil {
		return err
	}
	w.more, err = w.handOver(ctx)
	return err
}

// lookAtBudget makes the account of the budget anew where the cluster has lost it. What
// calls had taken from it when it was seen last counts as spent.
func (w *work) lookAtBudget(ctx context.Context) error {
	if w.m.BudgetUSD == nil {
		return nil
	}
	a, _, err := readAccount(ctx, w.kv)
	if err == nil {
		w.account = a
	}
	if !errors.Is(err, jetstream.ErrKeyNotFound) {
		return err
	}
	status, err := w.File.Status(ctx)
	if err != nil {
		return err
	}
	return setBudget(ctx, w.kv, *w.m.BudgetUSD, max(status.USD, dollars(w.account.Limit-w.account.left())))
}

// mayHand is ready while rows are pending that can be handed over at once.
func (w *work) mayHand() <-chan struct{} {
	if !w.more {
		return nil
	}
	now := make(chan struct{})
	close(now)
	return now
}

// handOver hands over rows that are pending, a page of them, and reports whether there are
// more.
func (w *work) handOver(ctx context.Context) (more bool, err error) {
	var page []batch.Item
	bytes := 0
	for item, err := range w.File.Pending(ctx) {
		if err != nil {
			return false, err
		}
		size := sizeOf(item.Inputs)
		if len(page) == handMost || len(page) > 0 && bytes+size > handBytes {
			more = true
			break
		}
		page, bytes = append(page, item), bytes+size
	}
	if len(page) == 0 {
		return false, nil
	}
	if err := w.File.Hand(ctx, page); err != nil {
		return false, err
	}
	return more, w.publish(ctx, page)
}

// sizeOf is about how many bytes a value has as JSON.
func sizeOf(v any) int {
	n := 8
	switch v := v.(type) {
	case string:
		n += len(v)
	case map[string]any:
		for key, e := range v {
			n += len(key) + sizeOf(e)
		}
	case []any:
		for _, e := range v {
			n += sizeOf(e)
		}
	}
	return n
}

// publish sends rows to the nodes. One that is there already stays as it is: unlike the
// window of message ids, that holds for ever, and lets a row be sent again that was lost.
func (w *work) publish(ctx context.Context, items []batch.Item) error {
	futures := make([]jetstream.PubAckFuture, 0, len(items))
	for i := range items {
		w.unsent[placeOf(&items[i])] = true
	}
	for i := range items {
		j, err := newJob(w.m, w.given, &items[i])
		if err != nil {
			return err
		}
		text, err := json.Marshal(j)
		if err != nil {
			return err
		}
		message, err := w.blobs.pack(ctx, "row."+j.ID, text)
		if err != nil {
			return err
		}
		future, err := w.Cluster.js.PublishMsgAsync(&nats.Msg{Subject: subject(w.m.ID, placeOf(&items[i])), Data: message},
			jetstream.WithExpectLastSequencePerSubject(0))
		if err != nil {
			return err
		}
		futures = append(futures, future)
	}
	for i, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			if !conflict(err) {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		delete(w.unsent, placeOf(&items[i]))
	}
	return nil
}
