package exchange

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Clients ask the same question again when it fails, and some of them again and again
// when an answer breaks off, a program's whole time long. The storm guard knows a
// question that comes again: it lets two generations of it fail, and then refuses it,
// with a status after which no client asks again.
const (
	stormFailures = 2               // generations that failed
	stormWindow   = 2 * time.Minute // within which they count
	stormEntries  = 4096            // questions that are remembered
)

// storm remembers which questions failed.
type storm struct {
	mu     sync.Mutex
	failed map[string]*failedQuestion
	last   time.Time // that one failed
	now    func() time.Time
}

type failedQuestion struct {
	generations int
	last        time.Time
	why         string
}

// none reports whether no question has failed, which is nearly always so: then it need not
// be known which one this is.
func (s *storm) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Sub(s.last) > stormWindow {
		clear(s.failed)
	}
	return len(s.failed) == 0
}

func newStorm() *storm { return &storm{failed: map[string]*failedQuestion{}, now: time.Now} }

// refuse is the failure of a question that failed too often of late, or nil.
func (s *storm) refuse(question func() string) *Failure {
	if s.none() {
		return nil
	}
	key := question()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[key]
	if f == nil || f.generations < stormFailures {
		return nil
	}
	left := stormWindow - s.now().Sub(f.last)
	if left <= 0 {
		delete(s.failed, key)
		return nil
	}
	return &Failure{
		Status: http.StatusBadRequest, Code: CodeRepeated,
		Message: fmt.Sprintf("this request failed %d times within %s, the last time because: %s; it is refused for another %s, change it or wait", f.generations, stormWindow, f.why, left.Round(time.Second)),
	}
}

// asked is how many generations of a question failed of late, and whether it failed at
// all.
func (s *storm) asked(question func() string) (generations int, again bool) {
	if s.none() {
		return 0, false
	}
	key := question()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[key]
	if f == nil || s.now().Sub(f.last) > stormWindow {
		return 0, false
	}
	return f.generations, true
}

// fails notes that a question failed, after so many generations that did.
func (s *storm) fails(question func() string, generations int, why string) {
	key := question()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.failed) >= stormEntries {
		for k, f := range s.failed {
			if now.Sub(f.last) > stormWindow {
				delete(s.failed, k)
			}
		}
		if len(s.failed) >= stormEntries {
			clear(s.failed)
		}
	}
	f := s.failed[key]
	if f == nil || now.Sub(f.last) > stormWindow {
		f = &failedQuestion{}
		s.failed[key] = f
	}
	f.generations, f.last, f.why = f.generations+generations, now, why
	s.last = now
}

// succeeds forgets the failures of a question.
func (s *storm) succeeds(question func() string) {
	if s.none() {
		return
	}
	key := question()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, key)
}
