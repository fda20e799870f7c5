package natsqueue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

// watch stores all that nodes have said until now, and has what they say from now on sent
// to items. It takes the place of an earlier watch.
func (w *work) watch(ctx context.Context) error {
	w.endWatch()
	links := w.Cluster.nc.Stats().Reconnects
	if err := w.rewind(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	updates, err := w.kv.WatchFiltered(ctx, []string{"r.*", "x.*.*"}, jetstream.ResumeFromRevision(w.seen+1))
	if err != nil {
		cancel()
		return err
	}
	if err := w.catchUp(ctx, updates); err != nil {
		cancel()
		_ = updates.Stop() // the cluster ends it
		return err
	}
	w.items, w.unwatch, w.links = make(chan jetstream.KeyValueEntry, 1024), cancel, links
	go relay(ctx, updates, w.items)
	return nil
}

// endWatch ends the watch. What it had and was not stored yet comes again by the next one.
func (w *work) endWatch() {
	if w.unwatch != nil {
		w.unwatch()
	}
	w.items, w.unwatch = nil, nil
}

// watches makes sure that there is a watch, and a new one where the connection was lost
// since: the watch may have been lost with it.
func (w *work) watches(ctx context.Context) error {
	if w.items != nil && w.links == w.Cluster.nc.Stats().Reconnects {
		return nil
	}
	return w.watch(ctx)
}

// rewind takes in that a server has lost its latest records: others get their revisions.
func (w *work) rewind(ctx context.Context) error {
	call, cancel := within(ctx)
	defer cancel()
	s, err := w.Cluster.js.Stream(call, "KV_"+bucket(w.m.ID))
	if err != nil {
		return err
	}
	w.seen = min(w.seen, s.CachedInfo().State.LastSeq)
	return nil
}

// catchUp stores what a watch has when it begins.
func (w *work) catchUp(ctx context.Context, updates jetstream.KeyWatcher) error {
	var entries []jetstream.KeyValueEntry
	for {
		timer := time.NewTimer(callTime)
		select {
		case entry, open := <-updates.Updates():
			timer.Stop()
			switch {
			case !open:
				return errors.New("the cluster tells no more of its results")
			case entry == nil: // that was all there is
				return w.settle(ctx, entries)
			case entry.Operation() == jetstream.KeyValuePut:
				entries = append(entries, entry)
			}
			if len(entries) == groupMost {
				if err := w.settle(ctx, entries); err != nil {
					return err
				}
				entries = nil
			}
		case <-timer.C:
			return context.DeadlineExceeded
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func relay(ctx context.Context, updates jetstream.KeyWatcher, items chan<- jetstream.KeyValueEntry) {
	defer func() { _ = updates.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case entry, open := <-updates.Updates():
			if !open {
				return
			}
			if entry == nil || entry.Operation() != jetstream.KeyValuePut {
				continue
			}
			select {
			case items <- entry:
			case <-ctx.Done():
				return
			}
		}
	}
}

// take stores an entry and those that come soon after it. The error is the file's, or
// ctx's own: what cannot be read now comes again.
func (w *work) take(ctx context.Context, first jetstream.KeyValueEntry) error {
	err := w.settle(ctx, w.group(first))
	if err == nil || fatal(ctx, err) {
		return err
	}
	w.trouble(err)
	w.endWatch() // the next one begins with it
	return nil
}

// group is an entry and those that come soon after it.
func (w *work) group(first jetstream.KeyValueEntry) []jetstream.KeyValueEntry {
	all := []jetstream.KeyValueEntry{first}
	timer := time.NewTimer(groupTime)
	defer timer.Stop()
	for len(all) < groupMost {
		select {
		case entry := <-w.items:
			all = append(all, entry)
		case <-timer.C:
			return all
		}
	}
	return all
}

// settle stores what nodes say, up to the first record that cannot be read now. A result
// that is damaged is removed: its row is found to be missing, and is sent again.
func (w *work) settle(ctx context.Context, entries []jetstream.KeyValueEntry) (err error) {
	var returned []batch.Returned
	seen := w.seen
	for _, entry := range entries {
		if entry.Revision() <= seen {
			continue // it came before, by another watch
		}
		r, rerr := decodeRecord(ctx, &w.blobs, entry.Value())
		var one batch.Returned
		switch {
		case damaged(rerr):
			rerr, w.missing = purge(ctx, w.kv, entry), true
		case rerr == nil:
			if one, rerr = w.returned(ctx, r); rerr == nil {
				returned = append(returned, one)
			}
		}
		if rerr != nil {
			err = rerr
			break
		}
		seen = entry.Revision()
	}
	w.seen = seen
	return errors.Join(w.store(ctx, returned), err)
}

// purge removes a record that is damaged, unless it has been replaced.
func purge(ctx context.Context, kv jetstream.KeyValue, entry jetstream.KeyValueEntry) error {
	call, cancel := within(ctx)
	defer cancel()
	if err := kv.Purge(call, entry.Key(), jetstream.LastRevision(entry.Revision())); err != nil && !conflict(err) {
		return err
	}
	return nil
}

// fatal reports whether an error ends the work: it is the file's, or ctx has ended.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.As(err, new(*batch.FileError))
}
