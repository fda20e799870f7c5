package natsqueue

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

// TakeBack takes the rows of a batch back that nobody collects: nodes start no more of
// them, what they have under way is stored when it has ended, and the rows that are left
// are pending. It needs neither the batch's chain nor its settings.
func TakeBack(ctx context.Context, file *batch.File, c *Cluster) error {
	id := file.Spec().ID
	m, _, err := c.manifest(ctx, id)
	if err != nil {
		return err
	}
	kv, made, err := c.results(ctx, id)
	if m == nil || gone(err) { // the cluster has nothing of it
		_, err := file.TakeBack(ctx)
		return err
	}
	if err != nil {
		return err
	}
	w := newWork(WorkConfig{File: file, Cluster: c, Manifest: *m})
	w.kv, w.made = kv, made
	if w.seen, err = w.stored(ctx); err != nil {
		return err
	}
	defer w.endWatch()
	if err := w.watch(ctx); err != nil {
		return err
	}
	return w.endWith(ctx, Stop{Why: StopCancelled})
}

// results is the bucket of a batch, and when it was made.
func (c *Cluster) results(ctx context.Context, id string) (kv jetstream.KeyValue, made time.Time, err error) {
	call, cancel := within(ctx)
	defer cancel()
	if kv, err = c.js.KeyValue(call, bucket(id)); err != nil {
		return nil, made, err
	}
	s, err := c.js.Stream(call, "KV_"+bucket(id))
	if err != nil {
		return nil, made, err
	}
	return kv, s.CachedInfo().Created, nil
}

// takeBack is [work.endWith] for a batch that is running: it is not given up halfway.
func (w *work) takeBack(ctx context.Context, why Stop) error {
	return w.endWith(context.WithoutCancel(ctx), why)
}

// endWith has the nodes start no more rows of the batch, stores what they have under way
// when it has ended, and makes the rows pending that are left.
func (w *work) endWith(ctx context.Context, why Stop) error {
	if err := w.Cluster.Stop(ctx, w.m.ID, why); err != nil {
		return err
	}
	if err := w.drain(ctx, takeBackTime); err != nil {
		return err
	}
	if err := w.watch(ctx); err != nil { // a row is not asked again because the cluster is slow to tell of its result
		return err
	}
	call, cancel := within(ctx)
	defer cancel()
	if err := w.Cluster.js.DeleteStream(call, jobStream(w.m.ID)); err != nil && !gone(err) {
		return err
	}
	_, err := w.File.TakeBack(ctx)
	return err
}

// takeBackTime is how long is waited for rows that are being answered when a batch is
// cancelled. What ends later is stored when the batch continues.
const takeBackTime = 10 * time.Minute
