package bench

import (
	"cmp"
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// SimServer is the server of a cluster as the simulation has it: it does one thing after
// another, as its disk does.
type SimServer struct {
	Row  time.Duration `json:"row_ns"`  // its time for a row, from its submission to its result
	Beat time.Duration `json:"beat_ns"` // for a node's heartbeat
	Trip time.Duration `json:"trip_ns"` // from a row's end to the next one, with nobody else there
}

// SimFleet is nodes with engines of one speed.
type SimFleet struct {
	Nodes int           `json:"nodes"`
	Slots int           `json:"slots"`   // calls that an engine runs at a time
	Call  time.Duration `json:"call_ns"` // each
}

// SimRow is what a fleet comes to.
type SimRow struct {
	SimFleet
	Rate    float64       `json:"per_second"`
	Engines float64       `json:"over_engines"` // the rate over what the engines can do; 0: calls take no time
	Busy    float64       `json:"server_busy"`  // the share of its time
	Wait    time.Duration `json:"wait_p99_ns"`  // until the server has a row's result and has given the next one
}

// simCalls is how long is simulated, in calls, and simWarm what is not counted of it.
const (
	simCalls = 12
	simWarm  = 4
)

// Simulate has a fleet answer rows without an end. A node holds twice as many rows as it
// runs, as [natsqueue.HoldOf] says: an engine stands still when those that wait have run
// out. Each row that ends goes to the server, which takes its result and gives the node
// another one. Calls differ by up to a tenth, so that they do not end together.
func Simulate(s SimServer, f SimFleet) SimRow {
	call := cmp.Or(f.Call, time.Microsecond)
	span := simCalls * max(call, 100*time.Millisecond, time.Duration(f.Nodes*natsqueue.HoldOf(f.Slots))*s.Row)
	warm := simWarm * span / simCalls
	m := &sim{server: s, call: call, random: rand.New(rand.NewPCG(1, 1)), span: span} //nolint:gosec // the same each time
	waiting := make([]int, f.Nodes)                                                   // rows that a node has and does not run
	for n := range f.Nodes {
		m.at(time.Duration(m.random.Float64()*float64(natsqueue.BeatEvery)), simBeat, n)
		waiting[n] = natsqueue.HoldOf(f.Slots) - f.Slots
		for range f.Slots {
			m.at(time.Duration(m.random.Float64()*float64(call)), simEnd, n)
		}
	}
	idle := make([]int, f.Nodes) // slots without a row
	done := 0
	var waits []time.Duration
	for len(m.events) > 0 {
		e := heap.Pop(m).(simEvent)
		if e.at > span {
			break
		}
		switch e.kind {
		case simBeat:
			m.serve(e.at, s.Beat, warm)
			m.at(e.at+natsqueue.BeatEvery, simBeat, e.node)
		case simEnd: // the row's result goes to the server, and the slot takes another row
			free := m.serve(e.at, s.Row, warm) + max(0, s.Trip-s.Row)
			m.at(free, simGiven, e.node)
			if e.at >= warm {
				waits = append(waits, free-e.at)
			}
			if waiting[e.node] > 0 {
				waiting[e.node]--
				m.begin(e.at, e.node)
			} else {
				idle[e.node]++
			}
		case simGiven: // the node has another row
			if e.at >= warm {
				done++
			}
			if idle[e.node] > 0 {
				idle[e.node]--
				m.begin(e.at, e.node)
			} else {
				waiting[e.node]++
			}
		}
	}
	seconds := (span - warm).Seconds()
	r := SimRow{SimFleet: f, Rate: float64(done) / seconds, Busy: min(1, m.busy.Seconds()/seconds)}
	if f.Call > 0 {
		r.Engines = r.Rate * f.Call.Seconds() / float64(f.Nodes*f.Slots)
	}
	if len(waits) > 0 {
		slices.Sort(waits)
		r.Wait = waits[len(waits)*99/100]
	}
	return r
}

// SimulateFleets are fleets up to 1,000 nodes, with calls of a small and of a large model.
func SimulateFleets(s SimServer) []SimRow {
	var rows []SimRow
	for _, call := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} {
		for _, nodes := range []int{10, 50, 100, 250, 500, 1000} {
			rows = append(rows, Simulate(s, SimFleet{Nodes: nodes, Slots: nodeSlots, Call: call}))
		}
	}
	return rows
}

// What happens in a simulation.
const (
	simBeat  = iota // a node's heartbeat
	simEnd          // a call ends
	simGiven        // a node is given a row
)

type simEvent struct {
	at   time.Duration
	kind int
	node int
}

// sim is a simulation: what is to come, the earliest first.
type sim struct {
	events []simEvent
	server SimServer
	call   time.Duration
	span   time.Duration
	free   time.Duration // when the server is
	busy   time.Duration
	random *rand.Rand
}

var _ heap.Interface = (*sim)(nil)

// Len is that of [heap.Interface].
func (m *sim) Len() int { return len(m.events) }

// Less is that of [heap.Interface].
func (m *sim) Less(i, j int) bool { return m.events[i].at < m.events[j].at }

// Swap is that of [heap.Interface].
func (m *sim) Swap(i, j int) { m.events[i], m.events[j] = m.events[j], m.events[i] }

// Push is that of [heap.Interface].
func (m *sim) Push(e any) { m.events = append(m.events, e.(simEvent)) }

// Pop is that of [heap.Interface].
func (m *sim) Pop() any {
	e := m.events[len(m.events)-1]
	m.events = m.events[:len(m.events)-1]
	return e
}

func (m *sim) at(when time.Duration, kind, node int) {
	heap.Push(m, simEvent{when, kind, node})
}

// begin begins a call.
func (m *sim) begin(when time.Duration, node int) {
	m.at(when+time.Duration(float64(m.call)*(0.9+0.2*m.random.Float64())), simEnd, node)
}

// serve has the server do something after all that came before, and returns when it is
// done.
func (m *sim) serve(when, takes, warm time.Duration) time.Duration {
	m.free = max(m.free, when) + takes
	m.busy += max(0, min(m.free, m.span)-max(m.free-takes, warm))
	return m.free
}
