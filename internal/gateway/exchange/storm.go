package exchange

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Some clients ask the same question again and again when an answer breaks off, a
// program's whole time long. The storm guard lets a question fail twice and then
// refuses it, with a status after which no client asks again.
const (
	stormFailures = 2               // generations that failed
	stormWindow   = 2 * time.Minute // within which they count
	stormEntries  = 4096            // questions that are remembered
)

// storm remembers which questions failed after a generation had begun.
type storm struct {
	mu     sync.Mutex
	failed map[string]*failedQuestion
	now    func() time.Time
}

type failedQuestion struct {
	times int
	last  time.Time
	why   string
}

func newStorm() *storm { return &storm{failed: map[string]*failedQuestion{}, now: time.Now} }

// refuse is the failure of a question that failed too often of late, or nil.
func (s *storm) refuse(question string) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failed[question]
	if f == nil || f.times < stormFailures {
		return nil
	}
	left := stormWindow - s.now().Sub(f.last)
	if left <= 0 {
		delete(s.failed, question)
		return nil
	}
	return &Failure{
		Status: http.StatusBadRequest, Code: CodeRepeated,
		Message: fmt.Sprintf("this request failed %d times within %s, the last time because: %s; it is refused for another %s, change it or wait", f.times, stormWindow, f.why, left.Round(time.Second)),
	}
}

// fails notes that a generation for the question failed.
func (s *storm) fails(question, why string) {
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
	f.times, f.last, f.why = f.times+1, now, why
}

// succeeds forgets the failures of a question.
func (s *storm) succeeds(question string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, question)
}
