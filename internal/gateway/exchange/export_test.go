package exchange

import (
	"io"
	"time"
)

// Outdate has the list of models asked for again.
func (x *Exchange) Outdate() {
	x.models.mu.Lock()
	defer x.models.mu.Unlock()
	x.models.at = time.Time{}
}

// NewEventWriter is what a reply writes its events into.
func NewEventWriter(to io.Writer) io.Writer { return &eventWriter{to: to} }
