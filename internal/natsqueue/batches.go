package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

// Batches tells of the batches of the cluster, those that are there first: of each
// whenever it changes, and nil for one that is no more. It returns when ctx ends, or with
// an error.
func (c *Cluster) Batches(ctx context.Context, told func(id string, m *Manifest)) (err error) {
	defer func() { err = c.explained(ctx, err) }()
	w, err := c.common.Watch(ctx, manifestKey("*"))
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entry, open := <-w.Updates():
			switch {
			case !open:
				return errors.New("the cluster tells no more of its batches")
			case entry == nil: // that was all there is
			case entry.Operation() != jetstream.KeyValuePut:
				told(strings.TrimPrefix(entry.Key(), manifestKey("")), nil)
			default:
				m := &Manifest{}
				if json.Unmarshal(entry.Value(), m) == nil {
					told(m.ID, m)
				}
			}
		}
	}
}

// manifest reads what is said of a batch, and its revision; nil: there is none.
func (c *Cluster) manifest(ctx context.Context, id string) (*Manifest, uint64, error) {
	call, cancel := within(ctx)
	defer cancel()
	entry, err := c.common.Get(call, manifestKey(id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	m := &Manifest{}
	return m, entry.Revision(), json.Unmarshal(entry.Value(), m)
}

// Stop has the nodes start no more rows of a batch. The first reason stays.
func (c *Cluster) Stop(ctx context.Context, id string, why Stop) (err error) {
	defer func() { err = c.explained(ctx, err) }()
	for {
		m, revision, err := c.manifest(ctx, id)
		if err != nil || m == nil || m.Stopped != nil {
			return err
		}
		m.Stopped = &why
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		call, cancel := within(ctx)
		_, err = c.common.Update(call, manifestKey(id), text, revision)
		cancel()
		if !conflict(err) { // somebody else has changed it
			return err
		}
	}
}

// Content is a batch's chain, as a ZIP file, and the inputs that all of its rows have.
func (c *Cluster) Content(ctx context.Context, m *Manifest) (bundle []byte, given map[string]any, err error) {
	defer func() { err = c.explained(ctx, err) }()
	b := &blobs{c, m.ID}
	if bundle, err = b.get(ctx, m.Bundle); err != nil {
		return nil, nil, err
	}
	text, err := b.get(ctx, m.Given)
	if err == nil {
		given, err = batch.DecodeInputs(string(text))
	}
	return bundle, given, err
}

// SameWork reports whether rows run by o as they do by m: all that a node looks at is the
// same but the amount of the budget, which is in the cluster.
func (m *Manifest) SameWork(o *Manifest) bool {
	text := func(m Manifest) string {
		m.Created, m.Tandem, m.Host, m.Stopped, m.Rows = time.Time{}, "", "", nil, 0
		if m.BudgetUSD != nil {
			m.BudgetUSD = new(float64)
		}
		data, err := json.Marshal(m)
		if err != nil {
			return "" // it came as JSON
		}
		return string(data)
	}
	return text(*m) == text(*o)
}

// Remove removes all that the cluster has of a batch.
func (c *Cluster) Remove(ctx context.Context, id string) (err error) {
	defer func(ctx context.Context) { err = c.explained(ctx, err) }(ctx)
	ctx, cancel := context.WithTimeout(ctx, 3*callTime)
	defer cancel()
	errs := []error{c.common.Purge(ctx, manifestKey(id)), c.js.DeleteStream(ctx, jobStream(id)), c.js.DeleteKeyValue(ctx, bucket(id)), c.js.DeleteObjectStore(ctx, bucket(id))}
	for i, err := range errs {
		if gone(err) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// begin makes what a batch has of its own in the cluster, unless it is there, and returns
// its bucket and when that was made.
func (c *Cluster) begin(ctx context.Context, id string) (kv jetstream.KeyValue, made time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*callTime)
	defer cancel()
	kv, err = c.js.KeyValue(ctx, bucket(id))
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = c.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket(id), Description: "what the rows of a batch came to", Replicas: c.Replicas})
	}
	if err != nil {
		return nil, made, err
	}
	s, err := c.js.Stream(ctx, "KV_"+bucket(id))
	if err != nil {
		return nil, made, err
	}
	if _, err := c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: jobStream(id), Description: "rows of a batch", Subjects: []string{"jobs." + id + ".*"}, Retention: jetstream.WorkQueuePolicy, Replicas: c.Replicas, MaxMsgsPerSubject: 1,
	}); err != nil {
		return nil, made, err
	}
	if _, err := c.js.Consumer(ctx, jobStream(id), consumerName); err != nil {
		nodes, _ := c.Nodes(ctx) // without them there is room for one row, until the first node comes
		if _, err := c.js.CreateOrUpdateConsumer(ctx, jobStream(id), c.consumerConfig(share(nodes, HoldOf))); err != nil {
			return nil, made, err
		}
	}
	return kv, s.CachedInfo().Created, nil
}
