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
	now    func() time.Time
}

type failedQuestion struct {
	generations int
	last        time.Time
	why         string
}

func newStorm() *storm { return &storm{failed: map[string]*failedQuestion{}, now: time.Now} }

// refuse is the failure of a question that failed too often of late, or nil.
func (s *storm) refuse(question string) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[question]
	if f == nil || f.generations < stormFailures {
		return nil
	}
	left := stormWindow - s.now().Sub(f.last)
	if left <= 0 {
		delete(s.failed, question)
		return nil
	}
	return &Failure{
		Status: http.StatusBadRequest, Code: CodeRepeated,
		Message: fmt.Sprintf("this request failed %d times within %s, the last time because: %s; it is refused for another %s, change it or wait", f.generations, stormWindow, f.why, left.Round(time.Second)),
	}
}

// asked is how many generations of a question failed of late, and whether it failed at
// all.
func (s *storm) asked(question string) (generations int, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[question]
	if f == nil || s.now().Sub(f.last) > stormWindow {
		return 0, false
	}
	return f.generations, true
}

// fails notes that a question failed, after so many generations that did.
func (s *storm) fails(question string, generations int, why string) {
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
	f := s.failed[question]
	if f == nil || now.Sub(f.last) > stormWindow {
		f = &failedQuestion{}
		s.failed[question] = f
	}
	f.generations, f.last, f.why = f.generations+generations, now, why
}

// succeeds forgets the failures of a question.
func (s *storm) succeeds(question string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, question)
}
