package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
)

// work is what the process does that has the batch, until stop is closed.
func (s *site) work(stop <-chan struct{}, saw func([]natsqueue.Node)) (batch.Status, error) {
	s.t.Helper()
	f, err := batch.Open(s.t.Context(), s.dir, "b1")
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	err = natsqueue.Work(s.t.Context(), natsqueue.WorkConfig{File: f, Cluster: s.cluster(), Manifest: natsqueue.Manifest{ID: "b1", Chain: "c.yaml"}, Bundle: []byte("zip"), Stop: stop, Nodes: saw})
	status, serr := f.Status(s.t.Context())
	return status, errors.Join(err, serr)
}

// runs starts a node, which ends with the test.
func (s *site) runs(name string, accept func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error), say func(string)) (end func() error) {
	s.t.Helper()
	stop, done := make(chan struct{}), make(chan error, 1)
	c := s.cluster()
	go func() {
		done <- node.Run(context.WithoutCancel(s.t.Context()), node.Config{Cluster: c, ID: name, Name: name, Slots: 2, Stop: stop, Accept: accept, Say: say})
	}()
	end = sync.OnceValue(func() error {
		close(stop)
		return <-done
	})
	s.t.Cleanup(func() { _ = end() })
	return end
}

func answers(r *node.Rows) func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) {
	return func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) { return r, nil }
}

// Nodes run a batch, one of them declines it and says why, and each is gone from the list
// when it has ended.
func TestNodesRunABatch(t *testing.T) {
	h := newSite(t, 30, 0)
	closed := make(chan struct{})
	good := h.runs("good", answers(&node.Rows{
		Run: func(_ context.Context, item batch.Item) batch.Reply {
			return batch.Reply{Result: runner.Result{OK: true, Answer: fmt.Sprint(item.Inputs["what"])}}
		},
		Close: func() { close(closed) },
	}), nil)
	var mu sync.Mutex
	var said []string
	h.runs("picky", func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) {
		return nil, errors.New("it wants a model that is not here")
	}, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text)
	})
	s, err := h.work(nil, nil)
	if err != nil || s.Done != 30 || s.Failed != 0 || s.Repeated != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	c := h.cluster()
	if err := c.Remove(t.Context(), "b1"); err != nil {
		t.Fatal(err)
	}
	<-closed // the node gives up what it had for the batch
	if err := good(); err != nil {
		t.Error(err)
	}
	nodes, err := c.Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].Name != "picky" {
		t.Errorf("%+v, %v", nodes, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(said) == 0 || said[0] != "declined the batch b1: it wants a model that is not here" {
		t.Errorf("it says %q", said)
	}
}

// What a node declines stays with the batch, whose process sees why.
func TestANodeThatDeclines(t *testing.T) {
	h := newSite(t, 2, 0)
	h.runs("picky", func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) {
		return nil, errors.New("no such model")
	}, nil)
	stop := make(chan struct{})
	var once sync.Once
	s, err := h.work(stop, func(nodes []natsqueue.Node) {
		if len(nodes) == 1 && nodes[0].Declined["b1"] == "no such model" {
			once.Do(func() { close(stop) })
		}
	})
	if err != nil || s.Done != 0 || s.Sent != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// A node that is told to end lets what runs end, and stores it; the rest is for others.
func TestANodeEndsInOrder(t *testing.T) {
	h := newSite(t, 6, 0)
	began, release := make(chan struct{}, 9), make(chan struct{})
	first := h.runs("first", answers(&node.Rows{
		Run: func(context.Context, batch.Item) batch.Reply {
			began <- struct{}{}
			<-release
			return batch.Reply{Result: runner.Result{OK: true, Answer: "first"}}
		},
		Close: func() {},
	}), nil)
	done := make(chan batch.Status, 1)
	go func() {
		s, err := h.work(nil, nil)
		if err != nil {
			t.Error(err)
		}
		done <- s
	}()
	<-began
	<-began
	ended := make(chan error, 1)
	go func() { ended <- first() }()
	h.runs("second", answers(&node.Rows{
		Run: func(context.Context, batch.Item) batch.Reply {
			return batch.Reply{Result: runner.Result{OK: true, Answer: "second"}}
		},
		Close: func() {},
	}), nil)
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := <-done; s.Done != 6 || s.Repeated != 0 {
		t.Errorf("%+v", s)
	}
	v, err := batch.Look(h.dir, "b1")
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	by := map[string]int{}
	for r, err := range v.Results(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		by[r.Result.Answer]++
	}
	if by["first"] < 2 || by["first"]+by["second"] != 6 {
		t.Errorf("%v", by)
	}
}
