package structured

import (
	"fmt"
	"strings"
)

// Error is an answer that is not what the schema asks for: the cause inside
// the *[provider.Error] with which a request ends.
type Error struct {
	Attempts int      // how many answers there were
	Text     string   // the best of them: the fewest problems
	Problems []string // what is wrong with it, such as "/age: expected integer, got string"
	Err      error    // why it was not repaired, where no repair was tried or a repair failed; else nil
}

// Error says what is wrong, on one line, and nothing of what the model wrote
// besides.
func (e *Error) Error() string {
	text := "the answer does not match the schema"
	if len(e.Problems) > 0 {
		text += ": " + strings.Join(e.Problems, "; ")
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(" (the best of %d answers)", e.Attempts)
	}
	if e.Err != nil {
		text += "; " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
