//go:build unix

// Package testnodes runs a cluster of real processes for tests: a server, nodes that reach
// it through links that can be cut, and who submits batches. An engine of its own answers
// rows and keeps a ledger of all calls, so that what came of a batch can be compared with
// what was asked.
package testnodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Config says what a [Fleet] is made of.
type Config struct {
	Program string // the built tandem
	Dir     string // homes are made below it
	Nodes   int
	Slots   int           // of each node
	Delay   time.Duration // of each answer
	// Link makes the way of a node to the server. Nil: [NewProxy].
	Link func(to string) (Link, error)
}

// Fleet is a cluster of processes. All have homes of their own.
type Fleet struct {
	Config
	Engine *Engine
	head   *home  // of the server, and of who submits
	listen string // of the server
	server *process
	disk   disk
	nodes  []*worker
	count  int // of batches so far
}

// worker is a node and its link.
type worker struct {
	*process
	name string
	home *home
	link Link
}

// New starts a cluster.
func New(ctx context.Context, cfg Config) (f *Fleet, err error) {
	if cfg.Link == nil {
		cfg.Link = NewProxy
	}
	f = &Fleet{Config: cfg, Engine: NewEngine(cfg.Delay)}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.head, err = newHome(cfg.Program, filepath.Join(cfg.Dir, "head"), "head", f.Engine); err != nil {
		return nil, err
	}
	store := f.head.state("nodes/cluster")
	if err = os.MkdirAll(store, 0o700); err != nil {
		return nil, err
	}
	f.disk = newDisk(store)
	for range 3 { // somebody else may take the ports meanwhile
		if f.listen, err = freePorts(ctx); err != nil {
			return nil, err
		}
		if err = f.startServer(ctx); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range cfg.Nodes {
		if err = f.join(ctx, fmt.Sprintf("n%d", i)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// join makes a node, and starts it.
func (f *Fleet) join(ctx context.Context, name string) (err error) {
	w := &worker{name: name}
	if w.link, err = f.Link(f.listen); err != nil {
		return err
	}
	f.nodes = append(f.nodes, w)
	if w.home, err = newHome(f.Program, filepath.Join(f.Dir, name), name, f.Engine); err != nil {
		return err
	}
	token, err := f.head.run(ctx, "", "node", "invite")
	if err != nil {
		return err
	}
	if _, err := w.home.run(ctx, token, "node", "join", "--name", name); err != nil {
		return err
	}
	if err := w.through(w.link.Addr()); err != nil {
		return err
	}
	return f.startNode(ctx, w)
}

// through has a node reach the server by another address.
func (w *worker) through(addr string) error {
	path := w.home.state("nodes/member.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	m["url"] = "tls://" + addr
	if data, err = json.Marshal(m); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// freePorts is an address whose port and the next one are free.
func freePorts(ctx context.Context) (string, error) {
	for range 100 {
		a, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		port := a.Addr().(*net.TCPAddr).Port
		b, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		_ = a.Close()
		if err == nil {
			_ = b.Close()
			return fmt.Sprintf("127.0.0.1:%d", port), nil
		}
	}
	return "", errors.New("no two ports in a row are free")
}

func (f *Fleet) startServer(ctx context.Context) (err error) {
	if f.server, err = f.head.start("node", "serve", "--slots", "0", "--listen", f.listen); err != nil {
		return err
	}
	if err := f.server.says(ctx, "serves the cluster"); err != nil {
		return fmt.Errorf("the server: %w", err)
	}
	return nil
}

func (f *Fleet) startNode(ctx context.Context, w *worker) (err error) {
	if w.process, err = w.home.start("node", "work", "--slots", fmt.Sprint(f.Slots), "--name", w.name); err != nil {
		return err
	}
	if err := w.says(ctx, "runs up to"); err != nil {
		return fmt.Errorf("the node %s: %w", w.name, err)
	}
	return nil
}

// Close ends all processes.
func (f *Fleet) Close() {
	for _, w := range f.nodes {
		if w.process != nil {
			w.end(syscall.SIGKILL)
		}
		_ = w.link.Close()
	}
	if f.server != nil {
		f.server.end(syscall.SIGKILL)
	}
	if f.disk != nil {
		f.disk.close()
	}
	f.Engine.Close()
}

// Disk says by what means the server's disk can be full.
func (f *Fleet) Disk() string { return f.disk.String() }
