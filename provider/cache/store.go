package cache

import (
	"context"
	"sync"
	"time"
)

// Store holds answers by key. It is safe for concurrent use; a value that was
// put is not changed.
type Store interface {
	// Get returns the value of a key and when it was put; ok is false where
	// there is none.
	Get(ctx context.Context, key string) (value []byte, at time.Time, ok bool, err error)
	// Put sets a key's value. A store may drop old ones to make room.
	Put(ctx context.Context, key string, value []byte) error
	// Stats tells what is there.
	Stats(ctx context.Context) (Stats, error)
	// Clear drops all values, and sets the counts to zero.
	Clear(ctx context.Context) error
}

// Stats is what a Store holds, and how often it had an answer.
type Stats struct {
	Entries      int
	Bytes        int64 // of the values
	Hits, Misses int64
	Oldest       time.Time // when the oldest was put; zero: there is none
}

// Memory is a Store of one process, for tests and for programs that want no
// file. Its zero value is empty. It grows without bound.
type Memory struct {
	mu           sync.Mutex
	values       map[string]entry
	hits, misses int64
}

var _ Store = (*Memory)(nil)

type entry struct {
	value []byte
	at    time.Time
}

// Get returns the value of a key.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, time.Time, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.values[key]
	if ok {
		m.hits++
	} else {
		m.misses++
	}
	return k.value, k.at, ok, nil
}

// Put sets a key's value.
func (m *Memory) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[string]entry{}
	}
	m.values[key] = entry{value, time.Now()}
	return nil
}

// Stats tells what is there.
func (m *Memory) Stats(context.Context) (Stats, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stats{Entries: len(m.values), Hits: m.hits, Misses: m.misses}
	for _, k := range m.values {
		s.Bytes += int64(len(k.value))
		if s.Oldest.IsZero() || k.at.Before(s.Oldest) {
			s.Oldest = k.at
		}
	}
	return s, nil
}

// Clear drops all values.
func (m *Memory) Clear(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values, m.hits, m.misses = nil, 0, 0
	return nil
}
