package batch

import (
	"errors"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/internal/held"
)

// Holder is the process that runs a batch.
type Holder = held.Holder

// HeldError is a batch that another process runs.
type HeldError struct {
	ID     string
	Holder *Holder // nil: it has not said yet
}

// Error says who, and since when.
func (e *HeldError) Error() string {
	if e.Holder == nil {
		return fmt.Sprintf("the batch %s is being run by another process", e.ID)
	}
	return fmt.Sprintf("the batch %s is being run by %s since %s", e.ID, e.Holder, e.Holder.SinceText())
}

// lookTime is how long a lock is tried for: who only looks whether it is held has it for
// a moment.
const lookTime = 200 * time.Millisecond

func lockFiles(path string) held.Files {
	return held.Files{Lock: path + ".lock", Holder: path + ".holder"}
}

// take takes the lock of a batch's file at once, or returns a *HeldError.
func take(id, path string) (*held.Lock, error) {
	l, err := held.Take(lockFiles(path), lookTime)
	if e := (*held.Error)(nil); errors.As(err, &e) {
		return nil, &HeldError{id, e.Holder}
	}
	return l, err
}
