package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/cluster"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/node"
	"github.com/tandem-llm/tandem/internal/runner"
)

// Queue is what one `tandem node serve` carries: measured, and what that means for more
// nodes than were measured, by simulation.
type Queue struct {
	Loads []QueueLoad `json:"loads"`
	Idle  []QueueIdle `json:"idle"`
	// Server is what the simulation rests on.
	Server    SimServer `json:"server"`
	Simulated []SimRow  `json:"simulated"`
}

// QueueLoad is a batch that nodes answer within one process of the bench.
type QueueLoad struct {
	SimFleet
	Rows     int     `json:"rows"`
	Handed   float64 `json:"handed_per_second"` // rows, as the batch began
	Rate     float64 `json:"per_second"`
	Server   float64 `json:"server_cpu_us"` // for a row, from its submission to its result; 0: not known
	Bytes    float64 `json:"bytes"`         // of the server's store, for a row
	Expected float64 `json:"simulated_per_second"`
}

// QueueIdle is what nodes cost the server that have nothing to do.
type QueueIdle struct {
	Nodes  int     `json:"nodes"`
	Server float64 `json:"server_cpu_us"` // for a node and a second
	Memory float64 `json:"memory_kib"`    // of the server, for a node
}

// queueLoads are what is measured: one row at a time, as many as the server carries, and
// many nodes whose calls take their time.
var queueLoads = []struct {
	SimFleet
	rows int
}{
	{SimFleet{Nodes: 1, Slots: 1}, 300},
	{SimFleet{Nodes: 1, Slots: 64}, 4000},
	{SimFleet{Nodes: 4, Slots: 64}, 6000},
	{SimFleet{Nodes: 16, Slots: 16}, 6000},
	{SimFleet{Nodes: 100, Slots: 4, Call: 4 * time.Second}, 2000},
}

// MeasureQueue measures one `tandem node serve`, with nodes whose calls are a pause.
func MeasureQueue(ctx context.Context, p Plan) (*Queue, error) {
	if len(p.Tandem) == 0 {
		return nil, errors.New("the queue needs the program: -tandem")
	}
	f, err := newFleet(ctx, p, 1)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	q := &Queue{}
	var last QueueIdle
	for _, n := range []int{100, 200, 400} {
		fmt.Fprintf(p.Log, "queue: %d nodes that have nothing to do\n", n)
		if last, err = f.idle(ctx, n); err != nil {
			return nil, err
		}
		q.Idle = append(q.Idle, last)
	}
	best := 0.0
	for i, l := range queueLoads {
		fmt.Fprintf(p.Log, "queue: %d rows, %d nodes of %d slots, calls of %v\n", l.rows, l.Nodes, l.Slots, l.Call)
		row, err := f.load(ctx, fmt.Sprintf("q%d", i), l.SimFleet, l.rows)
		if err != nil {
			return nil, err
		}
		q.Loads = append(q.Loads, row)
		if l.Call == 0 && l.Slots > 1 {
			best = max(best, row.Rate)
		}
	}
	q.Server = SimServer{
		Row: time.Duration(float64(time.Second) / best), Beat: time.Duration(last.Server * float64(time.Microsecond) * natsqueue.BeatEvery.Seconds()),
		Trip: time.Duration(float64(natsqueue.HoldOf(queueLoads[0].Slots)) * float64(time.Second) / q.Loads[0].Rate),
	}
	for i := range q.Loads {
		q.Loads[i].Expected = Simulate(q.Server, q.Loads[i].SimFleet).Rate
	}
	q.Simulated = SimulateFleets(q.Server)
	return q, nil
}

// connect connects to the cluster as the machine that serves it does.
func (f *fleet) connect(ctx context.Context) (*natsqueue.Cluster, error) {
	m, err := cluster.ReadMember(filepath.Join(f.dir, "server", "tandem", "nodes"))
	if err != nil {
		return nil, err
	}
	tls, err := m.TLS()
	if err != nil {
		return nil, err
	}
	return natsqueue.Open(ctx, natsqueue.Config{URL: m.URL, ID: m.Cluster, Options: []nats.Option{nats.Secure(tls)}})
}

// crowd are nodes within this process.
type crowd struct {
	stop  chan struct{}
	done  sync.WaitGroup
	close []func()
}

func (c *crowd) end() {
	close(c.stop)
	c.done.Wait()
	for _, end := range c.close {
		end()
	}
}

// gather starts nodes whose rows are answered by run.
func (f *fleet) gather(ctx context.Context, n, slots int, run batch.Run) (*crowd, error) {
	c := &crowd{stop: make(chan struct{})}
	for i := range n {
		link, err := f.connect(ctx)
		if err != nil {
			c.end()
			return nil, err
		}
		c.close = append(c.close, link.Close)
		cfg := node.Config{
			Cluster: link, ID: nodeName(i), Name: nodeName(i), Slots: slots, Stop: c.stop,
			Accept: func(context.Context, *natsqueue.Manifest, []byte, func(string)) (*node.Rows, error) {
				return &node.Rows{Run: run, Close: func() {}}, nil
			},
		}
		c.done.Go(func() { _ = node.Run(ctx, cfg) }) // until it is stopped
	}
	return c, nil
}

// idleTime is over how long idle nodes are measured.
const idleTime = 20 * time.Second

func (f *fleet) idle(ctx context.Context, nodes int) (row QueueIdle, err error) {
	pid := f.serve.Process.Pid
	before := memoryOf(pid).Private
	c, err := f.gather(ctx, nodes, nodeSlots, nil)
	if err != nil {
		return row, err
	}
	defer c.end()
	time.Sleep(2 * natsqueue.BeatEvery) // until all have said that they are there
	cpu, began := cpuOf(pid), time.Now()
	time.Sleep(idleTime)
	seconds := float64(nodes) * time.Since(began).Seconds()
	return QueueIdle{Nodes: nodes, Server: float64((cpuOf(pid) - cpu).Microseconds()) / seconds, Memory: float64(memoryOf(pid).Private-before) / float64(nodes)}, nil
}

// load has nodes answer the rows of a batch, each after a pause.
func (f *fleet) load(ctx context.Context, id string, fleet SimFleet, rows int) (row QueueLoad, err error) {
	row.SimFleet, row.Rows = fleet, rows
	file, err := batch.Create(ctx, f.dir, batch.Spec{ID: id, Columns: []string{"item"}, Variants: 1, Repeats: 1})
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, file.Discard()) }()
	if _, err = file.Add(ctx, itemRows(rows), nil); err == nil {
		err = file.Ready(ctx, file.Spec())
	}
	if err != nil {
		return row, err
	}
	var mu sync.Mutex
	var first, last time.Time
	calls := 0
	c, err := f.gather(ctx, fleet.Nodes, fleet.Slots, func(_ context.Context, item batch.Item) batch.Reply {
		mu.Lock()
		if calls++; calls == 1 {
			first = time.Now()
		}
		mu.Unlock()
		time.Sleep(fleet.Call)
		mu.Lock()
		defer mu.Unlock()
		last = time.Now()
		return batch.Reply{Result: runner.Result{OK: true, Answer: fmt.Sprint(Answer(), item.Row)}}
	})
	if err != nil {
		return row, err
	}
	defer c.end()
	link, err := f.connect(ctx)
	if err != nil {
		return row, err
	}
	defer link.Close()
	time.Sleep(natsqueue.BeatEvery)
	pid, size := f.serve.Process.Pid, sizeOf(f.dir)
	cpu, began := cpuOf(pid), time.Now()
	if err := natsqueue.Work(ctx, natsqueue.WorkConfig{File: file, Cluster: link, Manifest: natsqueue.Manifest{ID: id, Chain: "chain.yaml"}, Bundle: []byte("none")}); err != nil {
		return row, err
	}
	if calls != rows {
		return row, fmt.Errorf("%d calls of %d rows", calls, rows)
	}
	row.Handed, row.Rate = float64(rows)/first.Sub(began).Seconds(), float64(rows)/last.Sub(first).Seconds()
	row.Server, row.Bytes = float64((cpuOf(pid)-cpu).Microseconds())/float64(rows), float64(sizeOf(f.dir)-size)/float64(rows)
	return row, link.Remove(ctx, id)
}

// sizeOf is what the store of the cluster's server has on the disk, bytes.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(filepath.Join(dir, "server"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil { // what is gone has no size
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

func (q *Queue) write(t io.Writer) {
	fmt.Fprintln(t, "\nnodes without work\tserver's CPU, a node and second\tserver's memory, a node")
	for _, i := range q.Idle {
		fmt.Fprintf(t, "%d\t%.0f µs\t%.0f KiB\n", i.Nodes, i.Server, i.Memory)
	}
	fmt.Fprintln(t, "\nmeasured: nodes\tslots\tcall\trows handed over a second\trows a second\tserver's CPU a row\tbytes a row\tsimulated, rows a second")
	for _, l := range q.Loads {
		fmt.Fprintf(t, "%d\t%d\t%v\t%.0f\t%.0f\t%.0f µs\t%.0f\t%.0f\n", l.Nodes, l.Slots, l.Call, l.Handed, l.Rate, l.Server, l.Bytes, l.Expected)
	}
	fmt.Fprintf(t, "\nThe simulated server takes %v for a row and %v for a heartbeat, one after another; a node's own time for a row is %v.\n", q.Server.Row.Round(time.Microsecond), q.Server.Beat.Round(time.Microsecond), q.Server.Trip.Round(10*time.Microsecond))
	fmt.Fprintln(t, "\nsimulated: nodes\tslots\tcall\trows a second\tof what the engines can do\tserver busy\twait for the server (p99)")
	for _, s := range q.Simulated {
		fmt.Fprintf(t, "%d\t%d\t%v\t%.0f\t%.2f\t%.2f\t%v\n", s.Nodes, s.Slots, s.Call, s.Rate, s.Engines, s.Busy, s.Wait.Round(time.Millisecond))
	}
}
