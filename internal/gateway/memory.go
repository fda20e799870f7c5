package gateway

import (
	"sync/atomic"
	"time"
)

// quiet is how long no call has to end before memory is given back.
const quiet = 5 * time.Second

// spare gives the system back what calls needed, once they have been over for a while.
// Go's runtime does so, too, but takes minutes: on the user's machine a gateway that
// nobody asks has to be small.
type spare struct {
	free func() // gives it back
	// ended counts calls, and watched says that the end of the calls is waited for.
	ended   atomic.Int64
	watched atomic.Bool
}

// callEnded notes that a call has ended.
func (s *spare) callEnded() {
	s.ended.Add(1)
	if s.watched.CompareAndSwap(false, true) {
		s.watch()
	}
}

// watch frees memory when no further call ends for a while.
func (s *spare) watch() {
	n := s.ended.Load()
	time.AfterFunc(quiet, func() {
		if s.ended.Load() != n {
			s.watch()
			return
		}
		s.watched.Store(false)
		s.free()
	})
}
