package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
)

// house is a cluster with a batch.
type house struct {
	t   *testing.T
	srv *server.Server
	dir string
}

func newHouse(t *testing.T, rows int) *house {
	t.Helper()
	n, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go n.Start()
	if !n.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() {
		n.Shutdown()
		n.WaitForShutdown()
	})
	h := &house{t: t, srv: n, dir: t.TempDir()}
	f, err := batch.Create(t.Context(), h.dir, batch.Spec{ID: "b1", Variants: 1, Repeats: 1, Columns: []string{"what"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := chain.Parse("c.yaml", []byte("prompt: '{what}'\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := "what\n" + strings.Repeat("x\n", rows)
	bound, err := table.New("t.csv", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }).Bind(c, nil)
	if err == nil {
		_, err = f.Add(t.Context(), bound.Rows(), nil)
	}
	if err == nil {
		err = f.Ready(t.Context(), f.Spec())
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) cluster() *natsqueue.Cluster {
	h.t.Helper()
	c, err := natsqueue.Open(h.t.Context(), natsqueue.Config{URL: "nats://in-process", Options: []nats.Option{nats.InProcessServer(h.srv)}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

// work is what the process does that has the batch, until stop is closed.
func (h *house) work(stop <-chan struct{}, saw func([]natsqueue.Node)) (batch.Status, error) {
	h.t.Helper()
	f, err := batch.Open(h.t.Context(), h.dir, "b1")
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	err = natsqueue.Work(h.t.Context(), natsqueue.WorkConfig{File: f, Cluster: h.cluster(), Manifest: natsqueue.Manifest{ID: "b1", Chain: "c.yaml"}, Bundle: []byte("zip"), Stop: stop, Nodes: saw})
	s, serr := f.Status(h.t.Context())
	return s, errors.Join(err, serr)
}

// runs starts a node, which ends with the test.
func (h *house) runs(name string, accept func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error), say func(string)) (end func() error) {
	h.t.Helper()
	stop, done := make(chan struct{}), make(chan error, 1)
	c := h.cluster()
	go func() {
		done <- node.Run(context.WithoutCancel(h.t.Context()), node.Config{Cluster: c, ID: name, Name: name, Slots: 2, Stop: stop, Accept: accept, Say: say})
	}()
	end = sync.OnceValue(func() error {
		close(stop)
		return <-done
	})
	h.t.Cleanup(func() { _ = end() })
	return end
}

func answers(r *node.Rows) func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) {
	return func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) { return r, nil }
}

// Nodes run a batch, one of them declines it and says why, and each is gone from the list
// when it has ended.
func TestNodesRunABatch(t *testing.T) {
	h := newHouse(t, 30)
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
	h := newHouse(t, 2)
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
	h := newHouse(t, 6)
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
