package exchange

import "time"

// Outdate has the list of models asked for again.
func (x *Exchange) Outdate() {
	x.models.mu.Lock()
	defer x.models.mu.Unlock()
	x.models.at = time.Time{}
}
