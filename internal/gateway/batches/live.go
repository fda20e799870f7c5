package batches

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// Live is a batch that waits or runs, for a person who watches.
type Live struct {
	ID       string         `json:"id"`
	Caller   string         `json:"caller,omitempty"` // the name of the key that it belongs to
	File     string         `json:"file"`             // as it was called when it was sent
	Status   string         `json:"status"`
	Waiting  string         `json:"waiting,omitempty"`
	Total    int            `json:"total"` // requests
	Done     int            `json:"done"`  // that were answered
	Failed   int            `json:"failed"`
	Answered map[string]int `json:"answered_by"`
	Hosts    map[string]int `json:"answered_by_host,omitempty"` // of providers with several
	Rate     float64        `json:"per_second"`                 // requests that end, since it runs here; 0: not known
	USD      float64        `json:"cost_usd"`
	Expires  int64          `json:"expires_at"`
}

// Live are the batches of this process that a caller may see, the oldest first.
func (s *Service) Live(ctx context.Context, c exchange.Caller) []Live {
	s.mu.Lock()
	ids := slices.Sorted(maps.Keys(s.live))
	s.mu.Unlock()
	out := []Live{}
	for _, id := range ids {
		k, err := s.look(ctx, id)
		if err != nil || k.ended() > 0 || !c.Sees(&exchange.Call{Caller: k.Caller}) {
			continue
		}
		o := s.tell(id, k)
		out = append(out, Live{
			ID: o.ID, Caller: k.Caller, File: k.Spec.Input.File, Status: o.Status, Waiting: o.Tandem.Waiting, Total: k.Total, Done: k.Done, Failed: k.failed(),
			Answered: o.Tandem.Answered, Hosts: k.Hosts, Rate: s.rate(id), USD: k.USD, Expires: k.Expires,
		})
	}
	return out
}

// Open is how many batches run, and how many wait for something.
func (s *Service) Open() (running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.live {
		if j.waiting == "" && !j.meter.Waits().Now {
			running++
		} else {
			waiting++
		}
	}
	return running, waiting
}

// rate is how many rows of a batch end in a second.
func (s *Service) rate(id string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.live[id]
	if j == nil || j.kept == 0 {
		return 0
	}
	return float64(j.kept) / time.Since(j.began).Seconds()
}

// Cancel stops a batch that a caller may see; fs.ErrNotExist: it has none of that id that
// waits or runs.
func (s *Service) Cancel(ctx context.Context, c exchange.Caller, name string) error {
	id := strings.TrimPrefix(name, batchPrefix)
	if !isID(name, batchPrefix) {
		return fs.ErrNotExist
	}
	k, err := s.look(ctx, id)
	if err != nil {
		return err
	}
	if !c.Sees(&exchange.Call{Caller: k.Caller}) || k.ended() > 0 || k.Finalizing > 0 {
		return fs.ErrNotExist
	}
	return s.stopBatch(ctx, id)
}
