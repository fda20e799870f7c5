package batches

import "context"

// turn waits until the batch may run. It is what has ended the batch before, or "".
func (s *Service) turn(ctx context.Context, j *job) (end string) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.wait(j, "other batches run")
		select {
		case s.slots <- struct{}{}:
		case <-j.stop:
			return j.why
		case <-ctx.Done():
			return endStopping
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.slot, j.waiting = true, ""
	return ""
}

// pause tells what a batch waits for that has had its turn. Another one may run meanwhile.
func (s *Service) pause(j *job, text string) {
	s.wait(j, text)
	s.leaveSlot(j)
}

// resume says that a batch waits no more. It takes a place if there is one, and else runs
// beside the others: it has had its turn.
func (s *Service) resume(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.waiting = ""
	if j.slot {
		return
	}
	select {
	case s.slots <- struct{}{}:
		j.slot = true
	default:
	}
}

// leaveSlot gives back the place of a batch, if it has one.
func (s *Service) leaveSlot(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.slot {
		j.slot = false
		<-s.slots
	}
}
