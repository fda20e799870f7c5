package node_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// submitted is the process that has the batch. stop leaves the batch with the nodes.
func (s *site) submitted(change func(*natsqueue.Manifest)) (stop func(), wait func() error) {
	s.t.Helper()
	c := s.cluster()
	stopped, done := make(chan struct{}), make(chan error, 1)
	m := natsqueue.Manifest{ID: "b1", Chain: "c.yaml"}
	if change != nil {
		change(&m)
	}
	go func() {
		f, err := batch.Open(s.t.Context(), s.dir, "b1")
		if err != nil {
			done <- err
			return
		}
		defer f.Close()
		done <- natsqueue.Work(s.t.Context(), natsqueue.WorkConfig{File: f, Cluster: c, Manifest: m, Bundle: []byte("zip"), Stop: stopped})
	}()
	wait = sync.OnceValue(func() error { return <-done })
	stop = sync.OnceFunc(func() { close(stopped) })
	s.t.Cleanup(func() {
		stop()
		_ = wait() // the test has looked at it, or has failed
	})
	return stop, wait
}

// status is how far the batch is.
func (s *site) status() batch.Status {
	s.t.Helper()
	v, err := batch.Look(s.dir, "b1")
	if err != nil {
		s.t.Fatal(err)
	}
	defer v.Close()
	out, err := v.Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// published waits until nodes are told of a batch that is so.
func (s *site) published(is func(*natsqueue.Manifest) bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	_ = s.cluster().Batches(ctx, func(_ string, m *natsqueue.Manifest) {
		if m != nil && is(m) {
			cancel()
		}
	})
	if s.t.Context().Err() != nil {
		s.t.Fatal("nodes were not told")
	}
}

// beats waits for two heartbeats of a node.
func (s *site) beats(id string) {
	s.t.Helper()
	c := s.cluster()
	var last time.Time
	for changes := 0; changes < 3; time.Sleep(50 * time.Millisecond) {
		nodes, err := c.Nodes(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, n := range nodes {
			if n.ID == id && !n.Seen.Equal(last) {
				last = n.Seen
				changes++
			}
		}
	}
}

// worker is a node.
type worker struct {
	accepted chan *natsqueue.Manifest // by what it works, each time that it begins
	said     chan string
	end      func()
}

// node starts a node, which runs rows by what run says for a manifest.
func (s *site) node(name string, slots int, run func(*natsqueue.Manifest) batch.Run) *worker {
	s.t.Helper()
	w := &worker{accepted: make(chan *natsqueue.Manifest, 100), said: make(chan string, 1000)}
	stop, done := make(chan struct{}), make(chan error, 1)
	c := s.cluster()
	go func() {
		done <- node.Run(context.WithoutCancel(s.t.Context()), node.Config{
			Cluster: c, ID: name, Name: name, Slots: slots, Stop: stop, Say: func(text string) { w.said <- text },
			Accept: func(_ context.Context, m *natsqueue.Manifest, _ []byte, _ func(string)) (*node.Rows, error) {
				w.accepted <- m
				return &node.Rows{Run: run(m), Close: func() {}}, nil
			},
		})
	}()
	w.end = sync.OnceFunc(func() {
		close(stop)
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(w.end)
	return w
}

// says waits until the node says something.
func (w *worker) says(t *testing.T, want string) {
	t.Helper()
	for {
		select {
		case text := <-w.said:
			if strings.Contains(text, want) {
				return
			}
		case <-t.Context().Done():
			t.Fatalf("the node did not say %q", want)
		}
	}
}

func answered(name string) batch.Reply {
	return batch.Reply{Result: runner.Result{OK: true, Answer: name}, Tally: batch.Tally{Provider: name}}
}

func failed(kind provider.Kind) batch.Reply {
	err := provider.Errorf(kind, "p", "m", "no")
	return batch.Reply{Result: runner.Result{Error: runner.NewError(err)}, Err: err}
}

// A node that works on a batch goes by what the batch says now: whoever continues it with a
// budget, or has its rows stay with local providers, means the rows that are left.
func TestANodeTakesInAChangedBatch(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*natsqueue.Manifest)
		is     func(*natsqueue.Manifest) bool
	}{
		{"a budget", func(m *natsqueue.Manifest) { m.BudgetUSD = provider.Ptr(1.0) }, func(m *natsqueue.Manifest) bool { return m.BudgetUSD != nil }},
		{"local providers only", func(m *natsqueue.Manifest) { m.Local = true }, func(m *natsqueue.Manifest) bool { return m.Local }},
		{"another chain", func(m *natsqueue.Manifest) { m.Chain = "d.yaml" }, func(m *natsqueue.Manifest) bool { return m.Chain == "d.yaml" }},
		{"other settings", func(m *natsqueue.Manifest) { m.Defaults.Model = "x" }, func(m *natsqueue.Manifest) bool { return m.Defaults.Model == "x" }},
		{"other providers", func(m *natsqueue.Manifest) {
			m.Providers = []natsqueue.Provider{{Name: "p", Kind: "ollama"}}
		}, func(m *natsqueue.Manifest) bool { return len(m.Providers) == 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 6, 2*time.Second)
			stop, wait := s.submitted(nil)
			began, release := make(chan struct{}, 10), make(chan struct{})
			var mu sync.Mutex
			old := 0 // rows that were run by what was said before, after it had changed
			w := s.node("n", 1, func(m *natsqueue.Manifest) batch.Run {
				return func(context.Context, batch.Item) batch.Reply {
					if !tt.is(m) {
						began <- struct{}{}
						<-release
						mu.Lock()
						old++
						mu.Unlock()
					}
					return answered("n")
				}
			})
			<-w.accepted
			<-began // its first row
			stop()
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			_, wait = s.submitted(tt.change)
			s.published(tt.is)
			s.beats("n") // it has seen it, too
			close(release)
			if m := <-w.accepted; !tt.is(m) {
				t.Errorf("it began with %+v", m)
			}
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			if got := s.status(); got.Done != 6 || old != 1 {
				t.Errorf("%d rows answered, %d by what was said before", got.Done, old)
			}
		})
	}
}

// Rows that a node cannot answer for a reason of its own, such as a key that is refused, go
// to others, and the node leaves the batch to them. None of them fails, not even where no
// other node is there yet.
func TestANodeThatCannotAnswerFailsNoRow(t *testing.T) {
	for _, kind := range []provider.Kind{provider.Denied, provider.ModelNotFound, provider.Timeout} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 30, 2*time.Second)
			_, wait := s.submitted(nil)
			bad := s.node("bad", 2, func(*natsqueue.Manifest) batch.Run {
				return func(context.Context, batch.Item) batch.Reply { return failed(kind) }
			})
			bad.says(t, "ended its work")
			s.node("good", 2, func(*natsqueue.Manifest) batch.Run {
				return func(context.Context, batch.Item) batch.Reply { return answered("good") }
			})
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			if got := s.status(); got.Done != 30 || got.Failed != 0 || got.Answered["good"] != 30 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A row that fails so on each node, while others are answered there, has failed: it is the
// row.
func TestARowThatNoNodeCanAnswerFails(t *testing.T) {
	s := newSite(t, 12, 2*time.Second)
	_, wait := s.submitted(nil)
	var mu sync.Mutex
	calls := 0
	for i := range 2 {
		s.node(fmt.Sprintf("n%d", i), 1, func(*natsqueue.Manifest) batch.Run {
			return func(_ context.Context, item batch.Item) batch.Reply {
				if item.Row != 5 {
					return answered("p")
				}
				mu.Lock()
				defer mu.Unlock()
				calls++
				return failed(provider.ModelNotFound)
			}
		})
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if got := s.status(); got.Done != 11 || got.Failed != 1 || calls < 3 {
		t.Errorf("%d calls, %+v", calls, got)
	}
}
