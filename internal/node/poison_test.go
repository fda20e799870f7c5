package node_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
)

// asNode has the test's own program be a node of the cluster that it names.
const asNode = "TANDEM_TEST_NODE"

func TestMain(m *testing.M) {
	if url := os.Getenv(asNode); url != "" {
		fmt.Fprintln(os.Stderr, dieOfPoison(url))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const poisonLease = time.Second

// dieOfPoison is a node whose process ends when it runs the row that is poison.
func dieOfPoison(url string) error {
	c, err := natsqueue.Open(context.Background(), natsqueue.Config{URL: url, Lease: poisonLease})
	if err != nil {
		return err
	}
	name := fmt.Sprint("node-", os.Getpid())
	return node.Run(context.Background(), node.Config{
		Cluster: c, ID: name, Name: name, Slots: 4,
		Accept: func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) {
			return &node.Rows{Close: func() {}, Run: func(_ context.Context, item batch.Item) batch.Reply {
				if item.Inputs["what"] == "poison" {
					os.Exit(3)
				}
				time.Sleep(50 * time.Millisecond) // as long as poison may take it with it
				return batch.Reply{Result: runner.Result{OK: true, Answer: fmt.Sprint("re ", item.Inputs["what"])}}
			}}, nil
		},
	})
}

// A row that ends each process that runs it fails after five of them, and says why. The
// others are answered, also those that such a process had beside it.
func TestARowThatEndsItsNodes(t *testing.T) {
	n, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go n.Start()
	if !n.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	defer func() {
		n.Shutdown()
		n.WaitForShutdown()
	}()
	const rows, poison = 40, 5
	dir := t.TempDir()
	f, err := batch.Create(t.Context(), dir, batch.Spec{ID: "b1", Variants: 1, Repeats: 1, Columns: []string{"what"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Add(t.Context(), func(yield func(table.Row, error) bool) {
		for i := range rows {
			what := fmt.Sprint("w", i+1)
			if i+1 == poison {
				what = "poison"
			}
			if !yield(table.Row{Number: i + 1, Inputs: map[string]any{"what": what}}, nil) {
				return
			}
		}
	}, nil)
	if err == nil {
		err = f.Ready(t.Context(), f.Spec())
	}
	if err != nil {
		t.Fatal(err)
	}

	working, over := context.WithCancel(t.Context())
	var nodes sync.WaitGroup
	var mu sync.Mutex
	deaths := 0
	for range 2 {
		nodes.Go(func() {
			for working.Err() == nil { // as whoever looks after the processes starts them again
				cmd := exec.CommandContext(working, os.Args[0])
				cmd.Env = append(os.Environ(), asNode+"="+n.ClientURL())
				if out, err := cmd.CombinedOutput(); cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 3 {
					mu.Lock()
					deaths++
					mu.Unlock()
				} else if working.Err() == nil {
					t.Errorf("a node ended: %v: %s", err, out)
					return
				}
			}
		})
	}
	c, err := natsqueue.Open(t.Context(), natsqueue.Config{URL: n.ClientURL(), Lease: poisonLease})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = natsqueue.Work(t.Context(), natsqueue.WorkConfig{File: f, Cluster: c, Manifest: natsqueue.Manifest{ID: "b1", Chain: "c.yaml"}, Bundle: []byte("none")})
	over()
	nodes.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if deaths != natsqueue.MaxDeliver {
		t.Errorf("%d nodes ended, want %d", deaths, natsqueue.MaxDeliver)
	}
	v, err := batch.Look(dir, "b1")
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	seen := 0
	for r, err := range v.Results(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		switch e := r.Result.Error; {
		case r.Row == poison && (e == nil || !strings.Contains(e.Message, "5 nodes were given the row, and none has said what came of it")):
			t.Errorf("the poison came to %+v", r.Result)
		case r.Row != poison && r.Result.Answer != fmt.Sprint("re w", r.Row):
			t.Errorf("row %d came to %+v, %+v", r.Row, r.Result, e)
		}
	}
	if seen != rows {
		t.Errorf("%d results of %d rows", seen, rows)
	}
}
