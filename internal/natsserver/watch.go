package natsserver

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Times of watch.
const (
	watchEvery = time.Second
	retryEvery = 2 * time.Second
)

// probeSize is how much a disk has to take before the server is started again, bytes.
const probeSize = 1 << 20

// watch starts the server anew where it cannot write its store, as on a full disk: a stream
// that has failed to write once writes no more, and answers nobody.
func (s *Server) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.over:
			return
		case <-tick.C:
		}
		if s.writes() {
			continue
		}
		why := s.probe()
		if why == nil {
			why = errors.New("a write failed")
		}
		s.say(fmt.Sprintf("the store of the cluster cannot be written: %v; rows wait until it can", why))
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
		for s.probe() != nil || s.start() != nil {
			select {
			case <-s.over:
				return
			case <-time.After(retryEvery):
			}
		}
		s.say("the store of the cluster can be written again")
	}
}

// writes reports whether all streams can be written.
func (s *Server) writes() bool {
	s.mu.Lock()
	n := s.nats
	s.mu.Unlock()
	if !n.JetStreamEnabled() || !n.Running() {
		return false
	}
	for _, e := range n.Healthz(&server.HealthzOptions{Details: true}).Errors {
		// One that cannot be read is found so, too, and to start again does not mend it.
		if e.Stream != "" && strings.Contains(e.Error, "write error") {
			return false
		}
	}
	return true
}

// probe writes to the store's disk, as the server does.
func (s *Server) probe() error {
	f, err := os.CreateTemp(s.store(), ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // the next one tries again
	_, err = f.Write(make([]byte, probeSize))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err // the file is of no interest
	}
	return err
}
