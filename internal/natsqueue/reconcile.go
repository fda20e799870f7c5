package natsqueue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/runner"
)

// reconcile compares what the file says is with nodes to what the cluster has. A row that
// is in neither its stream nor its bucket is sent again: a process ended before it was
// sent, or a server lost it. A row that was delivered too often has failed. While the work
// runs, all rows have been sent that publish has not said it could not send.
func (w *work) reconcile(ctx context.Context, runs bool) error {
	if runs {
		if err := w.failExhausted(ctx); err != nil {
			return err
		}
		given, err := batch.EncodeInputs(w.given)
		if err == nil {
			err = w.upload(ctx, given)
		}
		if err != nil {
			return err
		}
	}
	call, cancel := context.WithTimeout(ctx, 3*callTime)
	defer cancel()
	s, err := w.Cluster.js.Stream(call, jobStream(w.m.ID))
	if err != nil {
		return err
	}
	// First those that wait: a row leaves its stream after its result is stored.
	info, err := s.Info(call, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return err
	}
	// Then all results, by whatever id their rows were sent: it is not that of now if what
	// decides the answers has changed since.
	if err := w.watch(ctx); err != nil {
		return err
	}
	there := info.State.Subjects
	var lost []batch.Item
	var found []batch.Returned
	sent := 0 // of those that are lost: rows are sent in order
	var unread error
	for item, err := range w.File.Handed(ctx) {
		if err != nil {
			return err
		}
		if _, waits := there[subject(w.m.ID, placeOf(&item))]; waits {
			sent = len(lost)
			continue
		}
		j, err := newJob(w.m, w.given, &item)
		if err != nil {
			return err
		}
		// A server that has lost records gives their revisions to others: those of which the
		// watch takes it that they were stored.
		r, err := w.resultOf(ctx, j.ID)
		if err == nil && r == nil {
			lost = append(lost, item)
			continue
		}
		var one batch.Returned
		if err == nil {
			one, err = w.returned(ctx, r)
		}
		if err != nil {
			unread = err
			continue
		}
		sent, found = len(lost), append(found, one)
	}
	if runs {
		sent = len(lost)
	}
	for i := range lost[:sent] {
		if !w.unsent[placeOf(&lost[i])] { // a node may have had it
			found = append(found, batch.Returned{Outcome: batch.Outcome{Item: lost[i]}, Extra: true, Repeated: 1})
		}
	}
	if err := w.store(ctx, found); err != nil {
		return err
	}
	for len(lost) > 0 {
		n := min(len(lost), handMost)
		if err := w.publish(ctx, lost[:n]); err != nil {
			return err
		}
		lost = lost[n:]
	}
	return unread
}

// resultOf is the result of a row; nil: it has none, or one that was damaged, and is
// removed.
func (w *work) resultOf(ctx context.Context, id string) (*record, error) {
	r, entry, err := readRecord(ctx, w.kv, &w.blobs, resultKey(id))
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, nil
	case damaged(err):
		return nil, purge(ctx, w.kv, entry)
	}
	return r, err
}

// failExhausted ends the rows that were delivered as often as may be. The cluster gives a
// notice of each, which is kept; where a notice was lost, the rows are those that nobody
// has and nobody is to get.
func (w *work) failExhausted(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, 3*callTime)
	defer cancel()
	s, err := w.Cluster.js.Stream(call, jobStream(w.m.ID))
	if err != nil {
		return err
	}
	notices, err := w.Cluster.notices(call, w.m.ID, s.CachedInfo().Created)
	if err != nil {
		return err
	}
	for seq := range notices {
		if err := w.failMessage(call, s, seq); err != nil {
			return err
		}
	}
	consumer, err := s.Consumer(call, consumerName)
	if err != nil {
		return err
	}
	info, err := consumer.Info(call)
	if err != nil {
		return err
	}
	state, err := s.Info(call)
	if err != nil || info.NumPending > 0 || info.NumAckPending > 0 || state.State.Msgs == 0 || state.State.Msgs > 10_000 {
		return err
	}
	// A message may have come between the two answers: what the consumer has reached counts.
	for seq := state.State.FirstSeq; seq <= info.Delivered.Stream && seq <= state.State.LastSeq; seq++ {
		if err := w.failMessage(call, s, seq); err != nil {
			return err
		}
	}
	return nil
}

// failMessage has a row fail whose message was delivered too often and each time to a node
// that began it and said no more of it. Times that the row was given back, or only waited at
// a node that ended, do not count: it is sent again.
func (w *work) failMessage(ctx context.Context, s jetstream.Stream, seq uint64) error {
	msg, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	j := &job{}
	text, err := w.blobs.unpack(ctx, msg.Data)
	if err == nil && decodeJSON(text, j) != nil {
		err = &DamagedError{"a row"}
	}
	if damaged(err) { // it is sent anew
		return s.DeleteMsg(ctx, seq)
	}
	if err != nil {
		return err
	}
	back, err := w.timesBack(ctx, j.ID, msg.Time)
	if err != nil {
		return err
	}
	begun, err := begun(ctx, w.kv, j.ID, msg.Time)
	if err != nil {
		return err
	}
	if j.Silent += max(0, min(MaxDeliver-back, begun)); j.Silent < MaxDeliver {
		return w.sendAgain(ctx, s, msg, j)
	}
	r := &record{
		Kind: recordResult, ID: j.ID, Row: j.Row, Number: j.Number, Variant: j.Variant, Repeat: j.Repeat, Nonce: randomID(), Failed: true, Deliveries: MaxDeliver, Repeated: MaxDeliver,
		Result: runner.Result{Error: &runner.Error{Kind: "error", Message: fmt.Sprintf("%d nodes were given the row, and none has said what came of it", MaxDeliver), ExitCode: 1}},
	}
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if value, err = w.blobs.pack(ctx, "result."+j.ID, value); err != nil {
		return err
	}
	if _, err := w.kv.Create(ctx, resultKey(j.ID), value); err != nil && !conflict(err) {
		return err
	}
	return deleteMessage(ctx, s, seq)
}

// sendAgain takes the place of a row's message, so that the row is delivered from the first
// time on.
func (w *work) sendAgain(ctx context.Context, s jetstream.Stream, msg *jetstream.RawStreamMsg, j *job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	message, err := w.blobs.pack(ctx, "row."+j.ID, text)
	if err == nil {
		err = deleteMessage(ctx, s, msg.Sequence)
	}
	if err != nil {
		return err
	}
	w.blobs.drop(ctx, msg.Data)
	_, err = w.Cluster.js.Publish(ctx, msg.Subject, message, jetstream.WithExpectLastSequencePerSubject(0))
	if conflict(err) {
		return nil
	}
	return err // else the row is found to be missing
}

func deleteMessage(ctx context.Context, s jetstream.Stream, seq uint64) error {
	if err := s.DeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	return nil
}

// timesBack is how often a row was given back since.
func (w *work) timesBack(ctx context.Context, id string, since time.Time) (n int, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	updates, err := w.kv.Watch(ctx, extraKey(id, "*"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = updates.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case entry, open := <-updates.Updates():
			switch {
			case !open:
				return 0, errors.New("the cluster tells no more of its results")
			case entry == nil: // that was all there is
				return n, nil
			case entry.Operation() != jetstream.KeyValuePut, entry.Created().Before(since):
				continue
			}
			r, err := decodeRecord(ctx, &w.blobs, entry.Value())
			if err != nil && !damaged(err) {
				return 0, err
			}
			if err == nil && r.Kind == recordBack {
				n++
			}
		}
	}
}

// notices are the messages of a batch's stream that the cluster says were delivered too
// often. Those before its stream was made are of another one.
func (c *Cluster) notices(ctx context.Context, batch string, made time.Time) (map[uint64]bool, error) {
	found := map[uint64]bool{}
	s, err := c.js.Stream(ctx, deadStream)
	if gone(err) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{deadSubjects + jobStream(batch) + "." + consumerName}})
	if err != nil {
		return nil, err
	}
	for {
		b, err := consumer.FetchNoWait(1000)
		if err != nil {
			return nil, err
		}
		n := 0
		for msg := range b.Messages() {
			n++
			var notice struct {
				Seq uint64 `json:"stream_seq"`
			}
			meta, err := msg.Metadata()
			if err == nil && meta.Timestamp.After(made) && json.Unmarshal(msg.Data(), &notice) == nil && notice.Seq > 0 {
				found[notice.Seq] = true
			}
		}
		if n == 0 || b.Error() != nil {
			return found, nil //nolint:nilerr // what is not read yet is, at the next look
		}
	}
}

// finish collects what is said of calls that were made twice, which may come after all
// rows have ended.
func (w *work) finish(ctx context.Context) error {
	call, cancel := within(ctx)
	defer cancel()
	consumer, err := w.Cluster.js.Consumer(call, jobStream(w.m.ID), consumerName)
	if err != nil {
		return nil //nolint:nilerr // all rows have ended: there is only less to tell
	}
	info := consumer.CachedInfo()
	s, err := w.Cluster.js.Stream(call, jobStream(w.m.ID))
	if err != nil || w.links == 0 && info.Delivered.Consumer == info.Delivered.Stream && s.CachedInfo().State.LastSeq == info.Delivered.Stream {
		return nil //nolint:nilerr // as above; each row was given to one node
	}
	if err := w.Cluster.Stop(ctx, w.m.ID, Stop{Why: StopDone}); err != nil {
		return nil //nolint:nilerr // as above
	}
	return w.drain(ctx, finishTime)
}

// finishTime is how long is waited for calls whose rows others have answered.
const finishTime = 15 * time.Second

// drain stores what nodes say until none of those that are there has rows of the batch,
// for a while at most, and then what was said till then.
func (w *work) drain(ctx context.Context, most time.Duration) error {
	for began := time.Now(); time.Since(began) < most; {
		select {
		case entry := <-w.items:
			if err := w.take(ctx, entry); err != nil {
				return err
			}
			continue
		case <-time.After(BeatEvery / 4):
		case <-ctx.Done():
			return ctx.Err()
		}
		busy, err := true, w.watches(ctx)
		if err == nil {
			busy, err = w.busy(ctx, began)
		} else if fatal(ctx, err) {
			return err
		}
		if err != nil {
			w.trouble(err)
		} else if !busy {
			break
		}
	}
	for { // what was said last is on its way
		select {
		case entry := <-w.items:
			if err := w.take(ctx, entry); err != nil {
				return err
			}
		case <-time.After(time.Second / 2):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// busy reports whether a node that is there has rows of the batch, or has not said since
// the batch was stopped.
func (w *work) busy(ctx context.Context, since time.Time) (bool, error) {
	nodes, err := w.Cluster.Nodes(ctx)
	if err != nil {
		return true, err
	}
	for i := range nodes {
		n := &nodes[i]
		counts, works := n.Batches[w.m.ID]
		if !n.Silent && works && (counts.Held > 0 || time.Since(since) < 2*BeatEvery) {
			return true, nil
		}
	}
	return false, nil
}

// decodeJSON reads JSON whose numbers stay as they are written.
func decodeJSON(text []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(to)
}
