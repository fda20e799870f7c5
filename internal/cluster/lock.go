package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tandem-llm/tandem/internal/held"
)

// HeldError is a store that another process has.
type HeldError struct {
	Dir    string
	Holder *held.Holder // nil: it has not said yet
}

// Error says who has it.
func (e *HeldError) Error() string {
	if e.Holder == nil {
		return fmt.Sprintf("another process serves the cluster in %s", e.Dir)
	}
	return fmt.Sprintf("%s serves the cluster in %s since %s", e.Holder, e.Dir, e.Holder.SinceText())
}

// Take takes the store in a directory at once, or returns a *[HeldError]. JetStream
// itself lets two servers write to one store.
func Take(dir string) (*held.Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := held.Take(held.Files{Lock: filepath.Join(dir, "lock"), Holder: filepath.Join(dir, "holder.json")}, 0)
	if e := (*held.Error)(nil); errors.As(err, &e) {
		return nil, &HeldError{dir, e.Holder}
	}
	return l, err
}
