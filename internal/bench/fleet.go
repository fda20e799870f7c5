package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fleet is a cluster of `tandem node` processes, each with a state directory of its own.
type fleet struct {
	program string
	dir     string
	chain   string
	log     io.Writer
	engines *engines
	serve   *exec.Cmd
}

// newFleet starts the server of a cluster, which has so many members besides.
func newFleet(ctx context.Context, p Plan, members int) (f *fleet, err error) {
	f = &fleet{program: p.Tandem[0], log: p.Log}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	if f.dir, err = os.MkdirTemp("", "tandem-bench-"); err != nil {
		return f, err
	}
	if f.engines, err = newEngines(ctx, members); err != nil {
		return f, err
	}
	f.chain = filepath.Join(f.dir, "chain.yaml")
	if err = os.WriteFile(f.chain, []byte("prompt: 'Summarize {item}'\n"), 0o600); err != nil {
		return f, err
	}
	if err = f.member("server", 0); err != nil {
		return f, err
	}
	if f.serve, err = f.start(ctx, "server", "node", "serve", "--listen", "127.0.0.1:0", "--slots", "0"); err != nil {
		return f, err
	}
	var token string
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if token, err = f.tandem(ctx, "server", "", "node", "invite"); err == nil {
			break
		}
		if time.Since(began) > startWithin {
			return f, fmt.Errorf("tandem node serve does not start: %s", token)
		}
	}
	for i := range members {
		if i > 0 {
			if token, err = f.tandem(ctx, "server", "", "node", "invite"); err != nil {
				return f, fmt.Errorf("tandem node invite: %w: %s", err, token)
			}
		}
		if err = f.member(nodeName(i), i); err != nil {
			return f, err
		}
		if said, err := f.tandem(ctx, nodeName(i), token, "node", "join"); err != nil {
			return f, fmt.Errorf("tandem node join: %w: %s", err, said)
		}
	}
	return f, nil
}

// startWithin is how long a process may take until it is there.
const startWithin = time.Minute

func nodeName(i int) string { return "node" + strconv.Itoa(i) }

// member makes the directory of a machine whose provider is an engine.
func (f *fleet) member(name string, engine int) error {
	dir := filepath.Join(f.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf("use: engine\nproviders:\n- {name: engine, kind: openai, base_url: '%s/%d/v1', model: fake, local: true}\n", f.engines.url, engine)
	return os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600)
}

func (f *fleet) command(ctx context.Context, member string, args ...string) *exec.Cmd {
	dir := filepath.Join(f.dir, member)
	cmd := exec.CommandContext(ctx, f.program, append([]string{"--config", filepath.Join(dir, "config.yaml")}, args...)...) //nolint:gosec // the program that is measured
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return cmd
}

// tandem runs a command of a machine to its end, and returns what it printed, or what it
// said of an error.
func (f *fleet) tandem(ctx context.Context, member, in string, args ...string) (string, error) {
	cmd := f.command(ctx, member, args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &said
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(said.String()), err
	}
	return strings.TrimSpace(out.String()), nil
}

// start starts a process that runs until it is ended.
func (f *fleet) start(ctx context.Context, member string, args ...string) (*exec.Cmd, error) {
	cmd := f.command(ctx, member, args...)
	return cmd, cmd.Start()
}

// work starts nodes, and waits until all of them are there.
func (f *fleet) work(ctx context.Context, nodes int) (working []*exec.Cmd, err error) {
	for i := range nodes {
		c, err := f.start(ctx, nodeName(i), "node", "work", "--name", nodeName(i), "--slots", strconv.Itoa(nodeSlots))
		if err != nil {
			return working, err
		}
		working = append(working, c)
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		said, err := f.tandem(ctx, "server", "", "nodes", "--json")
		if err == nil && strings.Count(said, `"slots"`) == nodes && !strings.Contains(said, `"silent"`) {
			return working, nil
		}
		if time.Since(began) > startWithin {
			return working, fmt.Errorf("the nodes do not start: %s", said)
		}
	}
}

// end ends a node as Ctrl-C does.
func end(c *exec.Cmd) {
	if c.Process.Signal(os.Interrupt) != nil {
		_ = c.Process.Kill()
	}
	_ = c.Wait()
}

func (f *fleet) stop() {
	if f.serve != nil && f.serve.Process != nil {
		end(f.serve)
	}
	if f.engines != nil {
		_ = f.engines.server.Close()
	}
	_ = os.RemoveAll(f.dir)
}

// engines are fake servers of a fixed speed, one for each node, below /0, /1, …
type engines struct {
	url    string
	server *http.Server

	mu          sync.Mutex
	calls       int
	first, last time.Time
}

func newEngines(ctx context.Context, n int) (*engines, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &engines{url: "http://" + l.Addr().String()}
	mux, answers := http.NewServeMux(), Upstream()
	for i := range n {
		slots := make(chan struct{}, nodeSlots)
		chat := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/chat/completions") { // it is looked what the server can
				answers.ServeHTTP(w, r)
				return
			}
			slots <- struct{}{}
			e.began()
			time.Sleep(nodeTime)
			<-slots
			answers.ServeHTTP(w, r)
			e.ended()
		})
		mux.Handle("/"+strconv.Itoa(i)+"/", http.StripPrefix("/"+strconv.Itoa(i), chat))
	}
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: startWithin}
	go func() { _ = e.server.Serve(l) }() // until it is closed
	return e, nil
}

func (e *engines) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = 0
}

func (e *engines) began() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.calls++; e.calls == 1 {
		e.first = time.Now()
	}
}

func (e *engines) ended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = time.Now()
}

// came is how many calls came, and the time from the first to the end of the last.
func (e *engines) came() (calls int, took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls, e.last.Sub(e.first)
}
