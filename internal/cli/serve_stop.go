package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway"
)

const (
	// drainTime is how long what is under way may take to end when the gateway stops.
	drainTime = 20 * time.Second
	// endTime is how long it may take to end once it was cancelled.
	endTime = 5 * time.Second
)

// stopping ends a gateway.
type stopping struct {
	server      *http.Server
	g           *gateway.Server
	endRequests context.CancelFunc // cancels every request, downloads too
	log         *serveLog
	drain, end  time.Duration // drainTime and endTime
}

// run lets what is under way end, refuses what is new, and cancels what takes longer than
// it may. Served has the end of each listener, as many as it holds.
func (s *stopping) run(ctx context.Context, served <-chan error) error {
	ctx = context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, s.drain)
	defer cancel()
	defer s.g.StopBatches(limited)()
	s.g.Exchange().Close()
	switch n := len(s.g.Exchange().Live()); n {
	case 0:
		s.log.say("stopping")
	default:
		s.log.say(fmt.Sprintf("stopping: waiting up to %d seconds for %s under way", int(s.drain.Seconds()), count(n, "call")))
	}
	err := s.server.Shutdown(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.cut(ctx)
	}
	for range cap(served) {
		if e := <-served; err == nil && !errors.Is(e, http.ErrServerClosed) {
			err = e
		}
	}
	return err
}

// cut ends what did not end in time: calls with an error of their API, other requests
// without one.
func (s *stopping) cut(ctx context.Context) error {
	if n := len(s.g.Exchange().Live()); n > 0 {
		s.log.say("ending " + count(n, "call") + " that did not end in time")
	} else {
		s.log.say("ending the requests that did not end in time")
	}
	limited, cancel := context.WithTimeout(ctx, s.end)
	defer cancel()
	s.g.Exchange().CancelAll()
	s.endRequests()
	err := s.server.Shutdown(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	return err
}
