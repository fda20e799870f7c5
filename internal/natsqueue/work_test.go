package natsqueue

import (
	"context"
	"encoding/json"
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

// started runs the process that has the batch beside the test, which waits for its end.
func (h *house) started(change func(*WorkConfig)) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- h.work(h.t.Context(), change) }()
	return func() error { return <-done }
}

func TestNodesAnswerEachRowOnce(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(60)...)
	var calls counter
	var kept []int
	wait := h.started(func(c *WorkConfig) {
		c.Kept = func(out []batch.Outcome) {
			for i := range out {
				kept = append(kept, out[i].Row)
			}
		}
	})
	run := func(_ context.Context, item batch.Item) batch.Reply {
		calls.add(fmt.Sprint(item.Row))
		return answer(item)
	}
	a, b := h.node("a", 2, run), h.node("b", 3, run)
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	a.end()
	b.end()
	s := h.whole()
	if calls.all != 60 || len(kept) != 60 || s.USD != 15 || s.Repeated != 0 || s.Answered["p"] != 60 {
		t.Errorf("%d calls, %d kept, %+v", calls.all, len(kept), s)
	}
	ca, cb := a.lease.Counts(), b.lease.Counts()
	if ca.Done+cb.Done != 60 || ca.Done == 0 || cb.Done == 0 {
		t.Errorf("a: %+v, b: %+v", ca, cb)
	}
	all, _ := h.results()
	for _, r := range all {
		if r.Result.Node != "a" && r.Result.Node != "b" {
			t.Errorf("row %d was run by %q", r.Row, r.Result.Node)
		}
	}
}

// A node that stands still beyond its lease, and then goes on, has its result dropped and
// its call reported: the fence is the result, not the acknowledgement.
func TestALateResultCountsForNothing(t *testing.T) {
	h := newHouse(t, true)
	h.lease = 500 * time.Millisecond
	h.batch(words(1)...)
	wait := h.started(nil)
	h.frozen = true
	has, release := make(chan struct{}), make(chan struct{})
	// It says no more of its rows, as after SIGSTOP.
	slow := h.node("slow", 1, func(_ context.Context, item batch.Item) batch.Reply {
		close(has)
		<-release
		r := answer(item)
		r.Answer = "late"
		return r
	})
	<-has
	h.frozen = false
	fast := h.node("fast", 1, func(_ context.Context, item batch.Item) batch.Reply { return answer(item) })
	defer fast.end()
	for fast.lease.Counts().Done == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	close(release)
	for slow.lease.Counts().Duplicate == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if err := h.work(t.Context(), nil); err != nil { // what came later, too
		t.Fatal(err)
	}
	if s := h.whole(); s.USD != 0.5 || s.Repeated != 1 {
		t.Errorf("%v US dollars, %d repeated; want both calls", s.USD, s.Repeated)
	}
}

// A node that stood still until its batch had finished, and was removed, drops what it
// still has of it: it would otherwise never end.
func TestALateResultOfARemovedBatchIsDropped(t *testing.T) {
	h := newHouse(t, true)
	h.lease = 500 * time.Millisecond
	h.batch(words(2)...)
	wait := h.started(nil)
	h.frozen = true
	has, release := make(chan struct{}, 2), make(chan struct{})
	slow := h.node("slow", 2, func(_ context.Context, item batch.Item) batch.Reply {
		has <- struct{}{}
		<-release
		r := answer(item)
		if item.Row == 1 { // a result that is kept in the object store
			r.Answer = strings.Repeat("late ", 1<<20)
		}
		return r
	})
	<-has
	<-has
	h.frozen = false
	fast := h.node("fast", 2, func(_ context.Context, item batch.Item) batch.Reply { return answer(item) })
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	fast.end()
	c := h.cluster()
	if err := c.Remove(t.Context(), "b1"); err != nil {
		t.Fatal(err)
	}
	close(release)
	slow.end() // returns
	if n := slow.lease.Counts(); n.Done != 0 || n.Held != 0 {
		t.Errorf("slow: %+v", n)
	}
	h.whole()
}

// A row that no node brings to an end fails after MaxDeliver of them. One that only waited
// beside it, at nodes that ended, is answered.
func TestARowThatNobodyEnds(t *testing.T) {
	h := newHouse(t, true)
	h.lease = 300 * time.Millisecond
	h.batch(words(3)...)
	wait := h.started(nil)
	c := h.cluster()
	m := h.manifest(c)
	consumer, err := c.js.Consumer(t.Context(), jobStream(m.ID), consumerName)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := c.js.KeyValue(t.Context(), bucket(m.ID))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]int{}
	for given["1"] < MaxDeliver || given["2"] < MaxDeliver { // nodes that are killed with the first two rows, of which they have begun one
		b, err := consumer.Fetch(1, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for msg := range b.Messages() {
			text, err := (&blobs{c, m.ID}).unpack(t.Context(), msg.Data())
			var j job
			if err == nil {
				err = json.Unmarshal(text, &j)
			}
			if err == nil && j.Row == 1 && given["1"] > 0 {
				_, err = kv.Put(t.Context(), begunKey(j.ID, randomID()), nil)
			}
			if err == nil && j.Row == 3 {
				err = msg.Nak()
			}
			if err != nil {
				t.Fatal(err)
			}
			given[fmt.Sprint(j.Row)]++
		}
	}
	n := h.node("n", 1, func(_ context.Context, item batch.Item) batch.Reply { return answer(item) })
	defer n.end()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	all, s := h.results()
	if len(all) != 3 || s.Done != 2 || s.Failed != 1 || all[0].Result.Error == nil || s.Repeated < MaxDeliver {
		t.Errorf("%s", mustJSON(t, all))
	}
}

// The batch goes on when the machine is gone that submitted it.
func TestTheBatchOutlivesItsProcess(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(30)...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var calls counter
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		done <- h.work(ctx, func(c *WorkConfig) {
			c.Kept = func([]batch.Outcome) { cancel() }
		})
	}()
	n := h.node("n", 2, func(_ context.Context, item batch.Item) batch.Reply {
		calls.add(fmt.Sprint(item.Row))
		if item.Row > 5 {
			<-ended
		}
		return answer(item)
	})
	defer n.end()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for n.lease.Counts().Done < 30 {
		time.Sleep(10 * time.Millisecond)
	}
	if err := h.work(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if s := h.whole(); calls.all != 30 || s.USD != 7.5 {
		t.Errorf("%d calls, %v", calls.all, s.USD)
	}
}

// Rows and results that are larger than a message, and numbers and texts that JSON could
// change.
func TestLargeRowsAndResults(t *testing.T) {
	h := newHouse(t, true)
	big := strings.Repeat("x", 3<<20)
	h.batch(big, "w2")
	wait := h.started(nil)
	n := h.node("n", 1, func(_ context.Context, item batch.Item) batch.Reply {
		r := answer(item)
		r.Value = map[string]any{"id": 12345678901234567, "text": "<é>"}
		return r
	})
	defer n.end()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	all, _ := h.results()
	if len(all) != 2 || all[0].Result.Answer != "re "+big+" kind" || mustJSON(t, all[1].Result.Value) != `{"id":12345678901234567,"text":"\u003cé\u003e"}` {
		t.Errorf("%d results, %s", len(all), mustJSON(t, all[1].Result))
	}
}

// obeys ends a node when its batch is stopped, as a node does that sees it.
func (n *member) obeys(t *testing.T) {
	go func() {
		for {
			if m, _, err := n.lease.c.manifest(t.Context(), "b1"); err != nil || m.Stopped != nil {
				n.end()
				_ = n.lease.c.Leave(context.WithoutCancel(t.Context()), n.name)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
}

// A batch that is stopped keeps what has ended, and the rest runs when it goes on: one that
// a process collects, and one that nobody does.
func TestABatchIsTakenBack(t *testing.T) {
	for _, collected := range []bool{true, false} {
		t.Run(fmt.Sprintf("collected=%v", collected), func(t *testing.T) {
			h := newHouse(t, true)
			h.batch(words(40)...)
			stop := make(chan struct{})
			var once sync.Once
			wait := h.started(func(c *WorkConfig) {
				c.Stop, c.TakeBack = stop, func() bool { return collected }
				c.Kept = func([]batch.Outcome) { once.Do(func() { close(stop) }) }
			})
			var calls counter
			run := func(_ context.Context, item batch.Item) batch.Reply {
				calls.add(fmt.Sprint(item.Row))
				time.Sleep(20 * time.Millisecond)
				return answer(item)
			}
			n := h.node("n", 1, run)
			n.obeys(t)
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			if !collected {
				for n.lease.Counts().Done < 10 { // which nobody has seen
					time.Sleep(time.Millisecond)
				}
				h.takeBack()
			}
			all, s := h.results()
			if s.Sent != 0 || s.Done != len(all) || s.Done == 0 || s.Left != 40-s.Done || s.Done != calls.all {
				t.Fatalf("%+v, %d calls", s, calls.all)
			}
			wait = h.started(nil)
			n = h.node("n2", 4, run)
			defer n.end()
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			if s := h.whole(); calls.all != 40 || s.Repeated != 0 {
				t.Errorf("%d calls, %d repeated", calls.all, s.Repeated)
			}
		})
	}
}

// takeBack takes the rows back that nobody collects.
func (h *house) takeBack() {
	h.t.Helper()
	f, err := batch.Open(h.t.Context(), h.dir, "b1")
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if err := TakeBack(h.t.Context(), f, h.cluster()); err != nil {
		h.t.Error(err)
	}
}

// What the cluster knows nothing of any more is pending again.
func TestWhatTheClusterDoesNotHaveIsTakenBack(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(3)...)
	stop := make(chan struct{})
	wait := h.started(func(c *WorkConfig) { c.Stop = stop })
	c := h.cluster()
	h.manifest(c)
	close(stop)
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if _, s := h.results(); s.Sent != 3 {
		t.Fatalf("%+v", s)
	}
	if err := c.Remove(t.Context(), "b1"); err != nil {
		t.Fatal(err)
	}
	h.takeBack()
	if _, s := h.results(); s.Sent != 0 || s.Left != 3 {
		t.Errorf("%+v", s)
	}
}

// Rows that a process marked as sent and did not send, and rows or results that a server
// has lost, are sent again.
func TestWhatWasLostIsSentAgain(t *testing.T) {
	for _, lost := range []string{"never sent", "a row", "a result"} {
		t.Run(lost, func(t *testing.T) {
			h := newHouse(t, true)
			h.lease = time.Second
			h.batch(words(5)...)
			ctx, cancel := context.WithCancel(t.Context())
			if lost == "never sent" {
				f, err := batch.Open(t.Context(), h.dir, "b1")
				if err != nil {
					t.Fatal(err)
				}
				for item, err := range f.Pending(t.Context()) {
					if err == nil {
						err = f.Hand(t.Context(), []batch.Item{item})
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				f.Close()
			}
			done := make(chan error, 1)
			go func() { done <- h.work(ctx, nil) }()
			c := h.cluster()
			h.manifest(c)
			if lost == "a row" {
				s, err := c.js.Stream(t.Context(), jobStream("b1"))
				if err == nil {
					err = s.Purge(t.Context(), jetstream.WithPurgeSubject(subject("b1", place{row: 3})))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if lost == "a result" {
				cancel()
				<-done
			}
			n := h.node("n", 1, func(_ context.Context, item batch.Item) batch.Reply { return answer(item) })
			defer n.end()
			if lost == "a result" {
				for n.lease.Counts().Done < 5 {
					time.Sleep(10 * time.Millisecond)
				}
				keys, err := n.lease.kv.Keys(t.Context())
				if err == nil {
					err = n.lease.kv.Purge(t.Context(), keys[0])
				}
				if err != nil {
					t.Fatal(err)
				}
				go func() { done <- h.work(t.Context(), nil) }()
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			cancel()
			h.whole()
		})
	}
}

// However many nodes spend at once, they spend no more than the batch may.
func TestNodesShareABudget(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(40)...)
	limit := 2.0
	wait := h.started(func(c *WorkConfig) { c.Manifest.BudgetUSD = &limit })
	var mu sync.Mutex
	spent := 0.0
	start := func(name string) *member {
		var n *member
		ready := make(chan struct{})
		n = h.node(name, 3, func(ctx context.Context, item batch.Item) batch.Reply {
			<-ready
			b := n.lease.Budget(func(o ledger.Over) {
				_ = n.lease.c.Stop(ctx, "b1", Stop{Why: StopBudget, Limit: o.Limit, Left: o.Left, Need: o.Need})
				select {
				case <-n.stop:
				default:
					close(n.stop)
				}
			})
			mark, err := b.Reserve(ctx, ledger.Reservation{USD: 0.4})
			if err != nil {
				return failed(provider.Errorf(provider.OverBudget, "p", "m", "%w", err))
			}
			mu.Lock()
			spent += 0.25
			mu.Unlock()
			b.Settle(mark, ledger.Entry{Cost: provider.Cost{USD: provider.Ptr(0.25)}})
			return answer(item)
		})
		close(ready)
		return n
	}
	a, b := start("a"), start("b")
	err := wait()
	var over *ledger.Over
	if provider.KindOf(err) != provider.OverBudget || !errors.As(err, &over) || over.Limit != 2 {
		t.Errorf("got %v", err)
	}
	a.end()
	b.end()
	if spent > limit || spent < 1 {
		t.Errorf("%v of %v were spent", spent, limit)
	}
	if _, s := h.results(); s.USD > limit || s.Sent != 0 {
		t.Errorf("%+v", s)
	}
}

func TestClustersThatAreRefused(t *testing.T) {
	h := newHouse(t, false)
	var none *NoJetStreamError
	if _, err := Open(t.Context(), h.config()); !errors.As(err, &none) {
		t.Errorf("without JetStream: %v", err)
	}
	h = newHouse(t, true)
	first := h.cluster()
	cfg := h.config()
	cfg.ID = "another"
	var other *OtherClusterError
	if _, err := Open(t.Context(), cfg); !errors.As(err, &other) || other.ID != first.ID {
		t.Errorf("another cluster: %v", err)
	}
	cfg.ID = first.ID
	c, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// A row whose node says nothing more of it is given to another one when its lease runs
// out, while that of a node that works on stays where it is. A call that is made again is
// reported.
func TestARowOfADeadNodeGoesToAnother(t *testing.T) {
	h := newHouse(t, true)
	h.lease = time.Second
	h.batch(words(2)...)
	wait := h.started(nil)
	h.frozen = true
	has, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	dead := h.node("dead", 1, func(_ context.Context, item batch.Item) batch.Reply {
		if item.Row == 1 {
			close(has)
		}
		<-release
		return answer(item)
	})
	<-has
	h.frozen = false
	slow := make(chan struct{})
	var calls counter
	alive := h.node("alive", 2, func(_ context.Context, item batch.Item) batch.Reply {
		if n := calls.add(fmt.Sprint(item.Row)); n == 1 && item.Row == 2 {
			<-slow // beyond its lease
		}
		if item.Row == 1 {
			time.AfterFunc(3*h.lease, func() { close(slow) })
		}
		return answer(item)
	})
	defer alive.end()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if s := h.whole(); s.Repeated < 1 || calls.all != 2 {
		t.Errorf("%d calls, %d reported as repeated; the dead node has %d", calls.all, s.Repeated, dead.lease.Counts().Held)
	}
}

// What the cluster has lost of a batch, besides rows and results, is made anew: how it is
// announced to nodes, and what its budget has left.
func TestWhatABatchNeedsIsMadeAnew(t *testing.T) {
	h := newHouse(t, true)
	h.batch(words(12)...)
	limit := 4.0
	wait := h.started(func(c *WorkConfig) { c.Manifest.BudgetUSD = &limit })
	c := h.cluster()
	h.manifest(c)
	var n *member
	var once sync.Once
	ready := make(chan struct{})
	n = h.node("n", 2, func(ctx context.Context, item batch.Item) batch.Reply {
		<-ready
		b := n.lease.Budget(nil)
		mark, err := b.Reserve(ctx, ledger.Reservation{USD: 0.3})
		if err != nil {
			return failed(err)
		}
		if item.Row > 4 {
			once.Do(func() {
				if err := errors.Join(n.lease.kv.Purge(ctx, budgetKey), c.common.Purge(ctx, manifestKey("b1"))); err != nil {
					t.Error(err)
				}
			})
		}
		b.Settle(mark, ledger.Entry{Cost: provider.Cost{USD: provider.Ptr(0.25)}})
		return answer(item)
	})
	defer n.end()
	close(ready)
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	h.whole()
	m, _, err := c.manifest(t.Context(), "b1")
	if err != nil || m == nil {
		t.Errorf("the batch is not announced: %v", err)
	}
	if a, _, err := readAccount(t.Context(), n.lease.kv); err != nil || a.Limit != nano(limit) || a.Spent > nano(limit) || a.Spent < nano(2) {
		t.Errorf("%+v, %v", a, err)
	}
}

// A server that was killed may forget that it has given a row to a node, and give it to
// another one under the same number: both calls count.
func TestDeliveriesOfTheSameNumberCount(t *testing.T) {
	w := &work{extras: map[delivery]bool{}}
	sum := 0
	for _, r := range []record{ // beside a result of the second delivery, which counts the first
		{Kind: recordExtra, ID: "a", Deliveries: 1}, {Kind: recordExtra, ID: "a", Deliveries: 1}, {Kind: recordExtra, ID: "b", Deliveries: 1},
	} {
		out, err := w.returned(t.Context(), &r)
		if err != nil {
			t.Fatal(err)
		}
		sum += out.Repeated
	}
	if sum != 1 {
		t.Errorf("%d calls are reported, want 1", sum)
	}
}
