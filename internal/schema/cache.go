package schema

import (
	"bytes"
	"sync"
)

// Cache compiles each schema once, and keeps the last few. Its zero value is
// ready, and safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	order []string
	kept  map[string]*Schema
}

const cached = 64

// Compile is [Compile], remembered.
func (c *Cache) Compile(raw []byte) (*Schema, error) {
	c.mu.Lock()
	s, ok := c.kept[string(raw)]
	c.mu.Unlock()
	if ok {
		return s, nil
	}
	s, err := Compile(raw)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = make(map[string]*Schema, cached)
	}
	key := string(bytes.Clone(raw))
	if _, ok := c.kept[key]; !ok {
		if len(c.order) == cached {
			delete(c.kept, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, key)
		c.kept[key] = s
	}
	return s, nil
}
