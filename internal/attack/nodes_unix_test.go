//go:build unix

package attack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// fleet is a cluster of real processes: a server, nodes that reach it through proxies, and
// who submits batches. All have homes of their own, and ask the same server of models.
type fleet struct {
	t      *testing.T
	models *rowServer
	listen string
	head   *home // of the server, and of who submits
	server *process
	nodes  []*worker
}

// worker is a node and its link.
type worker struct {
	*process
	home  *home
	proxy *proxy
}

// process is a tandem that goes on until it is ended.
type process struct {
	cmd   *exec.Cmd
	errs  *syncBuffer
	ended chan struct{}
}

// syncBuffer is a buffer that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// spawn starts tandem, which goes on.
func spawn(t *testing.T, h *home, args ...string) *process {
	t.Helper()
	p := &process{errs: &syncBuffer{}, ended: make(chan struct{})}
	p.cmd, _, _ = h.command(t.Context(), append([]string{program}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.errs, p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// end ends it with a signal, and waits for that.
func (p *process) end(s syscall.Signal) {
	p.signal(syscall.SIGCONT)
	p.signal(s)
	<-p.ended
}

// says waits until it has said something.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !strings.Contains(p.errs.String(), text); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("it ended before it said %q: exit code %d, %s", text, p.cmd.ProcessState.ExitCode(), p.errs)
		default:
		}
		if time.Now().After(until) {
			t.Fatalf("it does not say %q, but %s", text, p.errs)
		}
	}
}

// newFleet starts a cluster of n nodes.
func newFleet(t *testing.T, models *rowServer, n int) *fleet {
	t.Helper()
	f := &fleet{t: t, models: models, head: newHome(t, models.config()), listen: freePorts(t)}
	f.serve()
	for i := range n {
		w := &worker{home: newHome(t, models.config()), proxy: newProxy(t, f.listen)}
		token := f.head.run(t, "node", "invite")
		if token.code != 0 {
			t.Fatal(token.stderr)
		}
		join, out, errs := w.home.command(t.Context(), program, "node", "join", "--name", fmt.Sprintf("n%d", i))
		join.Stdin = strings.NewReader(token.stdout)
		if err := join.Run(); err != nil {
			t.Fatalf("%v, %s%s", err, out, errs)
		}
		w.through(t)
		f.nodes = append(f.nodes, w)
		f.work(i)
	}
	return f
}

// freePorts is an address whose port and the next one are free.
func freePorts(t *testing.T) string {
	t.Helper()
	for range 100 {
		a, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.Addr().(*net.TCPAddr).Port
		b, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		a.Close()
		if err == nil {
			b.Close()
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatal("no two ports are free")
	return ""
}

// serve starts the server.
func (f *fleet) serve() {
	f.t.Helper()
	f.server = spawn(f.t, f.head, "node", "serve", "--slots", "0", "--listen", f.listen)
	f.server.says(f.t, "serves the cluster")
}

// work starts a node.
func (f *fleet) work(i int) {
	f.t.Helper()
	f.nodes[i].process = spawn(f.t, f.nodes[i].home, "node", "work", "--slots", "2", "--name", fmt.Sprintf("n%d", i))
	f.nodes[i].says(f.t, "runs up to")
}

// through has a node reach the server by its proxy.
func (w *worker) through(t *testing.T) {
	t.Helper()
	path := filepath.Join(w.home.dir, ".local/state/tandem/nodes/member.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	m["url"] = "tls://" + w.proxy.Addr().String()
	if data, err = json.Marshal(m); err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// proxy passes on what comes, unless it is cut.
type proxy struct {
	net.Listener
	to  string
	cut atomic.Bool // nothing passes, and nobody is told
	mu  sync.Mutex
	all []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: to}
	t.Cleanup(func() {
		p.Close()
		p.reset()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) serve(c net.Conn) {
	s, err := net.Dial("tcp", p.to)
	if err != nil {
		c.Close()
		return
	}
	p.mu.Lock()
	p.all = append(p.all, c, s)
	p.mu.Unlock()
	go p.pass(c, s)
	p.pass(s, c)
}

func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		for p.cut.Load() {
			time.Sleep(20 * time.Millisecond)
		}
		if n > 0 {
			if _, werr := to.Write(buffer[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// reset closes all connections.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.all {
		c.Close()
	}
	p.all = nil
}

// TestNodesLoseNothing has nodes run batches while one fault after another meets them: no
// row is lost or has two results, and the order is kept.
func TestNodesLoseNothing(t *testing.T) {
	const rows = 80
	r := random(t)
	models := newRowServer(t)
	f := newFleet(t, models, 3)
	faults := []struct {
		name string
		do   func(submitter *process) (undo func())
	}{
		{"a node is killed", func(*process) func() {
			i := r.IntN(len(f.nodes))
			f.nodes[i].end(syscall.SIGKILL)
			return func() { f.work(i) }
		}},
		{"a node stands still", func(*process) func() {
			n := f.nodes[r.IntN(len(f.nodes))]
			n.signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(tries(10, 5+r.IntN(60))) * time.Second)
			n.signal(syscall.SIGCONT)
			return nil
		}},
		{"a node is cut off", func(*process) func() {
			p := f.nodes[r.IntN(len(f.nodes))].proxy
			p.cut.Store(true)
			time.Sleep(time.Duration(tries(9, 5+r.IntN(40))) * time.Second)
			p.cut.Store(false)
			return nil
		}},
		{"connections break", func(*process) func() {
			for range 5 {
				f.nodes[r.IntN(len(f.nodes))].proxy.reset()
				time.Sleep(100 * time.Millisecond)
			}
			return nil
		}},
		{"the server is killed", func(*process) func() {
			f.server.end(syscall.SIGKILL)
			f.serve()
			return nil
		}},
		{"who submitted is killed", func(p *process) func() {
			p.end(syscall.SIGKILL)
			return nil
		}},
		{"a byte of the store flips", func(*process) func() {
			f.server.end(syscall.SIGKILL)
			flip(t, f.head, r.Uint64())
			f.serve()
			return nil
		}},
	}
	total, extra, repeated, worst := 0, 0, 0, []time.Duration{}
	for n := range tries(len(faults), 200) {
		fault := faults[n%len(faults)]
		name := fmt.Sprintf("b%d", n)
		rowFile(t, f.head, name, rows)
		before := models.total()
		ready := models.after(10 + r.IntN(40))
		models.slow(200 * time.Millisecond)
		p := spawn(t, f.head, "batch", "c.yaml", "--in", name+".csv", "--out", name+".jsonl", "--nodes")
		select {
		case <-ready:
		case <-p.ended:
			t.Fatalf("%s: it ended at once: %s", fault.name, p.errs)
		}
		began := time.Now()
		undo := fault.do(p)
		<-p.ended
		for again := 0; answersOf(f.head, name, rows) != nil && again < 5; again++ {
			if o := f.head.run(t, "batch", "resume"); o.crashed() {
				t.Fatalf("%s: %s", fault.name, o.stderr)
			}
		}
		took := time.Since(began)
		worst = append(worst, took)
		if err := answersOf(f.head, name, rows); err != nil {
			t.Errorf("%s: %v; %s; the server: %s", fault.name, err, p.errs, f.server.errs)
		}
		calls := models.total() - before
		said := repeatedOf(t, f.head)
		if calls-rows > said {
			t.Errorf("%s: %d calls were repeated, and %d are reported", fault.name, calls-rows, said)
		}
		total, extra, repeated = total+rows, extra+calls-rows, repeated+said
		t.Logf("%s: %v, %d calls repeated, %d reported", fault.name, took.Round(100*time.Millisecond), calls-rows, said)
		if undo != nil {
			undo()
		}
	}
	slices.Sort(worst)
	t.Logf("%d faults, %d rows: %d calls repeated, %d reported; until a batch was whole %v (p50), %v (most)", len(worst), total, extra, repeated, worst[len(worst)/2], worst[len(worst)-1])
}

// repeatedOf is how many calls the newest batch says may have been made twice.
func repeatedOf(t *testing.T, h *home) int {
	t.Helper()
	o := h.run(t, "batch", "list", "--json")
	var all []struct{ Repeated int }
	if err := json.Unmarshal([]byte(o.stdout), &all); err != nil || len(all) == 0 {
		t.Fatalf("%v, %s", err, o.stderr)
	}
	return all[0].Repeated
}

// flip changes a byte in one of the files with the rows or results of a batch.
func flip(t *testing.T, h *home, chance uint64) {
	t.Helper()
	var blocks []string
	err := filepath.WalkDir(filepath.Join(h.dir, ".local/state/tandem/nodes/cluster/store"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".blk") && (strings.Contains(path, "/KV_tandem-") || strings.Contains(path, "/tandem-jobs-")) {
			if info, err := d.Info(); err == nil && info.Size() > 0 {
				blocks = append(blocks, path)
			}
		}
		return nil
	})
	if err != nil || len(blocks) == 0 {
		t.Fatalf("the store has no blocks: %v", err)
	}
	path := blocks[chance%uint64(len(blocks))]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := chance % uint64(len(data))
	data[at] ^= 1 << (chance % 8)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("byte %d of %d in %s", at, len(data), filepath.Base(filepath.Dir(filepath.Dir(path))))
}

// slow has each answer take so long.
func (s *rowServer) slow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.called
	s.called = func(r *http.Request, calls, judged int) {
		told(r, calls, judged)
		time.Sleep(d)
	}
}
