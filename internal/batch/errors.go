package batch

import (
	"fmt"
)

// TooManyError is the end of a batch of which too many items failed.
type TooManyError struct {
	Failed int
	Limit  int   // the most that may; 0: see Last
	Last   error // the error of the last one; all before it in a row failed for such a reason
}

// Error counts them.
func (e *TooManyError) Error() string {
	if e.Limit > 0 {
		return fmt.Sprintf("stopped: %d failed, and the limit is %d", e.Failed, e.Limit)
	}
	return fmt.Sprintf("stopped: the last %d in a row failed for a reason that would fail the others too: %v", e.Failed, e.Last)
}

// Unwrap is the last one's error.
func (e *TooManyError) Unwrap() error { return e.Last }

// LostError is outcomes that could not be kept: their items are run again.
type LostError struct {
	Items int
	Err   error
}

// Error says how many, and why.
func (e *LostError) Error() string {
	return fmt.Sprintf("%v; the results of %d could not be stored and will be asked for again", e.Err, e.Items)
}

// Unwrap is why.
func (e *LostError) Unwrap() error { return e.Err }
