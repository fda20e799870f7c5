package priority

import (
	"sync"
	"time"
)

// Meter tells how often and how long a batch could start no call to some engine because
// of interactive ones. Periods that overlap count once. The zero value is ready, and nil
// counts nothing.
type Meter struct {
	mu      sync.Mutex
	waiting int // calls
	since   time.Time
	waits   Waits
}

// Waits is what a [Meter] tells.
type Waits struct {
	Times int
	Total time.Duration
	Now   bool // a call waits
}

// Waits is how often and how long calls have waited so far.
func (m *Meter) Waits() Waits {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.waits
	if w.Now = m.waiting > 0; w.Now {
		w.Total += time.Since(m.since)
	}
	return w
}

func (m *Meter) begin() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting++; m.waiting == 1 {
		m.since = time.Now()
		m.waits.Times++
	}
}

func (m *Meter) end() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting--; m.waiting == 0 {
		m.waits.Total += time.Since(m.since)
	}
}
