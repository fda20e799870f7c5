package natsqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// abandoned runs the process that has the batch until the batch is submitted, and kills it.
func (h *house) abandoned() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.work(ctx, nil) }()
	h.manifest(h.cluster())
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		h.t.Fatal(err)
	}
}

// answered has a node answer all rows, and ends it.
func (h *house) answered(name string, run batch.Run) {
	h.t.Helper()
	n := h.node(name, 2, run)
	for n.lease.Counts().Done < h.rows {
		time.Sleep(10 * time.Millisecond)
	}
	n.end()
}

// What nodes have answered is not asked again because the settings of the batch, and so the
// ids of its rows, have changed before it was collected.
func TestRowsAnsweredBeforeAChangeAreNotAskedAgain(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(8)...)
	h.abandoned()
	var calls counter
	run := func(_ context.Context, item batch.Item) batch.Reply {
		calls.add(fmt.Sprint(item.Row))
		return answer(item)
	}
	h.answered("n", run)
	wait := h.started(func(c *WorkConfig) { c.Manifest.Defaults.Model = "another" })
	again := h.node("again", 2, run)
	defer again.end()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if s := h.whole(); calls.all != 8 || s.USD != 2 || s.Repeated != 0 {
		t.Errorf("%d calls, %v US dollars, %d repeated", calls.all, s.USD, s.Repeated)
	}
}

// A row that nodes give back, such as because they are restarted, has not failed, however
// often that happens.
func TestARowThatIsGivenBackDoesNotFail(t *testing.T) {
	h := newHouse(t, true)
	h.lease = 500 * time.Millisecond
	h.batch(words(1)...)
	stopped := make(chan struct{})
	wait := h.started(func(c *WorkConfig) { c.Stop = stopped })
	c := h.cluster()
	m := h.manifest(c)
	l, err := c.Lease(t.Context(), m, map[string]any{"tone": "kind"}, LeaseOptions{Node: "restarted", Hold: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for back := 0; back < 2*MaxDeliver+2; {
		items, _, err := l.Exchange(t.Context(), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range items {
			back++
			if _, _, err := l.Exchange(t.Context(), []batch.Outcome{{Item: items[i], Fate: batch.Unasked}}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stopped) // another process collects the answer
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	wait = h.started(nil)
	n := h.node("n", 1, func(_ context.Context, item batch.Item) batch.Reply { return answer(item) })
	defer n.end()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if s := h.whole(); s.Failed != 0 || s.Repeated != 0 {
		t.Errorf("%+v", s)
	}
}

// What the object store has lost is noticed: a row is asked again whose result was there,
// and nodes get the chain again.
func TestLostObjectsAreReplaced(t *testing.T) {
	big := strings.Repeat("x", 2<<20)
	var calls counter
	run := func(_ context.Context, item batch.Item) batch.Reply {
		r := answer(item)
		calls.add(fmt.Sprint(item.Row))
		if item.Row == 2 {
			r.Tally.Model = big
		}
		return r
	}
	lose := func(t *testing.T, c *Cluster, prefix string) {
		t.Helper()
		s, err := c.js.ObjectStore(t.Context(), bucket("b1"))
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lost := false
		for _, o := range all {
			if strings.HasPrefix(o.Name, prefix) {
				lost = true
				err = errors.Join(err, s.Delete(t.Context(), o.Name))
			}
		}
		if err != nil || !lost {
			t.Fatalf("no object %s, %v", prefix, err)
		}
	}
	t.Run("a result, before it is collected", func(t *testing.T) {
		h := newHouse(t, true)
		h.batch(words(3)...)
		h.abandoned()
		h.answered("n", run)
		lose(t, h.cluster(), "result.")
		wait := h.started(nil)
		n := h.node("again", 1, run)
		defer n.end()
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		h.whole()
	})
	t.Run("a result, and its row is with a node", func(t *testing.T) {
		h := newHouse(t, true)
		h.lease, calls = 500*time.Millisecond, counter{}
		h.batch(words(3)...)
		h.abandoned()
		has, release := make(chan struct{}), make(chan struct{})
		h.frozen = true
		slow := h.node("slow", 1, func(ctx context.Context, item batch.Item) batch.Reply {
			if item.Row == 2 {
				close(has)
				<-release
			}
			return run(ctx, item)
		})
		<-has
		h.frozen = false
		fast := h.node("fast", 1, run)
		for slow.lease.Counts().Done+fast.lease.Counts().Done < 3 {
			time.Sleep(10 * time.Millisecond)
		}
		fast.end()
		lose(t, h.cluster(), "result.")
		close(release)
		if err := h.work(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		h.whole()
		if n := calls.add("2"); n != 3 {
			t.Errorf("the row was asked %d times, want 2: the late result takes the place of the lost one", n-1)
		}
	})
	t.Run("the chain", func(t *testing.T) {
		h := newHouse(t, true)
		h.batch(words(3)...)
		h.abandoned()
		c := h.cluster()
		lose(t, c, "bundle.")
		if _, _, err := c.Content(t.Context(), h.manifest(c)); !damaged(err) {
			t.Fatalf("without its bundle: %v", err)
		}
		stopped := make(chan struct{})
		close(stopped)
		if err := h.work(t.Context(), func(c *WorkConfig) { c.Stop = stopped }); err != nil {
			t.Fatal(err)
		}
		h.answered("n", run)
		if err := h.work(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		bundle, _, err := c.Content(t.Context(), h.manifest(c))
		if err != nil || string(bundle) != "zip" {
			t.Errorf("%q, %v", bundle, err)
		}
		h.whole()
	})
	t.Run("parts of an object", func(t *testing.T) {
		h := newHouse(t, true)
		h.batch(words(1)...)
		h.abandoned()
		c := h.cluster()
		b := &blobs{c, "b1"}
		r, err := b.put(t.Context(), "large", []byte(big))
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.js.Stream(t.Context(), "OBJ_"+bucket("b1"))
		if err != nil {
			t.Fatal(err)
		}
		objects, err := c.js.ObjectStore(t.Context(), bucket("b1"))
		if err != nil {
			t.Fatal(err)
		}
		info, err := objects.GetInfo(t.Context(), "large")
		if err == nil {
			err = s.Purge(t.Context(), jetstream.WithPurgeSubject("$O."+bucket("b1")+".C."+info.NUID))
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.hasGap(t.Context(), objects, "large") != true {
			t.Error("the gap is not seen")
		}
		if _, err := b.put(t.Context(), "large", []byte(big)); err != nil {
			t.Fatal(err)
		}
		if data, err := b.get(t.Context(), r); err != nil || string(data) != big {
			t.Errorf("%d bytes, %v", len(data), err)
		}
	})
}

// What was spent besides is counted once, however often it is told.
func TestWhatWasSpentBesidesIsCountedOnce(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(1)...)
	f, err := batch.Open(t.Context(), h.dir, "b1")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := h.cluster()
	w := &work{WorkConfig: WorkConfig{File: f, Cluster: c, Bundle: []byte("zip")}, m: &Manifest{ID: "b1", Chain: "c.yaml"}, blobs: blobs{c, "b1"}}
	if err := w.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := c.Lease(t.Context(), w.m, w.given, LeaseOptions{Node: "n", Hold: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	items, _, err := l.Exchange(t.Context(), nil, 1)
	if err != nil || len(items) != 1 {
		t.Fatalf("%v, %v", items, err)
	}
	out := batch.Outcome{Item: items[0], Reply: answer(items[0]), Fate: batch.Again}
	held := l.held[placeOf(&items[0])]
	for range 3 { // as where its answer is lost
		if err := l.putExtra(t.Context(), held, recordBack, &out, 1); err != nil {
			t.Fatal(err)
		}
	}
	entries := w.group(<-w.items)
	if err := w.watch(t.Context()); err != nil { // the connection was lost before they were stored
		t.Fatal(err)
	}
	for range 2 {
		if err := w.settle(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
	s, err := f.Status(t.Context())
	if err != nil || s.USD != 0.25 || s.Repeated != 1 {
		t.Errorf("%v US dollars, %d repeated, %v", s.USD, s.Repeated, err)
	}
}

// unanswered is a bucket whose first answer to a change is lost.
type unanswered struct {
	jetstream.KeyValue
	once  sync.Once
	after chan struct{} // closed after the next change
}

func (u *unanswered) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	n, err := u.KeyValue.Update(ctx, key, value, revision)
	first := false
	u.once.Do(func() { first = true })
	if first {
		return 0, errors.Join(err, context.DeadlineExceeded)
	}
	close(u.after)
	return n, err
}

// What a call took from the budget is given back where nobody knows whether it was taken:
// the call is not made.
func TestAReservationWhoseAnswerIsLostIsGivenBack(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(1)...)
	c := h.cluster()
	kv, _, err := c.begin(t.Context(), "b1")
	if err == nil {
		err = setBudget(t.Context(), kv, 1, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	u := &unanswered{KeyValue: kv, after: make(chan struct{})}
	b := &Budget{kv: u, nonce: "n"}
	if _, err := b.Reserve(t.Context(), ledger.Reservation{USD: 0.75}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	<-u.after
	a, _, err := readAccount(t.Context(), kv)
	if err != nil || len(a.Held) != 0 || a.Spent != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// A server that was started anew gets back what is only in its memory, while others ask it.
// One that has another cluster now is not used.
func TestAServerThatBeganAnew(t *testing.T) {
	h := newHouse(t, true)
	c := h.cluster()
	id := c.ID
	if err := c.js.DeleteKeyValue(t.Context(), nodesBucket); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			_, _ = c.Nodes(t.Context()) // there may be none yet
			_ = c.ID
		})
	}
	err := c.Beat(t.Context(), &Node{ID: "n", Name: "n"})
	asking.Wait()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := c.Nodes(t.Context())
	if err != nil || len(nodes) != 1 {
		t.Errorf("%v, %v", nodes, err)
	}
	for _, other := range []string{"another", ""} {
		if err := c.js.DeleteKeyValue(t.Context(), nodesBucket); err != nil && !gone(err) {
			t.Fatal(err)
		}
		if other == "" {
			err = c.js.DeleteKeyValue(t.Context(), commonBucket)
		} else {
			_, err = c.common.Put(t.Context(), "cluster", []byte(other))
		}
		if err != nil {
			t.Fatal(err)
		}
		var e *OtherClusterError
		if err := c.Beat(t.Context(), &Node{ID: "n", Name: "n"}); !errors.As(err, &e) || e.ID != other || e.Want != id || c.ID != id {
			t.Errorf("the cluster %q: %v", other, err)
		}
	}
}

// Nodes start once the first rows are there. The others follow, unless the batch is stopped.
func TestRowsAreHandedOverInPages(t *testing.T) {
	for _, large := range []bool{false, true} {
		h := newHouse(t, true)
		rows := words(2*handMost + 1)
		first := handMost
		if large {
			rows, first = words(3), 1
			for i := range rows {
				rows[i] = strings.Repeat("x", handBytes)
			}
		}
		h.batch(rows...)
		f, err := batch.Open(t.Context(), h.dir, "b1")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c := h.cluster()
		stop := make(chan struct{})
		w := &work{WorkConfig: WorkConfig{File: f, Cluster: c, Bundle: []byte("zip"), Stop: stop}, m: &Manifest{ID: "b1", Chain: "c.yaml"}, blobs: blobs{c, "b1"}}
		if err := w.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := f.Status(t.Context())
		if m, _, merr := c.manifest(t.Context(), "b1"); err != nil || merr != nil || m == nil || s.Sent != first || s.Left != len(rows)-first {
			t.Fatalf("%v, %d sent, %d left, %v, %v", m, s.Sent, s.Left, err, merr)
		}
		if w.more, err = w.handOver(t.Context()); err != nil || !w.more {
			t.Fatalf("%v, %v", w.more, err)
		}
		close(stop)
		if err := w.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := h.node("n", 2, func(_ context.Context, item batch.Item) batch.Reply {
			return failed(provider.Errorf(provider.Invalid, "p", "m", "no"))
		})
		w.Stop = nil
		w.left = len(rows)
		if err := w.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		n.end()
		if s, err := f.Status(t.Context()); err != nil || s.Failed != len(rows) || s.Left+s.Sent != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	}
}
