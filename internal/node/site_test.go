package node_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/table"
)

// site is a cluster of one server, and a batch.
type site struct {
	t    *testing.T
	nats *server.Server
	dir  string
	// lease is [natsqueue.Config]'s.
	lease time.Duration
}

func newSite(t *testing.T, rows int, lease time.Duration) *site {
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
	s := &site{t: t, nats: n, dir: t.TempDir(), lease: lease}
	f, err := batch.Create(t.Context(), s.dir, batch.Spec{ID: "b1", Variants: 1, Repeats: 1, Columns: []string{"what"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := chain.Parse("c.yaml", []byte("prompt: '{what}'\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := "what\n" + strings.Repeat("word\n", rows)
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
	return s
}

func (s *site) cluster() *natsqueue.Cluster {
	s.t.Helper()
	c, err := natsqueue.Open(s.t.Context(), natsqueue.Config{URL: "nats://in-process", Options: []nats.Option{nats.InProcessServer(s.nats)}, Lease: s.lease})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}
