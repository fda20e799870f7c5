package natsqueue

import (
	"context"
	"encoding/json"
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
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
)

// house is a server, and a batch that is handed to its cluster.
type house struct {
	t      *testing.T
	nats   *server.Server
	dir    string // of the batch's file
	lease  time.Duration
	frozen bool // nodes do not say that they work on their rows
	rows   int
}

func newHouse(t *testing.T, jetstream bool) *house {
	t.Helper()
	return newHouseOf(t, func(o *server.Options) { o.JetStream = jetstream })
}

// newHouseOf is a house whose server has other options.
func newHouseOf(t *testing.T, change func(*server.Options)) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), lease: 2 * time.Second}
	options := &server.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true}
	change(options)
	n, err := server.NewServer(options)
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
	h.nats = n
	return h
}

func (h *house) config() Config {
	return Config{URL: "nats://in-process", Options: []nats.Option{nats.InProcessServer(h.nats)}, Lease: h.lease}
}

func (h *house) cluster() *Cluster {
	h.t.Helper()
	c, err := Open(h.t.Context(), h.config())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

// batch makes a batch of rows whose input what is w1, w2, …
func (h *house) batch(rows ...string) {
	h.t.Helper()
	f, err := batch.Create(h.t.Context(), h.dir, batch.Spec{ID: "b1", Variants: 1, Repeats: 1, Columns: []string{"what"}, Given: map[string]any{"tone": "kind"}})
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	c, err := chain.Parse("c.yaml", []byte("prompt: '{what} {tone}'\n"))
	if err != nil {
		h.t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("what\n")
	for _, row := range rows {
		text.WriteString(row + "\n")
	}
	bound, err := table.New("t.csv", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text.String())), nil }).Bind(c, f.Spec().Given)
	if err == nil {
		_, err = f.Add(h.t.Context(), bound.Rows(), nil)
	}
	if err == nil {
		err = f.Ready(h.t.Context(), f.Spec())
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.rows = len(rows)
}

func words(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("w%d", i+1)
	}
	return out
}

// work is what the process does that has the batch.
func (h *house) work(ctx context.Context, change func(*WorkConfig)) error {
	h.t.Helper()
	f, err := batch.Open(h.t.Context(), h.dir, "b1")
	if err != nil {
		h.t.Error(err)
		return err
	}
	defer f.Close()
	cfg := WorkConfig{File: f, Cluster: h.cluster(), Manifest: Manifest{ID: "b1", Chain: "c.yaml"}, Bundle: []byte("zip")}
	if change != nil {
		change(&cfg)
	}
	return Work(ctx, cfg)
}

// results are the answers in their order, and how far the batch is.
func (h *house) results() ([]batch.Result, batch.Status) {
	h.t.Helper()
	v, err := batch.Look(h.dir, "b1")
	if err != nil {
		h.t.Fatal(err)
	}
	defer v.Close()
	var all []batch.Result
	for r, err := range v.Results(h.t.Context()) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, r)
	}
	s, err := v.Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return all, s
}

// whole checks that each row has the one answer that it is to have, in order.
func (h *house) whole() batch.Status {
	h.t.Helper()
	all, s := h.results()
	if len(all) != h.rows || s.Left+s.Sent+s.Active != 0 {
		h.t.Fatalf("%d results of %d rows, %d left, %d sent", len(all), h.rows, s.Left, s.Sent)
	}
	for i, r := range all {
		if want := fmt.Sprintf("re w%d kind", i+1); r.Row != i+1 || r.Result.Answer != want {
			h.t.Errorf("row %d is %d with %q, want %q", i+1, r.Row, r.Result.Answer, want)
		}
	}
	return s
}

// counter counts calls, by what was asked.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
	all   int
}

func (c *counter) add(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[what]++
	c.all++
	return c.calls[what]
}

// answer is a row's answer, which costs a quarter of a dollar.
func answer(item batch.Item) batch.Reply {
	text := fmt.Sprintf("re %v %v", item.Inputs["what"], item.Inputs["tone"])
	return batch.Reply{Result: runner.Result{OK: true, Answer: text}, Tally: batch.Tally{Provider: "p", Model: "m", Input: 3, Output: 2, USD: 0.25}}
}

// failed is a row's failure.
func failed(err error) batch.Reply {
	return batch.Reply{Result: runner.Result{Error: runner.NewError(err)}, Err: err}
}

// member is a node of a house.
type member struct {
	name  string
	lease *Lease
	stop  chan struct{}
	done  chan error
}

// node starts a node on the batch, once that is there.
func (h *house) node(name string, slots int, run batch.Run) *member {
	h.t.Helper()
	c := h.cluster()
	n := &member{name: name, stop: make(chan struct{}), done: make(chan error, 1)}
	m := h.manifest(c)
	if err := c.Beat(h.t.Context(), &Node{ID: name, Name: name, Slots: slots, Batches: map[string]LeaseCounts{"b1": {}}}); err != nil {
		h.t.Fatal(err)
	}
	nodes, err := c.Nodes(h.t.Context())
	if err == nil {
		err = c.Fit(h.t.Context(), "b1", nodes)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if h.frozen {
		c.lease = time.Hour
	}
	_, given, err := c.Content(h.t.Context(), m)
	if err != nil {
		h.t.Fatal(err)
	}
	if n.lease, err = c.Lease(h.t.Context(), m, given, LeaseOptions{Node: name, Hold: HoldOf(slots), Stop: n.stop}); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		n.done <- batch.Work(h.t.Context(), n.lease, run, batch.Options{Concurrency: func() int { return slots }, Stop: n.stop, Resumable: true, Poll: 100 * time.Millisecond})
		n.lease.Close()
	}()
	h.t.Cleanup(n.end)
	return n
}

// end ends a node in order.
func (n *member) end() {
	select {
	case <-n.stop:
	default:
		close(n.stop)
	}
	err := <-n.done
	n.done <- err
}

// manifest waits until the batch is there.
func (h *house) manifest(c *Cluster) *Manifest {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	var found *Manifest
	_ = c.Batches(ctx, func(_ string, m *Manifest) {
		if m != nil && m.Stopped == nil {
			found = m
			cancel()
		}
	})
	if found == nil {
		h.t.Fatal("the batch was not submitted")
	}
	return found
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
